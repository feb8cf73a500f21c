#include "calib/state_source.h"

#include <utility>

#include "ptq/error.h"
#include "runtime/model_session.h"

namespace ptq {

StateSource::StateSource(std::unique_ptr<SampleSource> inner, const Model& model,
                         std::vector<StateLink> links)
    : inner_(std::move(inner)),
      states_(model.graph, std::move(links)),
      session_(open_session(model, {})) {}

std::optional<Sample> StateSource::next() {
  std::optional<Sample> sample = inner_->next();
  if (sample) {
    states_.begin(sample->sequence, sample->inputs);
    try {
      states_.take(session_.run(sample->inputs));
    } catch (Error& error) {
      error.add_context(printable(sample->origin));
      throw;
    }
  }
  return sample;
}

}  // namespace ptq

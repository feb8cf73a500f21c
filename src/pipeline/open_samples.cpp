#include "pipeline/open_samples.h"

#include <utility>

#include "calib/state_source.h"
#include "ptq/error.h"

namespace ptq {

std::unique_ptr<SampleSource> open_without_states(const Model& model, const DataRequest& data) {
  DataOptions options = data.options;
  for (const StateLink& link : data.measure.states) {
    options.optional_inputs.push_back(link.input);
  }
  if (options.skip_bad && data.measure.shards > 1) {
    throw Error(ErrorCode::kUsage,
                "--skip-bad and --shard cannot be used together, as the shards would not agree on "
                "the numbers of the samples; remove the bad files first (`ptq data check` names "
                "them)");
  }
  return open_data(data.data, input_specs(model.graph), options);
}

std::unique_ptr<SampleSource> open_samples(const Model& model, const DataRequest& data) {
  std::unique_ptr<SampleSource> source = open_without_states(model, data);
  if (data.measure.states.empty()) {
    return source;
  }
  return std::make_unique<StateSource>(std::move(source), model, data.measure.states);
}

}  // namespace ptq

#pragma once
// The samples of a stateful model, made complete: each gets the states that the model itself leaves
// when it runs over them in order. For what looks at single samples: searches and comparisons. One
// thread.

#include <memory>
#include <vector>

#include "calib/state_feed.h"
#include "data/sample_source.h"
#include "ptq/graph.h"
#include "runtime/session.h"

namespace ptq {

class StateSource : public SampleSource {
 public:
  // Throws as StateFeed and open_session do.
  StateSource(std::unique_ptr<SampleSource> inner, const Model& model,
              std::vector<StateLink> links);

  std::optional<Sample> next() override;  // skip() runs the model too: the next state depends on it
  size_t size() const override { return inner_->size(); }
  std::vector<std::string> warnings() const override { return inner_->warnings(); }
  std::map<std::string, int64_t> strata() const override { return inner_->strata(); }
  std::string preprocessing() const override { return inner_->preprocessing(); }

 private:
  std::unique_ptr<SampleSource> inner_;
  StateFeed states_;
  Session session_;
};

}  // namespace ptq

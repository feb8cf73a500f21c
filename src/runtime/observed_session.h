#pragma once
// A session that reports chosen values of a model while it runs, at little more than the cost of
// running it. Called by calibration. Building belongs to one thread, Session::run to any.

#include <atomic>
#include <string>
#include <vector>

#include "ptq/graph.h"
#include "runtime/observer_sink.h"
#include "runtime/session.h"

namespace ptq {

struct ObservedSession {
  Session session;
  // Positions in the list of values that cannot be observed, because they are not float32.
  std::vector<size_t> skipped;
  // Why observers could not be put behind the runtime's optimizations and stand in the model as
  // given instead, which is right but slower. Empty when all went well.
  std::string fallback_reason;
};

// `values`: names of node outputs of the main graph, and of node outputs and inputs of the graphs
// inside its nodes; there each name belongs to one graph. Value i is reported to `sink` as slot i,
// each time that it is computed. Inside inner graphs the observers stand in the way of fusions.
// `sink` must outlive the session. Throws Error{kInput} for a name that no node makes,
// Error{kRuntime} when the runtime refuses the model itself, Error{kInterrupted} soon after
// `cancel` is set.
ObservedSession observe_values(const Model& model, const std::vector<std::string>& values,
                               ObserverSink& sink, const std::atomic<bool>* cancel = nullptr);

}  // namespace ptq

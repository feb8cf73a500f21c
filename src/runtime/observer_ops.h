#pragma once
// The operators of domain `ai.ptq` that ptq puts into a graph to look at values while it runs.
// Included only by session.cpp, which knows ONNX Runtime's headers.
//
//   Mark(X) -> m        any type, int64[0]; keeps X alive through the runtime's optimizations and
//   says
//                       where it went. Never run. Attribute slot.
//   Observe(X) -> Y     float32; reports X to the sink and passes it on without a copy (Y is X's
//                       memory). Attributes slots, channels, block (0 = plain layout).
//   Rewrite(X) -> Y     float32; a copy of X that the rewriter may change. Attribute slot.

#include <memory>

#include <onnxruntime_cxx_api.h>

#include "runtime/observer_sink.h"
#include "runtime/value_rewriter.h"

namespace ptq {

inline constexpr const char* kObserverDomain = "ai.ptq";

// The domain with Mark, and with Observe and Rewrite where there is a sink and a rewriter for them.
// It and both must outlive the sessions that use them.
class ObserverOps {
 public:
  ObserverOps(ObserverSink* sink, ValueRewriter* rewriter);
  ~ObserverOps();
  ObserverOps(const ObserverOps&) = delete;
  ObserverOps& operator=(const ObserverOps&) = delete;

  OrtCustomOpDomain* domain() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ptq

#pragma once
// What the Rewrite operators in a session call, to change values on their way. A session calls it
// from inside Session::run, on the thread that called run (sessions with one intra-operator
// thread).

#include <cstdint>
#include <span>

namespace ptq {

class ValueRewriter {
 public:
  virtual ~ValueRewriter() = default;
  // `slot` names the value; `values` is all of it, and may be changed. An exception ends the run
  // with Error{kRuntime}.
  virtual void rewrite(int64_t slot, std::span<float> values) = 0;
};

}  // namespace ptq

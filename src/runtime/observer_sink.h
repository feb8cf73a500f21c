#pragma once
// What the observer operators in a session report to. A session calls it from inside Session::run,
// on the thread that called run (sessions with one intra-operator thread).

#include <cstdint>
#include <functional>
#include <span>

namespace ptq {

// A float32 tensor where the runtime has it. In the blocked layout (NCHWc) of convolutions a tensor
// [N,C,H,W] is stored as [N][ceil(C / block)][H][W][block] and `shape` is [N, C rounded up, H, W]:
// the lanes of the last channel block beyond C are padding, not values.
struct ObservedTensor {
  std::span<const float> stored;   // all that is in memory, padding included
  std::span<const int64_t> shape;  // as stored
  int64_t channels = 0;            // C; 0 when the layout is plain
  int64_t block = 0;               // lanes of a channel block; 0 when the layout is plain
};

// Calls `visit` with the real values of `tensor`, piece by piece, in storage order; padding is left
// out. The pieces are views or short copies, valid during the call.
void for_each_piece(const ObservedTensor& tensor,
                    const std::function<void(std::span<const float>)>& visit);

class ObserverSink {
 public:
  virtual ~ObserverSink() = default;
  // `slot` names the observed value. An exception ends the run with Error{kRuntime}.
  virtual void observe(int64_t slot, const ObservedTensor& tensor) = 0;
};

}  // namespace ptq

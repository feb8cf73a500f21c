#pragma once
// Leaves padded positions of token sequences out of statistics. A mask [B,L] says which positions
// of a run are real; a value that has an axis of tokens is counted at those alone. Made for one
// run, used by the worker that runs it.

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "ptq/tensor.h"

namespace ptq {

// Where a value has tokens.
struct TokenAxes {
  enum class Kind {
    kNone,    // nowhere: every value counts
    kTokens,  // [B,…,L,…], or [B·L,…]: the values of real positions count
    kPairs,   // [B,…,L,L] of rank 4 or more: those of pairs of real positions count
  };
  Kind kind = Kind::kNone;
  size_t axis = 0;  // of tokens; 0: it holds B and L
};

class TokenMask {
 public:
  // `mask`: integers, bool or floats of shape [B,L]; real where not 0. Throws Error{kInput} that
  // begins with `where` for another shape or type.
  TokenMask(const Tensor& mask, std::string_view where);

  // `declared` is what the model says of the shape: -1 for a dimension that may vary, empty for an
  // unknown rank. Where `varies` (the model leaves L open), an axis of fixed size holds no tokens,
  // even when its size happens to be L. Axes [B,…] may be folded to [B·heads,…].
  TokenAxes find_axes(std::span<const int64_t> shape, std::span<const int64_t> declared,
                      bool varies) const;

  // Calls `visit` with the values that count, in order, piece by piece. `values` are row-major of
  // `shape`.
  void for_each_kept(std::span<const int64_t> shape, const TokenAxes& axes,
                     std::span<const float> values,
                     const std::function<void(std::span<const float>)>& visit) const;

 private:
  // Tokens [begin, end) of one batch entry that are real.
  struct Stretch {
    size_t begin = 0;
    size_t end = 0;
  };

  int64_t batch_ = 0;
  int64_t length_ = 0;
  std::vector<std::vector<Stretch>> real_;  // by batch entry
};

}  // namespace ptq

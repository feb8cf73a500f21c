#pragma once
// Codes that cannot saturate the x86 kernels. Without VNNI the runtime multiplies uint8 activations
// by int8 weights with VPMADDUBSW, which adds two neighbouring products in 16 bits and saturates:
// 255 · 127 · 2 = 64,770 > 32,767. Whatever the activations are, nothing saturates when no pair of
// neighbouring weight codes of equal sign adds up to more than 128, since 255 · 128 = 32,640. That
// costs far less than codes of 7 bits, because large weights seldom are neighbours.
// Pure functions; any thread.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

namespace ptq {

// The order in which a kernel reads a weight: element k of output channel c stands at flat index
// first[c] + step[k]. Pairs are the elements 2i and 2i + 1 of this order.
struct ReductionOrder {
  std::vector<size_t> first{};
  std::vector<size_t> step{};

  bool empty() const { return first.empty(); }
};

// Largest |w1 + w2| of codes of equal sign that is safe for every uint8 activation.
inline constexpr int32_t kSafePairSum = 128;

// Largest sum of the magnitudes of two neighbouring codes of equal sign; 0 without such a pair.
int32_t largest_pair_sum(std::span<const int8_t> codes, const ReductionOrder& order);

inline bool pair_saturates(int32_t a, int32_t b) {
  return (a > 0) == (b > 0) && std::abs(a) + std::abs(b) > kSafePairSum;
}

// Codes of `row` (in the kernel's order, divided by the scale already) of least squared error with
// |code| ≤ 127 and no saturating pair: round to nearest, but a pair above the limit goes to the
// nearest point on it.
void round_pair_limited(std::span<const float> row, std::span<int32_t> codes);

// The scale of least squared error for round_pair_limited, from `lowest` to where no pair needs to
// move. `rows`: the real weights of each output channel that has this scale, in the kernel's order.
float pair_limited_scale(const std::vector<std::vector<float>>& rows, float lowest);

}  // namespace ptq

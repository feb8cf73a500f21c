#pragma once
// Finds the few nodes whose quantization alone spoils the output, with few measurements: group
// testing. Errors of independent nodes add in power, so a group that is good enough as a whole
// holds no node that is not; only groups that fail are split. Pure apart from the callback; one
// thread.

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

namespace ptq {

struct NoisyNode {
  size_t node = 0;
  double sqnr_db = 0.0;  // at the output, with this node alone in integers
};

// SQNR in dB at the output when exactly `nodes` run in integers.
using MeasureNodes = std::function<double(std::span<const size_t> nodes)>;

// The nodes whose SQNR alone is below `limit_db`, noisiest first. Neighbours in `nodes` are split
// last. Measures 1 + about 2 k log2(n / k) groups for k noisy ones of n.
std::vector<NoisyNode> find_noisy_nodes(std::span<const size_t> nodes, double limit_db,
                                        const MeasureNodes& measure);

}  // namespace ptq

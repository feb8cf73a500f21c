#pragma once
// Which operators on constants fold_constants computes, and how large their results may become. A
// model is untrusted: a small file must not turn into a large one. One thread.

#include <cstdint>
#include <optional>
#include <span>

#include "ptq/graph.h"
#include "ptq/tensor.h"

namespace ptq {

// Upper bound of the bytes of the results of `node` on `inputs` (those that are there, in order).
// Nothing when the operator is not in the table, has inputs that it does not take, or could trap
// the processor.
std::optional<int64_t> result_bytes(const Node& node, std::span<const Tensor* const> inputs);

// a · b of numbers >= 0, the largest int64 instead of an overflow.
int64_t saturating_product(int64_t a, int64_t b);

}  // namespace ptq

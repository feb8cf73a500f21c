#pragma once
// What timed runs are fed with: samples of the user, several in a batch, or made-up tensors of the
// right shapes. Any thread.

#include <map>
#include <string>
#include <vector>

#include "data/sample_source.h"
#include "ptq/tensor.h"

namespace ptq {

using Feeds = std::map<std::string, Tensor>;

// Tensors for `inputs`: floats uniform in [0, 1), 8-bit integers uniform, other integers 1,
// booleans true; the same for the same arguments. An open first dimension is `batch`; a shape in
// `shapes` replaces a declared one that it fits. Throws Error{kUsage} naming the input and the
// dimension that stays open, the shape that does not fit, or the name in `shapes` that is no input.
Feeds generated_feeds(const std::vector<InputSpec>& inputs,
                      const std::map<std::string, Shape>& shapes, int64_t batch);

// Groups of `batch` samples, joined along axis 0 where the model leaves that open; the last samples
// are left out when they do not fill a group. Throws Error{kUsage} when an input has a fixed first
// dimension and `batch` is not 1, and Error{kInput} for samples of unequal shapes or too few.
std::vector<Feeds> batched_feeds(const std::vector<InputSpec>& inputs, SampleSource& samples,
                                 int64_t batch);

}  // namespace ptq

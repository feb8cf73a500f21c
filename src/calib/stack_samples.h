#pragma once
// Samples that go through the model together, as the tensors of one run. Any thread.

#include <map>
#include <span>
#include <string>

#include "data/sample_source.h"
#include "ptq/tensor.h"

namespace ptq {

// The inputs of one sample as they are; those of several, of equal types and shapes with a leading
// 1, stacked along axis 0.
std::map<std::string, Tensor> stack_samples(std::span<const Sample> samples);

}  // namespace ptq

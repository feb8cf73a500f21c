#include "calib/stack_samples.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "ptq/error.h"

namespace ptq {

std::map<std::string, Tensor> stack_samples(std::span<const Sample> samples) {
  PTQ_CHECK(!samples.empty());
  std::map<std::string, Tensor> stacked = samples[0].inputs;
  if (samples.size() == 1) {
    return stacked;
  }
  for (auto& [name, tensor] : stacked) {
    Shape shape = tensor.shape();
    shape[0] = static_cast<int64_t>(samples.size());
    Tensor all(tensor.dtype(), std::move(shape));
    std::byte* out = all.mutable_bytes().data();
    for (const Sample& sample : samples) {
      const std::span<const std::byte> bytes = sample.inputs.at(name).bytes();
      out = std::copy(bytes.begin(), bytes.end(), out);
    }
    tensor = std::move(all);
  }
  return stacked;
}

}  // namespace ptq

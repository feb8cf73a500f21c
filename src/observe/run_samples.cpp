#include "observe/run_samples.h"

#include <algorithm>

#include "core/input_hash.h"

namespace ptq {

std::vector<Digest> run_samples(const std::map<std::string, Tensor>& inputs, bool rows) {
  const auto batch = [](const Tensor& tensor) {
    return tensor.shape().empty() || bit_width(tensor.dtype()) < 8 ? int64_t{-1}
                                                                   : tensor.shape()[0];
  };
  const int64_t size = inputs.empty() ? -1 : batch(inputs.begin()->second);
  const bool split = rows && size > 1 && std::ranges::all_of(inputs, [&](const auto& input) {
                       return batch(input.second) == size;
                     });
  if (!split) {
    return {input_hash(inputs)};
  }
  std::vector<Digest> samples;
  for (int64_t row = 0; row < size; ++row) {
    std::map<std::string, Tensor> sample;
    for (const auto& [name, tensor] : inputs) {
      sample.emplace(name, tensor.slice_rows(row, 1));
    }
    samples.push_back(input_hash(sample));
  }
  return samples;
}

}  // namespace ptq

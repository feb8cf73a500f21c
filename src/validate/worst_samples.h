#pragma once
// Keeps the samples on which the models differ most. Not synchronized.

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "ptq/tensor.h"
#include "ptq/validation.h"

namespace ptq {

class WorstSamples {
 public:
  explicit WorstSamples(size_t most) : most_(most) {}

  // In sample order; of samples that are equally bad the earlier ones stay. `inputs` may be empty.
  void add(WorstSample sample, std::map<std::string, Tensor> inputs);

  // The worst first.
  struct Kept {
    WorstSample sample;
    std::map<std::string, Tensor> inputs;
  };
  std::vector<Kept> take() { return std::move(kept_); }

 private:
  size_t most_;
  std::vector<Kept> kept_;
};

}  // namespace ptq

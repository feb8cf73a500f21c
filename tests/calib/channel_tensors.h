#pragma once
// Tensors in the plain and the blocked layout, as observers see them. For the tests of statistics
// of channels and second moments.

#include <cmath>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

#include "ptq/tensor.h"
#include "runtime/observer_sink.h"

namespace ptq {

struct Stored {
  std::vector<float> values;
  Shape shape;  // as stored
  int64_t channels = 0;
  int64_t block = 0;
  ObservedTensor observed() const { return {values, shape, channels, block}; }
};

// Integers from −100 to 100, or numbers over 30 octaves, so that float64 sums of them round.
inline Stored plain_tensor(Shape shape, unsigned seed, bool integers = false) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  Stored out;
  out.values.resize(static_cast<size_t>(element_count(shape)));
  for (float& value : out.values) {
    value = integers ? static_cast<float>(static_cast<int>(random() % 201) - 100)
                     : std::ldexp(normal(random), static_cast<int>(random() % 30) - 15);
  }
  out.shape = std::move(shape);
  return out;
}

// The same as [N][ceil(C / block)][rest][block], with `padding` in the lanes beyond C.
inline Stored blocked_tensor(const Stored& from, size_t block, float padding = 1e30F) {
  const auto images = static_cast<size_t>(from.shape[0]);
  const auto channels = static_cast<size_t>(from.shape[1]);
  const size_t blocks = (channels + block - 1) / block;
  const size_t area = from.values.size() / images / channels;
  Stored out;
  out.shape = from.shape;
  out.shape[1] = static_cast<int64_t>(blocks * block);
  out.channels = static_cast<int64_t>(channels);
  out.block = static_cast<int64_t>(block);
  out.values.assign(images * blocks * block * area, padding);
  for (size_t n = 0; n < images; ++n) {
    for (size_t c = 0; c < channels; ++c) {
      for (size_t i = 0; i < area; ++i) {
        out.values[((n * blocks + c / block) * area + i) * block + c % block] =
            from.values[(n * channels + c) * area + i];
      }
    }
  }
  return out;
}

}  // namespace ptq

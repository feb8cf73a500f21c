#pragma once
// Made-up sketches of samples.

#include <cmath>
#include <string>
#include <vector>

#include "ptq/sample_sketch.h"
#include "range/samples.h"

namespace ptq::testing {

// One value whose extremes are [min, max], all of its magnitudes in the octave of the largest.
inline ValueSketch value_sketch(float min, float max, uint64_t count = 100) {
  ValueSketch out{.count = count, .extremes = {min, max}};
  const float largest = std::max(std::abs(min), std::abs(max));
  out.top_octave = LogHistogram::magnitude_key(largest) / 32;
  out.octaves[0] = static_cast<uint32_t>(count);
  return out;
}

inline SampleSketch sample_sketch(uint64_t position, std::vector<ValueSketch> values,
                                  const std::string& stratum = "") {
  SampleSketch out{.position = position,
                   .origin = "sample " + std::to_string(position),
                   .stratum = stratum,
                   .sequence = static_cast<int64_t>(position),
                   .values = std::move(values)};
  out.hash[0] = static_cast<std::byte>(position);
  out.hash[1] = static_cast<std::byte>(position >> 8U);
  return out;
}

// Samples whose largest magnitudes have the tails of a Laplace distribution.
inline SampleSketches random_pool(size_t samples, size_t values, uint64_t seed) {
  Sampler sampler(seed);
  SampleSketches pool;
  for (size_t v = 0; v < values; ++v) {
    pool.names.push_back("v" + std::to_string(v));
  }
  for (size_t s = 0; s < samples; ++s) {
    std::vector<ValueSketch> sketches;
    for (size_t v = 0; v < values; ++v) {
      ValueSketch sketch = value_sketch(static_cast<float>(-std::abs(sampler.laplace())),
                                        static_cast<float>(std::abs(sampler.laplace())));
      for (uint32_t& octave : sketch.octaves) {
        octave = static_cast<uint32_t>(100.0 / 12.0 * sampler.uniform());
      }
      sketches.push_back(sketch);
    }
    pool.samples.push_back(sample_sketch(s, sketches, s % 4 == 0 ? "rare" : "common"));
  }
  return pool;
}

}  // namespace ptq::testing

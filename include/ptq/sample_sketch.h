#pragma once
// A small picture of each sample of a run: how far it drives every observed value and how its
// magnitudes are spread. What choosing samples and judging convergence work on. Plain values.

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "ptq/activation_stats.h"
#include "ptq/fingerprint.h"

namespace ptq {

// One value of one sample, 72 bytes. `count` 0: the sample did not compute it.
struct ValueSketch {
  static constexpr size_t kOctaves = 12;

  uint64_t count = 0;   // finite values
  Extremes extremes{};  // of them
  // The octave of the largest magnitude (biased exponent of float32); 0 when all are 0.
  uint32_t top_octave = 0;
  // Values in the octaves top_octave, top_octave − 1, …, both signs; what is smaller is left out.
  // Holds at 2^32 − 1.
  std::array<uint32_t, kOctaves> octaves{};

  bool operator==(const ValueSketch&) const = default;
};

struct SampleSketch {
  uint64_t position = 0;  // in the data, from 0
  std::string origin{};
  std::string stratum{};
  int64_t sequence = 0;               // number of its file
  Digest hash{};                      // of its inputs
  std::vector<ValueSketch> values{};  // by name, as SampleSketches::names

  bool operator==(const SampleSketch&) const = default;
};

struct SampleSketches {
  std::vector<std::string> names{};
  std::vector<SampleSketch> samples{};  // ascending by position

  // What one sample takes, names of samples left out.
  uint64_t bytes_per_sample() const {
    return sizeof(SampleSketch) + names.size() * sizeof(ValueSketch);
  }
};

}  // namespace ptq

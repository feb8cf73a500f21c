#pragma once
// What calibration leaves: for every observed tensor its exact extremes, counts and histogram, and
// beside them what they were measured on. A plain value; `merge` of any split of the data in any
// order gives the statistics of the whole. File form: docs/formats.md (`.ptqstats`).

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>

#include "ptq/log_histogram.h"

namespace ptq {

struct TensorStats {
  uint64_t count = 0;  // finite values
  uint64_t nan = 0;
  uint64_t inf = 0;
  float min = 0.0F;  // exact, over finite values; 0 while count is 0
  float max = 0.0F;
  LogHistogram histogram{};

  void merge(const TensorStats& other);
  bool operator==(const TensorStats&) const = default;
};

// Statistics of plain values, the reference that the observers must equal.
TensorStats stats_of(std::span<const float> values);

// |x| such that a share `p` (0 < p ≤ 1) of the finite values, zeros included or left out, is at or
// below it: the bucket is exact, inside it linear interpolation. 0 when there is no value.
double magnitude_quantile(const TensorStats& stats, double p, bool include_zeros);

// The statistics of the same values moved into [lo, hi], lo ≤ hi, to within a bucket.
TensorStats clamped(const TensorStats& stats, float lo, float hi);

// Outlier ratio = max|x| / p99|x|, zeros left out. 1 when all values are zero.
double outlier_ratio(const TensorStats& stats);

// μ² / σ² by the centres of the buckets (3 % wide); 0 without values, at most 10^6.
double mean_ratio(const TensorStats& stats);

struct ActivationStats {
  std::string model_fingerprint{};  // SHA-256 of the original model's graph and weights, hex
  std::string data_fingerprint{};   // SHA-256 of the sample tensors in order, hex
  std::string runtime_version{};
  uint64_t samples = 0;
  std::map<std::string, TensorStats> tensors{};  // value name → statistics

  bool operator==(const ActivationStats&) const = default;
};

// Reads and writes the file form. read throws Error{kInput} for a file that is no statistics file,
// of another version, damaged (checksum) or larger than 1 GiB. write is atomic.
ActivationStats read_stats(const std::filesystem::path& path);
void write_stats(const ActivationStats& stats, const std::filesystem::path& path);

}  // namespace ptq

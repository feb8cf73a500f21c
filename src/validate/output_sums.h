#pragma once
// Sums of one output over one sample with both models, and what they say when they are added up.
// Pure functions; any thread.

#include <cstdint>
#include <string>

#include "ptq/tensor.h"
#include "ptq/validation.h"

namespace ptq {

// x: FP32, x̂: quantized. Elements that are not finite in both models are left out of the sums.
struct OutputSums {
  double signal = 0.0;     // Σ x²
  double noise = 0.0;      // Σ (x − x̂)²
  double dot = 0.0;        // Σ x·x̂
  double quantized = 0.0;  // Σ x̂²
  double abs = 0.0;        // Σ |x − x̂|
  double max_abs = 0.0;
  uint64_t count = 0;
  uint64_t nonfinite = 0;       // of x̂
  uint64_t fp32_nonfinite = 0;  // of x

  void add(const OutputSums& other);
  // +infinity when nothing differs, −infinity when x̂ is not finite where x is.
  double sqnr_db() const;
};

// Both have the same number of elements.
OutputSums compare_values(const Tensor& reference, const Tensor& other);

// Σ (x − x̂)² alone.
double noise_between(const Tensor& reference, const Tensor& other);

OutputError output_error(const std::string& name, const OutputSums& sums);

}  // namespace ptq

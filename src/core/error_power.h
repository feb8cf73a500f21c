#pragma once
// The power of an error beside that of its signal. Sums over elements are taken in their order, so
// the same tensors give the same figures. Any thread.

#include "ptq/tensor.h"

namespace ptq {

struct ErrorPower {
  double signal = 0.0;  // Σ x²
  double noise = 0.0;   // Σ (x − x̂)²

  ErrorPower& operator+=(const ErrorPower& other);
  // 10·log10(signal / noise): +infinity without an error, −infinity where the ratio means nothing
  // (NaN in x̂, an error without a signal).
  double sqnr_db() const;
};

// Of two float32 tensors; an infinite error where their shapes differ.
ErrorPower error_power(const Tensor& reference, const Tensor& other);

}  // namespace ptq

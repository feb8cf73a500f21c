#include "core/error_power.h"

#include <cmath>
#include <limits>

namespace ptq {

ErrorPower& ErrorPower::operator+=(const ErrorPower& other) {
  signal += other.signal;
  noise += other.noise;
  return *this;
}

double ErrorPower::sqnr_db() const {
  if (noise == 0.0) {
    return std::numeric_limits<double>::infinity();
  }
  const double ratio = signal / noise;
  return ratio > 0.0 ? 10.0 * std::log10(ratio) : -std::numeric_limits<double>::infinity();
}

ErrorPower error_power(const Tensor& reference, const Tensor& other) {
  ErrorPower power;
  if (reference.shape() != other.shape()) {
    return {0.0, std::numeric_limits<double>::infinity()};
  }
  const std::span<const float> x = reference.data<float>();
  const std::span<const float> y = other.data<float>();
  for (size_t i = 0; i < x.size(); ++i) {
    const double error = static_cast<double>(x[i]) - static_cast<double>(y[i]);
    power.signal += static_cast<double>(x[i]) * static_cast<double>(x[i]);
    power.noise += error * error;
  }
  return power;
}

}  // namespace ptq

#include "validate/output_sums.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

namespace ptq {
namespace {

// The elements as float32, copied only where they have another type.
class FloatView {
 public:
  explicit FloatView(const Tensor& tensor) {
    if (tensor.dtype() == DType::kFloat) {
      values_ = tensor.data<float>();
    } else {
      copy_ = to_floats(tensor);
      values_ = copy_;
    }
  }
  std::span<const float> values() const { return values_; }

 private:
  std::vector<float> copy_;
  std::span<const float> values_;
};

// One element that is not finite in either model.
void add_nonfinite(double x, double y, OutputSums& sums) {
  const bool same = (std::isnan(x) && std::isnan(y)) || x == y;
  sums.fp32_nonfinite += std::isfinite(x) ? 0U : 1U;
  sums.nonfinite += std::isfinite(y) ? 0U : 1U;
  if (!same) {
    sums.noise = std::numeric_limits<double>::infinity();
    sums.abs = std::numeric_limits<double>::infinity();
    sums.max_abs = std::numeric_limits<double>::infinity();
  }
}

}  // namespace

void OutputSums::add(const OutputSums& other) {
  signal += other.signal;
  noise += other.noise;
  dot += other.dot;
  quantized += other.quantized;
  abs += other.abs;
  max_abs = std::max(max_abs, other.max_abs);
  count += other.count;
  nonfinite += other.nonfinite;
  fp32_nonfinite += other.fp32_nonfinite;
}

double OutputSums::sqnr_db() const {
  if (noise == 0.0) {
    return std::numeric_limits<double>::infinity();
  }
  return std::isinf(noise) ? -std::numeric_limits<double>::infinity()
                           : 10.0 * std::log10(signal / noise);
}

OutputSums compare_values(const Tensor& reference, const Tensor& other) {
  const FloatView left(reference);
  const FloatView right(other);
  const std::span<const float> x = left.values();
  const std::span<const float> y = right.values();
  OutputSums sums;
  sums.count = x.size();
  for (size_t i = 0; i < x.size(); ++i) {
    const auto a = static_cast<double>(x[i]);
    const auto b = static_cast<double>(y[i]);
    const double error = a - b;
    if (!std::isfinite(error)) {
      add_nonfinite(a, b, sums);
      continue;
    }
    sums.signal += a * a;
    sums.noise += error * error;
    sums.dot += a * b;
    sums.quantized += b * b;
    sums.abs += std::abs(error);
    sums.max_abs = std::max(sums.max_abs, std::abs(error));
  }
  return sums;
}

double noise_between(const Tensor& reference, const Tensor& other) {
  return compare_values(reference, other).noise;
}

OutputError output_error(const std::string& name, const OutputSums& sums) {
  const double norm = std::sqrt(sums.signal * sums.quantized);
  return {.name = name,
          .sqnr_db = sums.sqnr_db(),
          .cosine = norm > 0.0 ? sums.dot / norm : 1.0,
          .max_abs = sums.max_abs,
          .mean_abs = sums.count > 0 ? sums.abs / static_cast<double>(sums.count) : 0.0,
          .values = sums.count,
          .nonfinite = sums.nonfinite,
          .fp32_nonfinite = sums.fp32_nonfinite};
}

}  // namespace ptq

#include "validate/decisions.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace ptq {
namespace {

constexpr size_t kFew = 5;

bool is_distribution(std::span<const float> row) {
  double sum = 0.0;
  for (const float value : row) {
    if (!(value >= 0.0F)) {
      return false;
    }
    sum += static_cast<double>(value);
  }
  return std::abs(sum - 1.0) < 1e-3;
}

// Σ p·(log p − log q) of probabilities; a q of 0 counts as the smallest normal float.
double divergence_of_probabilities(std::span<const float> p, std::span<const float> q) {
  double sum = 0.0;
  for (size_t i = 0; i < p.size(); ++i) {
    if (p[i] > 0.0F) {
      const float least = std::max(q[i], std::numeric_limits<float>::min());
      sum += static_cast<double>(p[i]) *
             (std::log(static_cast<double>(p[i])) - std::log(static_cast<double>(least)));
    }
  }
  return sum;
}

// The same of the softmax of logits: log p − log q = (x − lse x) − (y − lse y).
double divergence_of_logits(std::span<const float> x, std::span<const float> y) {
  const double left = log_sum_exp(x);
  const double right = log_sum_exp(y);
  const auto shift = static_cast<float>(left);
  double sum = 0.0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double logs = (static_cast<double>(x[i]) - left) - (static_cast<double>(y[i]) - right);
    sum += static_cast<double>(std::exp(x[i] - shift)) * logs;
  }
  return sum;
}

}  // namespace

bool has_decisions(const Tensor& tensor) {
  const bool floats = tensor.dtype() == DType::kFloat || tensor.dtype() == DType::kFloat16 ||
                      tensor.dtype() == DType::kBfloat16 || tensor.dtype() == DType::kDouble;
  return floats && (tensor.rank() == 2 || tensor.rank() == 3) && tensor.shape().back() > 1 &&
         tensor.size() > 0;
}

size_t arg_max(std::span<const float> row) {
  size_t best = 0;
  for (size_t i = 1; i < row.size(); ++i) {
    if (row[i] > row[best] || (std::isnan(row[best]) && !std::isnan(row[i]))) {
      best = i;
    }
  }
  return best;
}

bool among_largest(std::span<const float> row, size_t wanted, size_t count) {
  if (wanted >= row.size() || std::isnan(row[wanted])) {
    return false;
  }
  size_t before = 0;
  for (size_t i = 0; i < row.size(); ++i) {
    before += row[i] > row[wanted] || (row[i] == row[wanted] && i < wanted) ? 1U : 0U;
  }
  return before < count;
}

double log_sum_exp(std::span<const float> row) {
  const float top = row[arg_max(row)];
  if (!std::isfinite(top)) {
    return static_cast<double>(top);
  }
  double sum = 0.0;
  for (const float value : row) {
    sum += static_cast<double>(std::exp(value - top));
  }
  return static_cast<double>(top) + std::log(sum);
}

void DecisionSums::add(const DecisionSums& other) {
  rows += other.rows;
  top1_equal += other.top1_equal;
  top5_equal += other.top5_equal;
  kl += other.kl;
  max_kl = std::max(max_kl, other.max_kl);
  probabilities = probabilities && other.probabilities;
}

DecisionSums compare_decisions(const Tensor& reference, const Tensor& other) {
  const std::vector<float> x = to_floats(reference);
  const std::vector<float> y = to_floats(other);
  const auto width = static_cast<size_t>(reference.shape().back());
  DecisionSums sums;
  sums.rows = x.size() / width;
  for (size_t row = 0; row < sums.rows; ++row) {
    const std::span<const float> a(x.data() + row * width, width);
    const std::span<const float> b(y.data() + row * width, width);
    const size_t left = arg_max(a);
    const size_t right = arg_max(b);
    sums.top1_equal += left == right ? 1U : 0U;
    sums.top5_equal += left == right || among_largest(b, left, kFew) ? 1U : 0U;
    const bool distribution = is_distribution(a);
    sums.probabilities = sums.probabilities && distribution;
    const double kl = distribution ? divergence_of_probabilities(a, b) : divergence_of_logits(a, b);
    const double shown =
        std::isfinite(kl) ? std::max(0.0, kl) : std::numeric_limits<double>::infinity();
    sums.kl += shown;
    sums.max_kl = std::max(sums.max_kl, shown);
    sums.fp32_class = static_cast<int64_t>(left);
    sums.quantized_class = static_cast<int64_t>(right);
  }
  if (sums.rows != 1) {
    sums.fp32_class = -1;
    sums.quantized_class = -1;
  }
  return sums;
}

}  // namespace ptq

#include "quant/step_search.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ptq/error.h"

namespace ptq {
namespace {

// Shares of the largest step: 1, 0.985, … 0.4. Below that 4-bit codes never are best, 3-bit ones
// of heavy tails seldom.
constexpr int kShares = 41;
constexpr float kShareStep = 0.015F;

double error_of(std::span<const float> row, std::span<const float> importance, CodeRange range,
                float step) {
  const float inverse = 1.0F / step;
  double sum = 0.0;
  for (size_t k = 0; k < row.size(); ++k) {
    const float code = std::clamp(std::nearbyint(row[k] * inverse), static_cast<float>(range.lo),
                                  static_cast<float>(range.hi));
    const float delta = code * step - row[k];
    const float weight = importance.empty() ? 1.0F : importance[k];
    sum += static_cast<double>(weight * delta * delta);
  }
  return sum;
}

}  // namespace

float least_error_step(std::span<const float> row, std::span<const float> importance,
                       CodeRange range, float largest) {
  PTQ_CHECK(largest > 0.0F && (importance.empty() || importance.size() == row.size()));
  float best = largest;
  double least = std::numeric_limits<double>::infinity();
  for (int i = 0; i < kShares; ++i) {
    const float step = largest * (1.0F - kShareStep * static_cast<float>(i));
    if (step < std::numeric_limits<float>::min()) {
      break;
    }
    const double error = error_of(row, importance, range, step);
    if (error < least) {
      least = error;
      best = step;
    }
  }
  return best;
}

void refit_steps(const WeightMatrix& weights, const Eigen::MatrixXf& moment,
                 const CodeMatrix& codes, CodeGrid& grid) {
  PTQ_CHECK(grid.step.cols() == 1 && weights.rows() == codes.rows());
  for (Eigen::Index r = 0; r < weights.rows(); ++r) {
    const Eigen::VectorXf plain =
        (codes.row(r).array() - grid.zero(r, 0)).cast<float>().matrix().transpose();
    const Eigen::VectorXf weighted = moment * plain;
    const double power = weighted.cast<double>().dot(plain.cast<double>());
    const double shared = weighted.cast<double>().dot(weights.row(r).transpose().cast<double>());
    const auto step = static_cast<float>(shared / power);
    if (std::isnormal(step) && step > 0.0F) {
      grid.step(r, 0) = step;
    }
  }
}

}  // namespace ptq

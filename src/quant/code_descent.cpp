#include "quant/code_descent.h"

#include <algorithm>
#include <cmath>

#include "core/parallel.h"
#include "ptq/error.h"
#include "quant/pair_limit.h"

namespace ptq {
namespace {

// Each pass lowers the error; most rows are settled after five.
constexpr int kMaxPasses = 50;

// `wanted`, or the value nearest to it between it and `current` that neither leaves the range nor
// makes the pair with `partner` saturate.
int32_t allowed_code(int32_t wanted, int32_t current, int32_t zero, CodeRange range,
                     const int32_t* partner) {
  int32_t code = std::clamp(wanted, range.lo, range.hi);
  if (partner != nullptr && pair_saturates(code - zero, *partner - zero)) {
    const int32_t room = std::max(0, kSafePairSum - std::abs(*partner - zero));
    const int32_t limited = code > zero ? zero + room : zero - room;
    // Where the pair saturates already, a step towards the limit is the most that is taken.
    code = std::abs(limited - current) <= std::abs(code - current) ? limited : current;
  }
  return code;
}

class RowDescent {
 public:
  RowDescent(const WeightMatrix& weights, const Eigen::MatrixXf& moment, const CodeGrid& grid,
             Eigen::Index row, CodeMatrix& codes)
      : moment_(moment), grid_(grid), row_(row), codes_(codes) {
    Eigen::VectorXf delta(weights.cols());
    for (Eigen::Index k = 0; k < weights.cols(); ++k) {
      delta[k] =
          dequantize(codes(row, k), grid.step_at(row, k), grid.zero_at(row, k)) - weights(row, k);
    }
    slope_ = moment * delta;
  }

  void run() {
    for (int pass = 0; pass < kMaxPasses && sweep(); ++pass) {
    }
  }

 private:
  // Whether a code was changed.
  bool sweep() {
    bool moved = false;
    for (Eigen::Index k = 0; k < codes_.cols(); ++k) {
      const float curvature = moment_(k, k);
      const float step = grid_.step_at(row_, k);
      if (!(curvature > 0.0F)) {
        continue;
      }
      const float best = -slope_[k] / (curvature * step);
      if (!(std::abs(best) > 0.5F)) {
        continue;
      }
      const int32_t current = codes_(row_, k);
      const float bounded = std::clamp(best, -65536.0F, 65536.0F);
      const int32_t wanted = current + static_cast<int32_t>(std::nearbyint(bounded));
      const int32_t* const partner =
          grid_.partner.empty() || grid_.partner[static_cast<size_t>(k)] == static_cast<size_t>(k)
              ? nullptr
              : &codes_(row_, static_cast<Eigen::Index>(grid_.partner[static_cast<size_t>(k)]));
      const int32_t code =
          allowed_code(wanted, current, grid_.zero_at(row_, k), grid_.range, partner);
      const float change = static_cast<float>(code - current) * step;
      // 2 · change · slope + change² · curvature, the growth of the error.
      if (code == current || !(change * (2.0F * slope_[k] + change * curvature) < 0.0F)) {
        continue;
      }
      codes_(row_, k) = code;
      slope_ += change * moment_.col(k);
      moved = true;
    }
    return moved;
  }

  const Eigen::MatrixXf& moment_;
  const CodeGrid& grid_;
  Eigen::Index row_;
  CodeMatrix& codes_;
  Eigen::VectorXf slope_;  // M δ, half the gradient
};

}  // namespace

void descend_codes(const WeightMatrix& weights, const Eigen::MatrixXf& moment, const CodeGrid& grid,
                   CodeMatrix& codes, int threads) {
  PTQ_CHECK(weights.rows() == codes.rows() && weights.cols() == codes.cols());
  PTQ_CHECK(moment.rows() == weights.cols() && moment.cols() == weights.cols());
  PTQ_CHECK(grid.partner.empty() || grid.partner.size() == static_cast<size_t>(weights.cols()));
  parallel_for(static_cast<size_t>(weights.rows()), threads, [&](size_t row, int /*worker*/) {
    RowDescent(weights, moment, grid, static_cast<Eigen::Index>(row), codes).run();
  });
}

}  // namespace ptq

#include "quant/gptq.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include <Eigen/Cholesky>

#include "core/parallel.h"
#include "ptq/error.h"

namespace ptq {
namespace {

// Columns whose errors are spread at once over the rest; rows that one task takes.
constexpr Eigen::Index kBlock = 64;
constexpr Eigen::Index kRowTile = 32;

using Order = std::vector<Eigen::Index>;

Order column_order(const Eigen::MatrixXf& moment, bool largest_first) {
  Order order(static_cast<size_t>(moment.cols()));
  std::iota(order.begin(), order.end(), Eigen::Index{0});
  if (largest_first) {
    std::ranges::stable_sort(order, std::ranges::greater{},
                             [&](Eigen::Index k) { return moment(k, k); });
  }
  return order;
}

// The upper Cholesky factor U of the inverse of the damped moment in this order: M⁻¹ = Uᵀ U.
Eigen::MatrixXf inverse_factor(const Eigen::MatrixXf& moment, const Order& order, double damping) {
  const Eigen::Index size = moment.cols();
  Eigen::MatrixXd sorted(size, size);
  for (Eigen::Index i = 0; i < size; ++i) {
    for (Eigen::Index j = 0; j < size; ++j) {
      sorted(i, j) =
          static_cast<double>(moment(order[static_cast<size_t>(i)], order[static_cast<size_t>(j)]));
    }
    if (!(sorted(i, i) > 0.0)) {  // never used: any value keeps the rest apart
      sorted(i, i) = 1.0;
    }
  }
  const double mean = sorted.diagonal().mean();
  for (double share = std::max(damping, 1e-6);; share *= 10.0) {
    PTQ_CHECK(share < 1e6);
    Eigen::MatrixXd damped = sorted;
    damped.diagonal().array() += share * mean;
    const Eigen::LLT<Eigen::MatrixXd> factor(damped);
    if (factor.info() != Eigen::Success) {
      continue;
    }
    const Eigen::MatrixXd inverse = factor.solve(Eigen::MatrixXd::Identity(size, size));
    const Eigen::LLT<Eigen::MatrixXd, Eigen::Upper> upper(inverse);
    if (upper.info() == Eigen::Success) {
      return Eigen::MatrixXd(upper.matrixU()).cast<float>();
    }
  }
}

// Rounds the rows of `rest` (columns in the order of rounding), which becomes what was left of
// them to be rounded.
void round_rows(const Eigen::MatrixXf& factor, const Order& order, const CodeGrid& grid,
                Eigen::Index first_row, WeightMatrix& rest, CodeMatrix& codes) {
  const Eigen::Index size = rest.cols();
  WeightMatrix errors(rest.rows(), kBlock);
  for (Eigen::Index begin = 0; begin < size; begin += kBlock) {
    const Eigen::Index width = std::min(kBlock, size - begin);
    for (Eigen::Index j = 0; j < width; ++j) {
      const Eigen::Index at = begin + j;
      const Eigen::Index column = order[static_cast<size_t>(at)];
      const float pivot = factor(at, at);
      for (Eigen::Index r = 0; r < rest.rows(); ++r) {
        const Eigen::Index row = first_row + r;
        const float step = grid.step_at(row, column);
        const int32_t zero = grid.zero_at(row, column);
        const int32_t code = quantize(rest(r, at), step, zero, grid.range);
        codes(row, column) = code;
        errors(r, j) = (rest(r, at) - dequantize(code, step, zero)) / pivot;
      }
      for (Eigen::Index next = at + 1; next < begin + width; ++next) {
        rest.col(next) -= factor(at, next) * errors.col(j);
      }
    }
    const Eigen::Index after = begin + width;
    if (after < size) {
      rest.rightCols(size - after).noalias() -=
          errors.leftCols(width) * factor.block(begin, after, width, size - after);
    }
  }
}

}  // namespace

CodeMatrix gptq(const WeightMatrix& weights, const Eigen::MatrixXf& moment, const CodeGrid& grid,
                const GptqOptions& options) {
  PTQ_CHECK(moment.rows() == weights.cols() && moment.cols() == weights.cols());
  CodeMatrix codes(weights.rows(), weights.cols());
  if (weights.size() == 0) {
    return codes;
  }
  const Order order = column_order(moment, options.largest_first);
  const Eigen::MatrixXf factor = inverse_factor(moment, order, options.damping);
  const Eigen::Index tiles = (weights.rows() + kRowTile - 1) / kRowTile;
  parallel_for(static_cast<size_t>(tiles), options.threads, [&](size_t tile, int /*worker*/) {
    const Eigen::Index first = static_cast<Eigen::Index>(tile) * kRowTile;
    const Eigen::Index count = std::min(kRowTile, weights.rows() - first);
    WeightMatrix rest(count, weights.cols());
    for (Eigen::Index k = 0; k < weights.cols(); ++k) {
      rest.col(k) = weights.block(first, order[static_cast<size_t>(k)], count, 1);
    }
    round_rows(factor, order, grid, first, rest, codes);
  });
  return codes;
}

}  // namespace ptq

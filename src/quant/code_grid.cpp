#include "quant/code_grid.h"

#include "ptq/error.h"

namespace ptq {

CodeGrid row_grid(CodeRange range, const std::vector<float>& step, const std::vector<int32_t>& zero,
                  size_t columns) {
  PTQ_CHECK(step.size() == zero.size() && columns > 0);
  CodeGrid grid{.range = range, .group = columns};
  const auto rows = static_cast<Eigen::Index>(step.size());
  grid.step = Eigen::Map<const WeightMatrix>(step.data(), rows, 1);
  grid.zero = Eigen::Map<const CodeMatrix>(zero.data(), rows, 1);
  return grid;
}

WeightMatrix decode(const CodeMatrix& codes, const CodeGrid& grid) {
  WeightMatrix out(codes.rows(), codes.cols());
  for (Eigen::Index r = 0; r < codes.rows(); ++r) {
    for (Eigen::Index k = 0; k < codes.cols(); ++k) {
      out(r, k) = dequantize(codes(r, k), grid.step_at(r, k), grid.zero_at(r, k));
    }
  }
  return out;
}

CodeMatrix round_to_nearest(const WeightMatrix& weights, const CodeGrid& grid) {
  CodeMatrix codes(weights.rows(), weights.cols());
  for (Eigen::Index r = 0; r < weights.rows(); ++r) {
    for (Eigen::Index k = 0; k < weights.cols(); ++k) {
      codes(r, k) = quantize(weights(r, k), grid.step_at(r, k), grid.zero_at(r, k), grid.range);
    }
  }
  return codes;
}

double output_error(const WeightMatrix& weights, const CodeMatrix& codes, const CodeGrid& grid,
                    const Eigen::MatrixXf& moment) {
  const WeightMatrix delta = decode(codes, grid) - weights;
  const WeightMatrix weighted = delta * moment;
  double sum = 0.0;
  for (Eigen::Index r = 0; r < delta.rows(); ++r) {
    sum += weighted.row(r).cast<double>().dot(delta.row(r).cast<double>());
  }
  return sum;
}

}  // namespace ptq

#pragma once
// The values that the codes of a weight matrix stand for, as the methods that choose codes by data
// (gptq.h, code_descent.h) need them. Plain values; any thread.
//
// A weight matrix has one row an output channel and one column an element of the reduced axes. Its
// error δ = decoded − real costs an output of the product E[(δ x)²] = δ M δᵀ with the second moment
// M = E[x xᵀ] of the input x; with a bias that is corrected afterwards M is the covariance.

#include <cstddef>
#include <cstdint>
#include <vector>

#include <Eigen/Core>

#include "ptq/quant_params.h"

namespace ptq {

// Rows after each other, so that a row is contiguous.
using WeightMatrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using CodeMatrix = Eigen::Matrix<int32_t, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// Column k of row r decodes to step(r, k / group) · (code − zero(r, k / group)).
struct CodeGrid {
  CodeRange range{};    // of the codes
  size_t group = 0;     // columns that share a step, > 0; the last group may be shorter
  WeightMatrix step{};  // [rows, groups], > 0
  CodeMatrix zero{};    // [rows, groups]
  // Empty, or for each column the one whose product the kernel adds to its own in 16 bits
  // (pair_limit.h); a column without such a neighbour names itself.
  std::vector<size_t> partner{};

  float step_at(Eigen::Index row, Eigen::Index column) const {
    return step(row, column / static_cast<Eigen::Index>(group));
  }
  int32_t zero_at(Eigen::Index row, Eigen::Index column) const {
    return zero(row, column / static_cast<Eigen::Index>(group));
  }
};

// One step and zero point a row.
CodeGrid row_grid(CodeRange range, const std::vector<float>& step, const std::vector<int32_t>& zero,
                  size_t columns);

// The weights that `codes` stand for.
WeightMatrix decode(const CodeMatrix& codes, const CodeGrid& grid);
// Each weight to its nearest code; partners are not looked at.
CodeMatrix round_to_nearest(const WeightMatrix& weights, const CodeGrid& grid);

// Σ over rows of δ M δᵀ.
double output_error(const WeightMatrix& weights, const CodeMatrix& codes, const CodeGrid& grid,
                    const Eigen::MatrixXf& moment);

}  // namespace ptq

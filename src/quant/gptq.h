#pragma once
// GPTQ (Frantar et al. 2023): codes column by column, each column's rounding error spread over
// those that still have to be rounded, in the proportions that least change the output. Pure; any
// thread.

#include <Eigen/Core>

#include "quant/code_grid.h"

namespace ptq {

struct GptqOptions {
  // Share of the moment's mean diagonal that is added to its diagonal; raised tenfold as long as
  // the matrix has no Cholesky factor.
  double damping = 0.01;
  // Columns with the largest second moment first. Steps belong to columns (static groups), so any
  // order gives codes that the grid can hold.
  bool largest_first = true;
  int threads = 1;
};

// `weights`: [rows, columns]; `moment`: [columns, columns], symmetric and positive semidefinite.
// Columns that are never anything but 0 (a zero on the diagonal) are rounded to nearest. Partners
// of the grid are not looked at: the method is for few bits, where pairs cannot saturate.
CodeMatrix gptq(const WeightMatrix& weights, const Eigen::MatrixXf& moment, const CodeGrid& grid,
                const GptqOptions& options = {});

}  // namespace ptq

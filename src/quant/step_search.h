#pragma once
// The step of a row of weights with few bits. Clipping the largest weights makes the step smaller
// for all others. The error over the step has several local minima with few codes, so it is
// tried out on a grid instead of a search that assumes one. Pure functions; any thread.

#include <span>

#include "quant/code_grid.h"

namespace ptq {

// The step s > 0 among shares of `largest` (the one that represents the row's absolute maximum)
// with the least Σ_k importance_k · (s · code_k − row_k)², codes nearest in `range` (without zero
// point). `importance` is empty (all the same) or one a value, ≥ 0. Ties go to the larger step, so
// a row of zeros keeps `largest`.
float least_error_step(std::span<const float> row, std::span<const float> importance,
                       CodeRange range, float largest);

// For fixed codes, the steps that make the output error of each row (code_grid.h) least: the
// projection (c M wᵀ) / (c M cᵀ) of the real weights w on the codes c, both without zero point.
// Rows where that is no positive number keep theirs. The grid has one step a row.
void refit_steps(const WeightMatrix& weights, const Eigen::MatrixXf& moment,
                 const CodeMatrix& codes, CodeGrid& grid);

}  // namespace ptq

#pragma once
// Chooses codes by coordinate descent on the error of the output: each code in turn goes to the
// integer that is best while the others stay, until none moves. Starts from any codes, never makes
// the error larger, and ends where no single code can be changed for the better. The closed form of
// what AdaRound (Nagel et al. 2020) searches by gradient, without its restriction to the two
// nearest codes. Pure function; any thread.

#include <Eigen/Core>

#include "quant/code_grid.h"

namespace ptq {

// `weights` and `codes`: [rows, columns]; `moment`: [columns, columns], symmetric, not negative on
// its diagonal. Rows are independent of each other. A code stays within the grid's range and never
// moves to where its pair saturates, if it does not already.
void descend_codes(const WeightMatrix& weights, const Eigen::MatrixXf& moment, const CodeGrid& grid,
                   CodeMatrix& codes, int threads = 1);

}  // namespace ptq

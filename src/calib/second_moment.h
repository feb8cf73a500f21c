#pragma once
// Second moments of the input of a product: Σ xᵀx over its rows (tokens, or patches of a Conv).
// GPTQ and AWQ choose codes of weights by it. Values are first rounded to integers, each channel
// with a step of its own, a power of two; their products are then summed exactly, so the result is
// the same bits for any order of rows, number of threads and split of the data.
//
// The step is at most absmax / 2^11 of the channel. Rounding adds about step² / 12 a row to a
// diagonal element. As that is at least absmax², its relative error is below rows · 2^−24 / 3 even
// where one value carries a channel (1 % for 500,000 rows). Of a normal distribution it is 10^−6,
// besides a random error of 10^−3 / √rows.

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

#include "calib/moment_rows.h"

namespace ptq {

// A symmetric matrix of K × K sums. Memory: 4 · K² bytes, plus a little; 64 MB for K = 4096.
struct SecondMoment {
  uint64_t rows = 0;             // that were added, at most 2^38
  std::vector<int> exponents{};  // of the columns: code = x · 2^exponent
  // Sums of products of codes: upper triangle of blocks of 16 × 16, block rows one after the other,
  // each row-major. Those of columns from K on are zero.
  std::vector<int64_t> blocks{};

  size_t columns() const { return exponents.size(); }
  // Σ x_i · x_j. Divide by `rows` for the mean.
  double at(size_t i, size_t j) const;
  // All of it, [K, K] row-major.
  std::vector<double> dense() const;

  // Adds sums with the same exponents. Throws Error{kInput} for others.
  void merge(const SecondMoment& other);
  bool operator==(const SecondMoment&) const = default;
};

// All zero. `exponents` has one entry a column.
SecondMoment empty_second_moment(std::vector<int> exponents);

// Adds the rows of one group. Block row i of the matrix is changed under locks[i modulo their
// number], so threads that share the matrix and the locks may add at the same time; without locks
// one thread may. Needs 2 bytes a column for each of up to 496 rows besides.
void add_rows(const MomentRows& rows, size_t group, std::span<std::mutex> locks,
              SecondMoment& moment);

}  // namespace ptq

#pragma once
// What quantizing costs, read from a histogram: Σ (x − Q(x))² over the values of one tensor,
// rounding and clipping together. Real 0 always is a code, so the two sides of zero do not know
// each other: each is a list of buckets in ascending |x| with a uniform density inside, and the
// integral over a bucket has a closed form (see SideError::error). Built once per tensor, then
// asked for many candidates by the estimators. Immutable after construction; any thread.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "ptq/range.h"

namespace ptq {

// The values of one sign, by magnitude.
class SideError {
 public:
  // Appends a bucket; call in ascending order. lo == hi is a point mass.
  void append(double lo, double hi, double count);
  // Computes the sums that the queries use; call once, after the last append.
  void finish();

  // Σ (x − Q(x))² where Q rounds x to the nearest of 0, scale, …, codes · scale. scale > 0.
  double error(double scale, int32_t codes) const;
  // Σ (x − limit)² over x > limit: the part of `error` that clipping at `limit` costs. Convex and
  // decreasing in `limit`.
  double clip_error(double limit) const;
  // Expected number of values > limit.
  double count_above(double limit) const;
  double sum_of_squares() const { return squares_below_.back(); }

 private:
  size_t first_at_or_above(double limit) const;  // first bucket with lo ≥ limit

  std::vector<double> lo_;
  std::vector<double> hi_;
  std::vector<double> count_;
  std::vector<double> inverse_width_;          // 0 for a point mass
  std::vector<double> squares_below_ = {0.0};  // [i]: Σ x² of the buckets before i
  // [i]: Σ x⁰, Σ x, Σ x² of the buckets from i on.
  std::vector<double> count_from_ = {0.0};
  std::vector<double> sum_from_ = {0.0};
  std::vector<double> squares_from_ = {0.0};
};

// The representable numbers scale · k, k = −negative_codes … positive_codes.
struct QuantGrid {
  double scale = 1.0;
  int32_t negative_codes = 0;
  int32_t positive_codes = 0;
};
// Throws Error{kInternal} when `params` are not per tensor.
QuantGrid grid_of(const QuantParams& params, const QuantScheme& scheme);

class QuantError {
 public:
  explicit QuantError(const TensorStats& stats);

  const SideError& negative() const { return negative_; }
  const SideError& positive() const { return positive_; }

  double error(const QuantGrid& grid) const {
    return negative_.error(grid.scale, grid.negative_codes) +
           positive_.error(grid.scale, grid.positive_codes);
  }
  double sum_of_squares() const { return negative_.sum_of_squares() + positive_.sum_of_squares(); }
  // 10·log10(Σx² / error); +infinity when the error is 0.
  double sqnr_db(double error) const;
  double clipped_fraction(double lo, double hi) const;

 private:
  double count_ = 0.0;  // all finite values, zeros included
  SideError negative_;
  SideError positive_;
};

// [lo, hi] with its clipped fraction and the SQNR of params_for_range(lo, hi, scheme).
Range scored_range(const QuantError& model, float lo, float hi, const QuantScheme& scheme);

}  // namespace ptq

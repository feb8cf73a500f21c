#include "range/quant_error.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ptq/error.h"

namespace ptq {
namespace {

// Half to even, |x| < 2^51. std::nearbyint is a library call on baseline x86-64, and this one sits
// in the inner loop.
double round_to_even(double x) {
  constexpr double kMagic = 6755399441055744.0;  // 1.5 · 2^52
  return (x + kMagic) - kMagic;
}

// Splits off what is known of the outermost bucket of a side: its extreme is a value that did
// occur. A bucket with far more values than the density of its neighbour explains holds a spike at
// the extreme (Clip, HardSigmoid, saturated input), which uniform density would smear over the
// bucket.
void append_outermost(SideError& side, const LogHistogram::Bucket& top,
                      const LogHistogram::Bucket* neighbour) {
  const auto count = static_cast<double>(top.count);
  if (top.lo == top.hi) {
    side.append(top.lo, top.hi, count);
    return;
  }
  double explained = 0.0;
  if (neighbour != nullptr && neighbour->hi == top.lo && neighbour->hi > neighbour->lo) {
    explained =
        static_cast<double>(neighbour->count) / (neighbour->hi - neighbour->lo) * (top.hi - top.lo);
  }
  constexpr double kFewValues = 8.0;  // below this an excess is chance
  const bool spike = count > kFewValues + 4.0 * explained;
  const double at_extreme = spike ? count - explained : 1.0;
  if (count > at_extreme) {
    side.append(top.lo, top.hi, count - at_extreme);
  }
  side.append(top.hi, top.hi, at_extreme);
}

// `buckets` in ascending order of |x|.
void append_side(SideError& side, const std::vector<LogHistogram::Bucket>& buckets) {
  for (size_t i = 0; i < buckets.size(); ++i) {
    if (i + 1 == buckets.size()) {
      append_outermost(side, buckets[i], i > 0 ? &buckets[i - 1] : nullptr);
    } else {
      side.append(buckets[i].lo, buckets[i].hi, static_cast<double>(buckets[i].count));
    }
  }
  side.finish();
}

}  // namespace

void SideError::append(double lo, double hi, double count) {
  lo_.push_back(lo);
  hi_.push_back(hi);
  count_.push_back(count);
  inverse_width_.push_back(hi > lo ? 1.0 / (hi - lo) : 0.0);
}

void SideError::finish() {
  const size_t n = lo_.size();
  squares_below_.assign(n + 1, 0.0);
  count_from_.assign(n + 1, 0.0);
  sum_from_.assign(n + 1, 0.0);
  squares_from_.assign(n + 1, 0.0);
  const auto squares = [this](size_t i) {  // of a uniform density on [lo, hi]
    return count_[i] * (lo_[i] * lo_[i] + lo_[i] * hi_[i] + hi_[i] * hi_[i]) / 3.0;
  };
  for (size_t i = 0; i < n; ++i) {
    squares_below_[i + 1] = squares_below_[i] + squares(i);
  }
  for (size_t i = n; i-- > 0;) {
    count_from_[i] = count_from_[i + 1] + count_[i];
    sum_from_[i] = sum_from_[i + 1] + count_[i] * (0.5 * (lo_[i] + hi_[i]));
    squares_from_[i] = squares_from_[i + 1] + squares(i);
  }
}

size_t SideError::first_at_or_above(double limit) const {
  return static_cast<size_t>(std::lower_bound(lo_.begin(), lo_.end(), limit) - lo_.begin());
}

// In units of the step, u = x / scale and n(u) is the nearest code, held at `codes` when clipping.
// With r = u − n the primitive of r² that is continuous across the codes is n/12 + r³/3, as every
// whole cell adds 1/12. The mean over a bucket [a, b] is its difference over the width w = b − a.
// Writing b³ − a³ as (b − a)(a² + ab + b²) and q for the last factor gives q/3 + Δn/w·(1/12 − q/3),
// which loses no digits in a bucket much narrower than a step (Δn = 0) and needs no loop over the
// codes in a bucket much wider. Buckets that round to 0 and buckets beyond the last code are summed
// beforehand.
double SideError::error(double scale, int32_t codes) const {
  if (codes <= 0) {
    return sum_of_squares();
  }
  const double limit = scale * codes;
  const size_t first =
      static_cast<size_t>(std::upper_bound(hi_.begin(), hi_.end(), 0.5 * scale) - hi_.begin());
  const size_t last = std::max(first, first_at_or_above(limit));
  const double highest = codes;
  const double inverse_scale = 1.0 / scale;
  double rounding = 0.0;
  for (size_t i = first; i < last; ++i) {
    const double a = lo_[i] * inverse_scale;
    const double b = hi_[i] * inverse_scale;
    const double code_a = round_to_even(std::min(a, highest));
    const double code_b = round_to_even(std::min(b, highest));
    const double rest_a = a - code_a;
    const double rest_b = b - code_b;
    const double third = (rest_a * rest_a + rest_a * rest_b + rest_b * rest_b) / 3.0;
    const double codes_a_width = (code_b - code_a) * inverse_width_[i] * scale;
    rounding += count_[i] * (third + codes_a_width * (1.0 / 12.0 - third));
  }
  const double clipped =
      squares_from_[last] - 2.0 * limit * sum_from_[last] + limit * limit * count_from_[last];
  return squares_below_[first] + rounding * scale * scale + std::max(0.0, clipped);
}

double SideError::clip_error(double limit) const {
  const size_t from = first_at_or_above(limit);
  double sum = std::max(
      0.0, squares_from_[from] - 2.0 * limit * sum_from_[from] + limit * limit * count_from_[from]);
  if (from > 0 && hi_[from - 1] > limit) {
    const double over = hi_[from - 1] - limit;
    sum += count_[from - 1] * inverse_width_[from - 1] * over * over * over / 3.0;
  }
  return sum;
}

double SideError::count_above(double limit) const {
  const size_t from = first_at_or_above(limit);
  double sum = 0.0;
  for (size_t i = from; i < lo_.size() && lo_[i] == limit; ++i) {
    sum -= hi_[i] == limit ? count_[i] : 0.0;  // a point mass at the limit is not above it
  }
  sum += count_from_[from];
  if (from > 0 && hi_[from - 1] > limit) {
    sum += count_[from - 1] * inverse_width_[from - 1] * (hi_[from - 1] - limit);
  }
  return sum;
}

QuantGrid grid_of(const QuantParams& params, const QuantScheme& scheme) {
  PTQ_CHECK(params.scale.size() == 1 && params.zero_point.size() == 1);
  const CodeRange codes = code_range(scheme);
  return {static_cast<double>(params.scale[0]), params.zero_point[0] - codes.lo,
          codes.hi - params.zero_point[0]};
}

QuantError::QuantError(const TensorStats& stats)
    : count_(static_cast<double>(stats.histogram.total())) {
  std::vector<LogHistogram::Bucket> negative;
  std::vector<LogHistogram::Bucket> positive;
  for (const LogHistogram::Bucket& bucket : stats.histogram.buckets(stats.min, stats.max)) {
    if (bucket.hi > 0.0) {
      positive.push_back(bucket);
    } else if (bucket.lo < 0.0) {
      negative.push_back({-bucket.hi, -bucket.lo, bucket.count});
    }
  }
  std::reverse(negative.begin(), negative.end());
  append_side(negative_, negative);
  append_side(positive_, positive);
}

double QuantError::sqnr_db(double error) const {
  if (error <= 0.0) {
    return std::numeric_limits<double>::infinity();
  }
  return 10.0 * std::log10(sum_of_squares() / error);
}

double QuantError::clipped_fraction(double lo, double hi) const {
  if (count_ == 0.0) {
    return 0.0;
  }
  return (negative_.count_above(-lo) + positive_.count_above(hi)) / count_;
}

Range scored_range(const QuantError& model, float lo, float hi, const QuantScheme& scheme) {
  Range range{lo + 0.0F, hi + 0.0F};  // −0 becomes 0
  range.clipped_fraction = model.clipped_fraction(lo, hi);
  range.sqnr_db = model.sqnr_db(model.error(grid_of(params_for_range(lo, hi, scheme), scheme)));
  return range;
}

double predicted_sqnr_db(const TensorStats& stats, const QuantParams& params,
                         const QuantScheme& scheme) {
  const QuantError model(stats);
  return model.sqnr_db(model.error(grid_of(params, scheme)));
}

}  // namespace ptq

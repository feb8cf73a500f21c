#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "range/estimators.h"
#include "range/quant_error.h"

namespace ptq {
namespace {

struct Candidate {
  QuantGrid grid;
  double error = std::numeric_limits<double>::infinity();
};

// The grid with the least squared error. The unknowns are the scale and, unless the scheme or a
// one-sided tensor fixes it, the zero point, an integer: every candidate is scored as it would be
// stored, the zero point already rounded.
class GridSearch {
 public:
  GridSearch(const QuantError& model, const TensorStats& stats, const QuantScheme& scheme)
      : model_(model) {
    const CodeRange codes = code_range(scheme);
    steps_ = codes.hi - codes.lo;
    if (scheme.symmetric) {
      fixed_ = symmetric_zero_point(scheme.dtype) - codes.lo;
    } else if (stats.min >= 0.0F) {
      fixed_ = 0;
    } else if (stats.max <= 0.0F) {
      fixed_ = steps_;
    }
  }

  // `full_scale`: that of the full range.
  Candidate best(double full_scale) const;

 private:
  QuantGrid grid(double scale, int32_t negative_codes) const {
    return {scale, negative_codes, steps_ - negative_codes};
  }
  double clip_error(const QuantGrid& g) const {
    return model_.negative().clip_error(g.scale * g.negative_codes) +
           model_.positive().clip_error(g.scale * g.positive_codes);
  }
  QuantGrid least_clipping(double scale) const;
  Candidate scored(const QuantGrid& g) const { return {g, model_.error(g)}; }
  Candidate best_near(const QuantGrid& start) const;
  Candidate refined(double scale) const;

  const QuantError& model_;
  int32_t steps_ = 0;
  int32_t fixed_ = -1;  // negative codes, −1: free
};

constexpr double kCoarseRatio = 0.95760328069857365;  // 2^(−1/16), 4.3 % a step
constexpr int kCoarseSteps = 16 * 64;                 // 64 octaves, never reached by real data
constexpr size_t kStarts = 3;

double stored_scale(double scale) {
  return static_cast<double>(static_cast<float>(scale));
}

// For a given scale the rounding error hardly depends on the zero point, and the clipping errors of
// the two sides are convex in it, one falling, the other rising: bisection on their sum.
QuantGrid GridSearch::least_clipping(double scale) const {
  if (fixed_ >= 0) {
    return grid(scale, fixed_);
  }
  int32_t low = 0;
  int32_t high = steps_;
  while (low < high) {
    const int32_t middle = low + (high - low) / 2;
    if (clip_error(grid(scale, middle + 1)) < clip_error(grid(scale, middle))) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return grid(scale, low);
}

// Walks to the neighbouring zero points while the whole error falls.
Candidate GridSearch::best_near(const QuantGrid& start) const {
  Candidate best = scored(start);
  if (fixed_ >= 0) {
    return best;
  }
  for (const int32_t direction : {-1, 1}) {
    for (int32_t codes = best.grid.negative_codes + direction; codes >= 0 && codes <= steps_;
         codes += direction) {
      const Candidate next = scored(grid(start.scale, codes));
      if (next.error >= best.error) {
        break;
      }
      best = next;
    }
  }
  return best;
}

// Zooms in on [scale − 1 coarse step, scale + 1 coarse step]. The error ripples with the integer
// zero point and, with few codes, with the place of the codes; three rounds of nine points are
// indifferent to that where a golden section would follow one ripple.
Candidate GridSearch::refined(double scale) const {
  constexpr int kPoints = 4;  // on either side
  Candidate best = best_near(least_clipping(stored_scale(scale)));
  double radius = scale * (1.0 - kCoarseRatio);
  for (int round = 0; round < 3; ++round) {
    const double centre = best.grid.scale;
    for (int i = -kPoints; i <= kPoints; ++i) {
      if (i != 0) {
        const Candidate next =
            best_near(least_clipping(stored_scale(centre + radius * i / kPoints)));
        best = next.error < best.error ? next : best;
      }
    }
    radius /= kPoints;
  }
  return best;
}

// A falling sequence of scales, from a little above that of the full range (where the rounded zero
// point may fit better). Clipping alone costs more with every step, so the first scale at which it
// exceeds the best error so far ends the scan, and nothing below can be better.
Candidate GridSearch::best(double full_scale) const {
  std::vector<Candidate> coarse;
  Candidate best;
  double scale = full_scale / (kCoarseRatio * kCoarseRatio);
  for (int i = 0; i < kCoarseSteps; ++i, scale *= kCoarseRatio) {
    if (scale < std::numeric_limits<float>::min() || scale > std::numeric_limits<float>::max()) {
      break;
    }
    const QuantGrid g = least_clipping(stored_scale(scale));
    if (clip_error(g) > best.error) {
      break;
    }
    coarse.push_back(scored(g));
    best = coarse.back().error < best.error ? coarse.back() : best;
  }
  std::vector<Candidate> minima;
  for (size_t i = 0; i < coarse.size(); ++i) {
    if ((i == 0 || coarse[i].error <= coarse[i - 1].error) &&
        (i + 1 == coarse.size() || coarse[i].error <= coarse[i + 1].error)) {
      minima.push_back(coarse[i]);
    }
  }
  std::stable_sort(minima.begin(), minima.end(),
                   [](const Candidate& a, const Candidate& b) { return a.error < b.error; });
  minima.resize(std::min(minima.size(), kStarts));
  for (const Candidate& start : minima) {
    const Candidate next = refined(start.grid.scale);
    best = next.error < best.error ? next : best;
  }
  return best;
}

float to_finite_float(double x) {
  constexpr double kHighest = std::numeric_limits<float>::max();
  return static_cast<float>(std::clamp(x, -kHighest, kHighest));
}

}  // namespace

Range estimate_mse(const TensorStats& stats, const RangeOptions& options) {
  const QuantScheme& scheme = options.scheme;
  const Range full = estimate_absmax(stats, options);
  const QuantError model(stats);
  if (model.sum_of_squares() == 0.0) {
    return full;
  }
  const QuantGrid full_grid = grid_of(params_for_range(full.lo, full.hi, scheme), scheme);
  const Candidate best = GridSearch(model, stats, scheme).best(full_grid.scale);
  const double reach = best.grid.scale * best.grid.positive_codes;
  const double lo = scheme.symmetric ? -reach : -best.grid.scale * best.grid.negative_codes;
  const Range found = scored_range(model, to_finite_float(lo), to_finite_float(reach), scheme);
  return found.sqnr_db > full.sqnr_db ? found : full;
}

}  // namespace ptq

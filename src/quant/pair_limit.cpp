#include "quant/pair_limit.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>

namespace ptq {
namespace {

constexpr int32_t kMaxCode = 127;

struct Pair {
  int32_t a = 0;
  int32_t b = 0;
};

int32_t nearest(float real) {
  // Clamp first: the conversion of a large float to an integer is undefined.
  return static_cast<int32_t>(std::nearbyint(
      std::clamp(real, static_cast<float>(-kMaxCode), static_cast<float>(kMaxCode))));
}

// Rounds (x, y), in units of the scale. Above the limit the nearest point of |a| + |b| = limit is
// taken: both give up half of the excess.
Pair round_pair(float x, float y) {
  const Pair pair{nearest(x), nearest(y)};
  if (!pair_saturates(pair.a, pair.b)) {
    return pair;
  }
  const int32_t sign = pair.a > 0 ? 1 : -1;
  const float limit = static_cast<float>(kSafePairSum);
  const int32_t a = std::clamp(nearest((std::abs(x) - std::abs(y) + limit) / 2.0F),
                               kSafePairSum - kMaxCode, kMaxCode);
  return {sign * a, sign * (kSafePairSum - a)};
}

double row_error(const std::vector<float>& row, float scale) {
  const float inverse = 1.0F / scale;
  double error = 0.0;
  for (size_t k = 0; k < row.size(); k += 2) {
    const float x = row[k] * inverse;
    const float y = k + 1 < row.size() ? row[k + 1] * inverse : 0.0F;
    const Pair pair = round_pair(x, y);
    const float dx = x - static_cast<float>(pair.a);
    const float dy = y - static_cast<float>(pair.b);
    error += static_cast<double>(dx * dx) + static_cast<double>(dy * dy);
  }
  return error * static_cast<double>(scale) * static_cast<double>(scale);
}

// Scale at which no pair needs to be moved, but for rounding.
float free_scale(const std::vector<std::vector<float>>& rows, float scale) {
  float largest = 0.0F;
  for (const std::vector<float>& row : rows) {
    for (size_t k = 0; k + 1 < row.size(); k += 2) {
      if ((row[k] > 0.0F) == (row[k + 1] > 0.0F)) {
        largest = std::max(largest, std::abs(row[k]) + std::abs(row[k + 1]));
      }
    }
  }
  return std::max(scale, largest / static_cast<float>(kSafePairSum));
}

}  // namespace

int32_t largest_pair_sum(std::span<const int8_t> codes, const ReductionOrder& order) {
  int32_t largest = 0;
  for (const size_t first : order.first) {
    for (size_t k = 0; k + 1 < order.step.size(); k += 2) {
      const int32_t a = codes[first + order.step[k]];
      const int32_t b = codes[first + order.step[k + 1]];
      if ((a > 0) == (b > 0)) {
        largest = std::max(largest, std::abs(a + b));
      }
    }
  }
  return largest;
}

void round_pair_limited(std::span<const float> row, std::span<int32_t> codes) {
  for (size_t k = 0; k < row.size(); k += 2) {
    const bool single = k + 1 == row.size();
    const Pair pair = round_pair(row[k], single ? 0.0F : row[k + 1]);
    codes[k] = pair.a;
    if (!single) {
      codes[k + 1] = pair.b;
    }
  }
}

float pair_limited_scale(const std::vector<std::vector<float>>& rows, float lowest) {
  constexpr int kSteps = 16;
  const float free = free_scale(rows, lowest);
  float best = lowest;
  double least = std::numeric_limits<double>::infinity();
  for (int step = 0; step <= (free > lowest ? kSteps : 0); ++step) {
    const float scale = lowest * std::pow(free / lowest, static_cast<float>(step) / float{kSteps});
    double error = 0.0;
    for (const std::vector<float>& row : rows) {
      error += row_error(row, scale);
    }
    if (error < least) {
      least = error;
      best = scale;
    }
  }
  return best;
}

}  // namespace ptq

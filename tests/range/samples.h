#pragma once
// Raw numbers of known distributions and what quantizing them really costs: the brute force that
// the estimators, which see only the histogram, are held against. Fixed seeds; the same on any
// machine.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "ptq/quant_params.h"

namespace ptq::testing {

class Sampler {
 public:
  explicit Sampler(uint64_t seed) : engine_(seed) {}

  double uniform() { return (static_cast<double>(engine_() >> 11) + 0.5) * 0x1p-53; }
  double gaussian() {
    return std::sqrt(-2.0 * std::log(uniform())) * std::cos(2.0 * std::numbers::pi * uniform());
  }
  double laplace() {
    const double u = uniform() - 0.5;
    return -std::copysign(std::log(1.0 - 2.0 * std::abs(u)), u);
  }
  double student_t(int freedom) {
    double chi_squared = 0.0;
    for (int i = 0; i < freedom; ++i) {
      const double g = gaussian();
      chi_squared += g * g;
    }
    return gaussian() / std::sqrt(chi_squared / freedom);
  }

 private:
  std::mt19937_64 engine_;
};

enum class Kind {
  kGaussian,
  kLaplace,
  kStudent3,
  kStudent5,
  kReluGaussian,
  kRelu6,
  kNegativeOnly,
  kShifted,      // Gaussian around 1, longer on one side
  kOutliers20,   // Gaussian, 1e-4 of it at ±20 sigma
  kOutliers300,  // Gaussian, 1e-5 of it at +300 sigma
  kOutliers60,   // Gaussian, 1e-5 of it at ±60 sigma
};

inline const char* kind_name(Kind kind) {
  constexpr const char* kNames[] = {"Gaussian",     "Laplace",     "Student3",  "Student5",
                                    "ReluGaussian", "Relu6",       "Negative",  "Shifted",
                                    "Outliers20",   "Outliers300", "Outliers60"};
  return kNames[static_cast<size_t>(kind)];
}

inline double draw(Sampler& s, Kind kind) {
  switch (kind) {
    case Kind::kGaussian:
      return s.gaussian();
    case Kind::kLaplace:
      return s.laplace();
    case Kind::kStudent3:
      return s.student_t(3);
    case Kind::kStudent5:
      return s.student_t(5);
    case Kind::kReluGaussian:
      return std::max(0.0, s.gaussian());
    case Kind::kRelu6:
      return std::clamp(4.0 * s.gaussian(), 0.0, 6.0);
    case Kind::kNegativeOnly:
      return -std::abs(s.laplace());
    case Kind::kShifted:
      return 1.0 + s.gaussian();
    case Kind::kOutliers20:
      return s.uniform() < 1e-4 ? std::copysign(20.0, s.gaussian()) : s.gaussian();
    case Kind::kOutliers300:
      return s.uniform() < 1e-5 ? 300.0 : s.gaussian();
    case Kind::kOutliers60:
      return s.uniform() < 1e-5 ? std::copysign(60.0, s.gaussian()) : s.gaussian();
  }
  return 0.0;
}

inline std::vector<float> sample(Kind kind, size_t count, uint64_t seed = 1) {
  Sampler sampler(seed);
  std::vector<float> values(count);
  std::generate(values.begin(), values.end(),
                [&] { return static_cast<float>(draw(sampler, kind)); });
  return values;
}

inline double sum_of_squares(std::span<const float> values) {
  double sum = 0.0;
  for (const float v : values) {
    sum += static_cast<double>(v) * static_cast<double>(v);
  }
  return sum;
}

// By the arithmetic of the product, value by value.
inline double true_sqnr_db(std::span<const float> values, const QuantParams& params,
                           const QuantScheme& scheme) {
  const CodeRange codes = code_range(scheme);
  double noise = 0.0;
  for (const float v : values) {
    const int32_t code = quantize(v, params.scale[0], params.zero_point[0], codes);
    const double error = static_cast<double>(v) - static_cast<double>(dequantize(
                                                      code, params.scale[0], params.zero_point[0]));
    noise += error * error;
  }
  return 10.0 * std::log10(sum_of_squares(values) / noise);
}

// Squared error under `params`, written for speed and apart from the product's arithmetic.
inline double raw_error(std::span<const float> values, const QuantParams& params,
                        const QuantScheme& scheme) {
  const CodeRange codes = code_range(scheme);
  const float scale = params.scale[0];
  const float inverse = 1.0F / scale;
  const auto lowest = static_cast<float>(codes.lo - params.zero_point[0]);
  const auto highest = static_cast<float>(codes.hi - params.zero_point[0]);
  constexpr float kMagic = 12582912.0F;  // 1.5 · 2^23, rounds to an integer
  constexpr size_t kLanes = 8;
  constexpr size_t kRun = 1024;
  double noise = 0.0;
  for (size_t begin = 0; begin < values.size(); begin += kRun) {
    const std::span<const float> run = values.subspan(begin, std::min(kRun, values.size() - begin));
    float sums[kLanes] = {};
    for (size_t i = 0; i + kLanes <= run.size(); i += kLanes) {
      for (size_t lane = 0; lane < kLanes; ++lane) {
        const float v = run[i + lane];
        float u = v * inverse;
        u = u < lowest ? lowest : u;
        u = u > highest ? highest : u;
        const float error = v - scale * ((u + kMagic) - kMagic);
        sums[lane] += error * error;
      }
    }
    for (const float sum : sums) {
      noise += static_cast<double>(sum);
    }
  }
  return noise;
}

struct BruteForce {
  double sqnr_db = -1e9;
  float lo = 0.0F;
  float hi = 0.0F;
};

// The best range on a dense grid over both ends: geometric points between `least` and 1 of the full
// range, 65 of them, or 17 × 17 when the ends move apart, then three rounds of 9 or 9 × 9 around
// the best. values.size() is a multiple of 8.
inline BruteForce brute_force(std::span<const float> values, const QuantScheme& scheme,
                              double least) {
  const auto [min_it, max_it] = std::minmax_element(values.begin(), values.end());
  double min = std::min(0.0, static_cast<double>(*min_it));
  double max = std::max(0.0, static_cast<double>(*max_it));
  if (scheme.symmetric) {
    max = std::max(-min, max);
    min = -max;
  }
  const double signal = sum_of_squares(values);
  BruteForce best;
  double best_a = 1.0;
  double best_b = 1.0;
  const auto try_range = [&](double a, double b) {
    const auto lo = static_cast<float>(min * a);
    const auto hi = static_cast<float>(max * b);
    const double error = raw_error(values, params_for_range(lo, hi, scheme), scheme);
    const double sqnr_db = 10.0 * std::log10(signal / error);
    if (sqnr_db > best.sqnr_db) {
      best = {sqnr_db, lo, hi};
      best_a = a;
      best_b = b;
    }
  };
  const bool one_end = scheme.symmetric || min == 0.0 || max == 0.0;
  const auto over = [&](double centre_a, double centre_b, double ratio, int from, int to) {
    for (int i = from; i <= to; ++i) {
      if (one_end) {
        const double f = std::pow(ratio, i);
        try_range(centre_a * f, centre_b * f);
        continue;
      }
      for (int j = from; j <= to; ++j) {
        try_range(centre_a * std::pow(ratio, i), centre_b * std::pow(ratio, j));
      }
    }
  };
  const int coarse = one_end ? 64 : 16;
  double ratio = std::pow(least, 1.0 / coarse);
  over(1.0, 1.0, ratio, 0, coarse);
  for (int round = 0; round < 3; ++round) {
    ratio = std::pow(ratio, 1.0 / 4.0);
    over(best_a, best_b, ratio, -4, 4);
  }
  return best;
}

}  // namespace ptq::testing

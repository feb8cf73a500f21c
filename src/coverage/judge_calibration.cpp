#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "coverage/findings.h"
#include "coverage/strata.h"
#include "ptq/calibration_set.h"
#include "ptq/error.h"

namespace ptq {
namespace {

constexpr int kMostDoublings = 10;

struct Growth {
  double next = 0.0;    // of the largest value, at the next doubling
  double factor = 1.0;  // from one doubling to the next
};

// `sorted` ascends and has kLeastSamples values at least.
Growth growth_of(const std::vector<double>& sorted) {
  const size_t n = sorted.size();
  const double half = expected_maximum(sorted, n / 2);
  const double quarter = expected_maximum(sorted, n / 4);
  const double eighth = expected_maximum(sorted, n / 8);
  const double earlier = quarter - eighth;
  const double later = half - quarter;
  if (later <= 0.0) {
    return {};
  }
  const double factor = earlier > 0.0 ? std::clamp(later / earlier, 0.5, 2.0) : 2.0;
  return {later * factor * factor, factor};
}

// Both sides of a tensor at the number of samples so far, doubled again and again.
std::optional<uint64_t> samples_needed(const Growth& low, const Growth& high, double width,
                                       uint64_t samples) {
  Growth sides[2] = {low, high};
  uint64_t total = samples;
  for (int doubling = 0; doubling <= kMostDoublings; ++doubling) {
    const double step = sides[0].next + sides[1].next;
    if (step <= kSettledGrowth * width) {
      return total - samples;
    }
    width += step;
    total *= 2;
    for (Growth& side : sides) {
      side.next *= side.factor;
    }
  }
  return std::nullopt;
}

// Cumulated shares of octaves of both halves; `order` gives the samples in order of their hashes.
double half_distance(const SampleSketches& sketches, const std::vector<size_t>& order, size_t v) {
  constexpr size_t kOctaves = ValueSketch::kOctaves;
  uint32_t top = 0;
  for (const SampleSketch& sample : sketches.samples) {
    top = std::max(top, sample.values[v].top_octave);
  }
  std::vector<double> counts[2] = {std::vector<double>(kOctaves), std::vector<double>(kOctaves)};
  double totals[2] = {0.0, 0.0};
  for (size_t i = 0; i < order.size(); ++i) {
    const ValueSketch& value = sketches.samples[order[i]].values[v];
    totals[i % 2] += static_cast<double>(value.count);
    for (size_t o = 0; o < kOctaves; ++o) {
      if (const size_t bin = top - value.top_octave + o; bin < kOctaves) {
        counts[i % 2][bin] += static_cast<double>(value.octaves[o]);
      }
    }
  }
  double largest = 0.0;
  double above[2] = {0.0, 0.0};
  for (size_t o = 0; o < kOctaves && totals[0] > 0.0 && totals[1] > 0.0; ++o) {
    above[0] += counts[0][o] / totals[0];
    above[1] += counts[1][o] / totals[1];
    largest = std::max(largest, std::abs(above[0] - above[1]));
  }
  return largest;
}

TensorConvergence tensor_convergence(const SampleSketches& sketches,
                                     const std::vector<size_t>& order, size_t v,
                                     const Extremes& range) {
  std::vector<double> low;
  std::vector<double> high;
  for (const SampleSketch& sample : sketches.samples) {
    const ValueSketch& value = sample.values[v];
    if (value.count > 0) {
      low.push_back(-static_cast<double>(std::clamp(value.extremes.min, range.min, 0.0F)));
      high.push_back(static_cast<double>(std::clamp(value.extremes.max, 0.0F, range.max)));
    }
  }
  TensorConvergence out{.name = sketches.names[v]};
  if (low.empty()) {
    return out;
  }
  std::ranges::sort(low);
  std::ranges::sort(high);
  out.halves = half_distance(sketches, order, v);
  if (low.size() < kLeastSamples) {
    out.growth = std::numeric_limits<double>::infinity();
    out.more = kLeastSamples - low.size();
    return out;
  }
  const Growth down = growth_of(low);
  const Growth up = growth_of(high);
  const double width = low.back() + high.back();
  out.growth = width > 0.0 ? (down.next + up.next) / width : 0.0;
  out.more = samples_needed(down, up, width, low.size());
  return out;
}

CoverageGap unsettled(const TensorConvergence& tensor) {
  const CoverageFindingRow& row = coverage_finding("PTQ-V301");
  const std::string need = tensor.more ? fmt::format("{} more samples needed", *tensor.more)
                                       : "no number of samples settles it; clip it (mse)";
  const std::string growth =
      std::isinf(tensor.growth)
          ? fmt::format("fewer than {} samples computed it", kLeastSamples)
          : fmt::format("expected to grow by {:.1f} % when samples double", 100.0 * tensor.growth);
  return {tensor.name, std::string(row.code), std::string(row.severity), growth + "; " + need};
}

uint64_t count_duplicates(const ActivationStats& stats) {
  if (stats.production) {
    return std::accumulate(stats.production->times.begin(), stats.production->times.end(),
                           uint64_t{0}) -
           stats.production->times.size();
  }
  uint64_t duplicates = 0;
  for (size_t i = 1; i < stats.sample_hashes.size(); ++i) {
    duplicates += stats.sample_hashes[i] == stats.sample_hashes[i - 1] ? 1U : 0U;
  }
  return duplicates;
}

}  // namespace

// Weight of the k-th smallest of N: C(k−1, m−1) / C(N, m), the share of draws whose maximum it is.
double expected_maximum(const std::vector<double>& sorted, size_t m) {
  PTQ_CHECK(m >= 1 && m <= sorted.size());
  double weight = static_cast<double>(m) / static_cast<double>(sorted.size());
  double sum = 0.0;
  for (size_t k = sorted.size(); k >= m; --k) {
    sum += weight * sorted[k - 1];
    if (k > 1) {
      weight *= static_cast<double>(k - m) / static_cast<double>(k - 1);
    }
  }
  return sum;
}

CalibrationSet judge_calibration(const ActivationStats& stats, const SampleSketches& sketches,
                                 const std::map<std::string, Extremes>& ranges) {
  CalibrationSet out{.samples = stats.samples(), .duplicates = count_duplicates(stats)};
  std::vector<size_t> order(sketches.samples.size());
  for (size_t i = 0; i < order.size(); ++i) {
    order[i] = i;
  }
  std::ranges::sort(order, {}, [&](size_t i) { return std::tuple(sketches.samples[i].hash, i); });
  const Extremes all{std::numeric_limits<float>::lowest(), std::numeric_limits<float>::max()};
  for (size_t v = 0; v < sketches.names.size() && !order.empty(); ++v) {
    const auto range = ranges.find(sketches.names[v]);
    out.convergence.push_back(
        tensor_convergence(sketches, order, v, range == ranges.end() ? all : range->second));
  }
  std::ranges::sort(out.convergence, {}, [](const TensorConvergence& tensor) {
    return std::tuple(-tensor.growth, -tensor.halves, std::string_view(tensor.name));
  });
  out.findings = strata_findings(stats);
  if (out.duplicates > 0) {
    const CoverageFindingRow& row = coverage_finding("PTQ-V302");
    out.findings.push_back(
        {"", std::string(row.code), std::string(row.severity),
         fmt::format("{} of {} samples are equal to another one", out.duplicates, out.samples)});
  }
  for (const TensorConvergence& tensor : out.convergence) {
    if (tensor.more != 0U) {
      out.findings.push_back(unsettled(tensor));
    }
  }
  std::ranges::stable_sort(
      out.findings, {}, [](const CoverageGap& finding) { return severity_rank(finding.severity); });
  return out;
}

}  // namespace ptq

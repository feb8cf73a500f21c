#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <utility>

#include <fmt/format.h>

#include "coverage/lazy_greedy.h"
#include "ptq/error.h"
#include "ptq/selection.h"

namespace ptq {
namespace {

// Weight of the octaves beside the extremes, and what an octave has before anything is chosen.
constexpr double kMassWeight = 2.0;
constexpr double kPriorMass = 1e-3;
// The octaves below the pool's largest magnitude, and one for all that is smaller or zero.
constexpr size_t kBins = ValueSketch::kOctaves + 1;

// How far a sample drives value `v` to one side of zero.
double extent(const ValueSketch& value, bool negative) {
  const double x = static_cast<double>(negative ? -value.extremes.min : value.extremes.max);
  return value.count == 0 ? 0.0 : std::max(x, 0.0);
}

// The features of all samples, and what was chosen of them.
class Covering {
 public:
  explicit Covering(const SampleSketches& pool) : samples_(pool.samples.size()) {
    for (size_t v = 0; v < pool.names.size(); ++v) {
      for (const bool negative : {false, true}) {
        add_side(pool, v, negative);
      }
      add_mass(pool, v);
    }
    reached_.resize(sides_.size());
    mass_.resize(shares_.size(), std::vector<double>(kBins, kPriorMass));
  }

  double gain(size_t sample) const {
    double sides = 0.0;
    for (size_t s = 0; s < sides_.size(); ++s) {
      sides += std::max(0.0, sides_[s].worth[sample] - reached_[s].worth);
    }
    double mass = 0.0;
    for (size_t v = 0; v < shares_.size(); ++v) {
      const float* const share = shares_[v].data() + sample * kBins;
      for (size_t b = 0; b < kBins; ++b) {
        if (share[b] > 0.0F) {
          mass += pool_[v][b] * std::log1p(static_cast<double>(share[b]) / mass_[v][b]);
        }
      }
    }
    return mean(sides, sides_.size()) + kMassWeight * mean(mass, shares_.size());
  }

  void take(size_t sample) {
    for (size_t s = 0; s < sides_.size(); ++s) {
      reached_[s].worth = std::max(reached_[s].worth, sides_[s].worth[sample]);
      reached_[s].reach = std::max(reached_[s].reach, sides_[s].reach[sample]);
      reached_[s].rank = std::max(reached_[s].rank, sides_[s].rank[sample]);
    }
    for (size_t v = 0; v < shares_.size(); ++v) {
      for (size_t b = 0; b < kBins; ++b) {
        mass_[v][b] += static_cast<double>(shares_[v][sample * kBins + b]);
      }
    }
  }

  void describe(Selection& selection) const {
    double reach = 0.0;
    double rank = 0.0;
    for (const Reached& side : reached_) {
      reach += side.reach;
      rank += side.rank;
    }
    double bits = 0.0;
    for (size_t v = 0; v < shares_.size(); ++v) {
      const double total = std::accumulate(mass_[v].begin(), mass_[v].end(), 0.0);
      for (size_t b = 0; b < kBins; ++b) {
        bits +=
            pool_[v][b] > 0.0 ? pool_[v][b] * std::log2(pool_[v][b] * total / mass_[v][b]) : 0.0;
      }
    }
    selection.reach = sides_.empty() ? 1.0 : mean(reach, sides_.size());
    selection.samples_within = sides_.empty() ? 1.0 : mean(rank, sides_.size());
    selection.divergence_bits = mean(bits, shares_.size());
  }

 private:
  struct Side {                 // by sample, 0 … 1
    std::vector<double> reach;  // of the pool's largest
    std::vector<double> rank;   // share of the samples that reach no further
    std::vector<double> worth;  // mean of both
  };
  struct Reached {
    double reach = 0.0;
    double rank = 0.0;
    double worth = 0.0;
  };

  static double mean(double sum, size_t count) {
    return count == 0 ? 0.0 : sum / static_cast<double>(count);
  }

  // Nothing for a side on which all samples reach equally far.
  void add_side(const SampleSketches& pool, size_t v, bool negative) {
    std::vector<double> extents;
    for (const SampleSketch& sample : pool.samples) {
      extents.push_back(extent(sample.values[v], negative));
    }
    std::vector<double> sorted = extents;
    std::ranges::sort(sorted);
    if (sorted.front() == sorted.back()) {
      return;
    }
    Side side;
    for (const double x : extents) {
      const auto within = std::ranges::upper_bound(sorted, x) - sorted.begin();
      side.reach.push_back(x / sorted.back());
      side.rank.push_back(static_cast<double>(within) / static_cast<double>(samples_));
      side.worth.push_back((side.reach.back() + side.rank.back()) / 2.0);
    }
    sides_.push_back(std::move(side));
  }

  void add_mass(const SampleSketches& pool, size_t v) {
    uint32_t top = 0;
    for (const SampleSketch& sample : pool.samples) {
      top = std::max(top, sample.values[v].top_octave);
    }
    if (top == 0) {
      return;
    }
    std::vector<float> shares(samples_ * kBins);
    std::vector<double> sum(kBins);
    double counted = 0.0;
    for (size_t s = 0; s < samples_; ++s) {
      const ValueSketch& value = pool.samples[s].values[v];
      if (value.count == 0) {
        continue;
      }
      std::vector<double> bins(kBins);
      bins.back() = 1.0;
      for (size_t i = 0; i < ValueSketch::kOctaves; ++i) {
        const size_t bin = top - value.top_octave + i;
        if (bin + 1 < kBins) {
          bins[bin] = static_cast<double>(value.octaves[i]) / static_cast<double>(value.count);
          bins.back() -= bins[bin];
        }
      }
      for (size_t b = 0; b < kBins; ++b) {
        shares[s * kBins + b] = static_cast<float>(std::max(0.0, bins[b]));
        sum[b] += bins[b];
      }
      counted += 1.0;
    }
    for (double& share : sum) {
      share = std::max(0.0, share / counted);
    }
    shares_.push_back(std::move(shares));
    pool_.push_back(std::move(sum));
  }

  size_t samples_;
  std::vector<Side> sides_;
  std::vector<Reached> reached_;            // by side
  std::vector<std::vector<float>> shares_;  // by value: [sample][bin]
  std::vector<std::vector<double>> pool_;   // by value: share of each bin
  std::vector<std::vector<double>> mass_;   // by value: of what was chosen
};

// Places in a permutation that is the same on every platform.
std::vector<size_t> shuffled_order(size_t count, uint64_t seed) {
  std::vector<size_t> order(count);
  std::iota(order.begin(), order.end(), size_t{0});
  std::mt19937_64 generator(seed);
  for (size_t i = count; i > 1; --i) {
    std::swap(order[i - 1], order[generator() % i]);
  }
  return order;
}

void check_count(const SampleSketches& pool, size_t count, size_t strata) {
  if (count == 0) {
    throw Error(ErrorCode::kUsage, "expected a number of samples of 1 or more, found 0");
  }
  if (pool.samples.size() < count) {
    throw Error(ErrorCode::kInput, fmt::format("expected a pool of at least {} samples, found {}; "
                                               "add samples or ask for fewer (-n)",
                                               count, pool.samples.size()));
  }
  if (count < strata) {
    throw Error(ErrorCode::kInput, fmt::format("expected to take one sample at least of each of {} "
                                               "strata, found -n {}; ask for more",
                                               strata, count));
  }
}

}  // namespace

std::vector<size_t> stratum_quotas(const std::vector<size_t>& sizes, size_t count) {
  const auto total = static_cast<double>(std::accumulate(sizes.begin(), sizes.end(), size_t{0}));
  std::vector<double> wanted;
  std::vector<size_t> quotas;
  size_t sum = 0;
  for (const size_t size : sizes) {
    wanted.push_back(static_cast<double>(size) * static_cast<double>(count) / total);
    quotas.push_back(std::max(size_t{1}, static_cast<size_t>(wanted.back())));
    sum += quotas.back();
  }
  const auto lack = [&](size_t i) { return wanted[i] - static_cast<double>(quotas[i]); };
  while (sum != count) {
    const bool grow = sum < count;
    size_t best = sizes.size();
    for (size_t i = 0; i < sizes.size(); ++i) {
      const bool possible = grow ? quotas[i] < sizes[i] : quotas[i] > 1;
      if (possible &&
          (best == sizes.size() || (grow ? lack(i) > lack(best) : lack(i) < lack(best)))) {
        best = i;
      }
    }
    PTQ_CHECK(best < sizes.size());
    grow ? ++quotas[best] : --quotas[best];
    grow ? ++sum : --sum;
  }
  return quotas;
}

Selection select_samples(const SampleSketches& pool, const SelectOptions& options) {
  std::map<std::string, size_t> left;  // by stratum: how many may still be taken
  for (const SampleSketch& sample : pool.samples) {
    ++left[sample.stratum];
  }
  check_count(pool, options.count, left.size());
  std::vector<size_t> sizes;
  sizes.reserve(left.size());
  for (const auto& [name, size] : left) {
    sizes.push_back(size);
  }
  const std::vector<size_t> quotas = stratum_quotas(sizes, options.count);
  size_t position = 0;
  for (auto& [name, size] : left) {
    size = quotas[position++];
  }

  Selection selection;
  for (const auto& [name, quota] : left) {
    selection.strata[name] = quota;
  }
  Covering covering(pool);
  selection.chosen = lazy_greedy(
      shuffled_order(pool.samples.size(), options.seed), options.count, 0.0,
      [&](size_t i) { return covering.gain(i); },
      [&](size_t i) {
        covering.take(i);
        --left[pool.samples[i].stratum];
      },
      [&](size_t i) { return left[pool.samples[i].stratum] > 0; });
  PTQ_CHECK(selection.chosen.size() == options.count);
  std::ranges::sort(selection.chosen);
  covering.describe(selection);
  return selection;
}

}  // namespace ptq

// Distances between the histograms of one tensor over two sets of samples.

#include <algorithm>
#include <cmath>
#include <map>

#include "ptq/coverage.h"

namespace ptq {
namespace {

// Shares by bucket in ascending order of value, of both histograms. `merged` neighbouring buckets
// count as one.
struct SharedBuckets {
  std::vector<double> a;
  std::vector<double> b;
};

// Ascending in value: magnitudes of negative values descending, zero, positive ones.
void add_shares(const TensorStats& stats, uint32_t merged, bool first,
                std::map<int64_t, std::pair<double, double>>& shares) {
  const auto total = static_cast<double>(stats.histogram.total());
  const auto add = [&](int64_t bucket, uint64_t count) {
    auto& pair = shares[bucket];
    (first ? pair.first : pair.second) += static_cast<double>(count) / total;
  };
  add(0, stats.histogram.zeros());
  for (const int64_t sign : {-1, 1}) {
    const LogHistogram::Side& side =
        sign < 0 ? stats.histogram.negative() : stats.histogram.positive();
    for (size_t i = 0; i < side.counts.size(); ++i) {
      add(sign * (1 + static_cast<int64_t>((side.first_key + i) / merged)), side.counts[i]);
    }
  }
}

SharedBuckets shared_buckets(const TensorStats& a, const TensorStats& b, uint32_t merged) {
  std::map<int64_t, std::pair<double, double>> shares;
  add_shares(a, merged, true, shares);
  add_shares(b, merged, false, shares);
  SharedBuckets out;
  for (const auto& [bucket, pair] : shares) {
    out.a.push_back(pair.first);
    out.b.push_back(pair.second);
  }
  return out;
}

bool is_empty(const TensorStats& stats) {
  return stats.histogram.total() == 0;
}

}  // namespace

double js_distance(const TensorStats& a, const TensorStats& b) {
  if (is_empty(a) || is_empty(b)) {
    return 0.0;
  }
  // A quarter octave, so that thin buckets of few values do not count as a difference.
  const SharedBuckets shares = shared_buckets(a, b, 8);
  double divergence = 0.0;
  for (size_t i = 0; i < shares.a.size(); ++i) {
    const double middle = (shares.a[i] + shares.b[i]) / 2.0;
    for (const double share : {shares.a[i], shares.b[i]}) {
      divergence += share == 0.0 ? 0.0 : 0.5 * share * std::log2(share / middle);
    }
  }
  return std::sqrt(std::clamp(divergence, 0.0, 1.0));
}

double ks_distance(const TensorStats& a, const TensorStats& b) {
  if (is_empty(a) || is_empty(b)) {
    return 0.0;
  }
  const SharedBuckets shares = shared_buckets(a, b, 1);
  double below_a = 0.0;
  double below_b = 0.0;
  double largest = 0.0;
  for (size_t i = 0; i < shares.a.size(); ++i) {
    below_a += shares.a[i];
    below_b += shares.b[i];
    largest = std::max(largest, std::abs(below_a - below_b));
  }
  return std::min(largest, 1.0);
}

}  // namespace ptq

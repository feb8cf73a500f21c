#pragma once
// Greedy choice for a monotone submodular function: the gain of a candidate never grows while
// others are chosen, so an old gain is an upper bound, and most need not be computed again (Minoux,
// Accelerated greedy algorithms, 1978). Any thread.

#include <cstddef>
#include <queue>
#include <tuple>
#include <vector>

namespace ptq {

// Chooses up to `count` of the candidates 0 … order.size() − 1. `gain(i)` is what i adds now;
// `take(i)` chooses it; `allowed(i)`, once false, stays so. Of equal
// gains, the one with the smaller `order` is taken first. Stops at gains below `least`.
template <typename Gain, typename Take, typename Allowed>
std::vector<size_t> lazy_greedy(const std::vector<size_t>& order, size_t count, double least,
                                const Gain& gain, const Take& take, const Allowed& allowed) {
  struct Bound {
    double gain;
    size_t order;
    size_t candidate;
    size_t round;  // number of choices when the gain was computed
    bool operator<(const Bound& other) const {
      return std::tuple(gain, other.order) < std::tuple(other.gain, order);
    }
  };
  std::vector<Bound> bounds;
  for (size_t i = 0; i < order.size(); ++i) {
    bounds.push_back({gain(i), order[i], i, 0});
  }
  std::priority_queue<Bound> queue({}, std::move(bounds));
  std::vector<size_t> chosen;
  while (chosen.size() < count && !queue.empty()) {
    Bound best = queue.top();
    queue.pop();
    if (!allowed(best.candidate)) {
      continue;
    }
    if (best.round != chosen.size()) {
      best.gain = gain(best.candidate);
      best.round = chosen.size();
      queue.push(best);
      continue;
    }
    if (best.gain < least) {
      break;
    }
    chosen.push_back(best.candidate);
    take(best.candidate);
  }
  return chosen;
}

}  // namespace ptq

#pragma once
// Which products should go back to float so that a budget holds, with the fewest
// multiply-accumulates in float: the decision on top of a measurement that the caller provides.
// Pure apart from the callback; one thread.

#include <functional>
#include <span>
#include <vector>

namespace ptq {

struct FloatCandidate {
  size_t product = 0;
  double noise = 0.0;  // error by signal power at the outputs, with this product alone in integers
  double macs = 0.0;   // multiply-accumulates that would go to float; above 0
};

// Most noise for each multiply-accumulate first; equal ones in the given order.
std::vector<size_t> rank_for_float(std::span<const FloatCandidate> candidates);

// Whether the budget holds when exactly `in_float` of the candidates are in float.
using BudgetHolds = std::function<bool(std::span<const size_t> in_float)>;

struct FewestInFloat {
  std::vector<size_t> in_float{};  // in the order of the ranking
  bool holds = false;              // false: not even with all of them in float
};

// `ranking` are products as of rank_for_float, and the budget is known not to hold with none of
// them in float. Looks for the shortest prefix that holds, from 1 on in doubling steps and then by
// halving, since few products usually carry the error; then puts back into integers what the
// prefix does not need, cheapest (last of the ranking) and in groups first. Each set that is
// accepted was measured, so the result holds even where the budget is not monotone. At most
// 2 log2(k) + 2 k measurements for a prefix of k.
FewestInFloat find_fewest_in_float(std::span<const size_t> ranking, const BudgetHolds& holds);

}  // namespace ptq

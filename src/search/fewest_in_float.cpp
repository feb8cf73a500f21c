#include "search/fewest_in_float.h"

#include <algorithm>
#include <numeric>

namespace ptq {
namespace {

// Length of the shortest prefix that was seen to hold; 0: none.
size_t find_prefix(std::span<const size_t> ranking, const BudgetHolds& holds) {
  size_t fails = 0;
  size_t length = 1;
  while (!holds(ranking.first(length))) {
    if (length == ranking.size()) {
      return 0;
    }
    fails = length;
    length = std::min(2 * length, ranking.size());
  }
  while (length - fails > 1) {
    const size_t middle = fails + (length - fails) / 2;
    (holds(ranking.first(middle)) ? length : fails) = middle;
  }
  return length;
}

// Puts members of [begin, end) back into integers where the rest still holds. `kept` is the whole
// set, which holds; positions before `end` are still those of the prefix.
void put_back(std::vector<size_t>& kept, size_t begin, size_t end, const BudgetHolds& holds) {
  if (begin == end) {
    return;
  }
  std::vector<size_t> rest = kept;
  rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(begin),
             rest.begin() + static_cast<std::ptrdiff_t>(end));
  if (holds(rest)) {
    kept = std::move(rest);
  } else if (end - begin > 1) {
    const size_t middle = begin + (end - begin) / 2;
    put_back(kept, middle, end, holds);
    put_back(kept, begin, middle, holds);
  }
}

}  // namespace

std::vector<size_t> rank_for_float(std::span<const FloatCandidate> candidates) {
  std::vector<FloatCandidate> sorted(candidates.begin(), candidates.end());
  std::ranges::stable_sort(sorted, [](const FloatCandidate& a, const FloatCandidate& b) {
    return a.noise / a.macs > b.noise / b.macs;
  });
  std::vector<size_t> ranking;
  ranking.reserve(sorted.size());
  for (const FloatCandidate& candidate : sorted) {
    ranking.push_back(candidate.product);
  }
  return ranking;
}

FewestInFloat find_fewest_in_float(std::span<const size_t> ranking, const BudgetHolds& holds) {
  if (ranking.empty()) {
    return {};
  }
  const size_t length = find_prefix(ranking, holds);
  if (length == 0) {
    return {.in_float = {ranking.begin(), ranking.end()}};
  }
  FewestInFloat found{
      .in_float = {ranking.begin(), ranking.begin() + static_cast<std::ptrdiff_t>(length)},
      .holds = true};
  // The last one is needed: without it the prefix was seen to fail. The halves are asked for at
  // once, as all of the others together would leave that one alone.
  const size_t others = length - 1;
  put_back(found.in_float, others / 2, others, holds);
  put_back(found.in_float, 0, others / 2, holds);
  return found;
}

}  // namespace ptq

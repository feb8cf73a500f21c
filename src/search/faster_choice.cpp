#include "search/faster_choice.h"

#include <algorithm>

namespace ptq {
namespace {

constexpr double kLosing = 1.1;       // single products are timed less surely than the whole
constexpr double kWorthwhile = 1.01;  // below, it is noise

double loss_ms(const ProductTime& time) {
  return time.integer_ms - time.float_ms;
}

// The greatest loss first; never all.
std::vector<ProductTime> losing_products(const std::vector<ProductTime>& products) {
  std::vector<ProductTime> losing;
  std::ranges::copy_if(products, std::back_inserter(losing), [](const ProductTime& time) {
    return time.float_ms > 0.0 && time.integer_ms > kLosing * time.float_ms;
  });
  std::ranges::stable_sort(losing, std::greater(), loss_ms);
  if (!losing.empty() && losing.size() == products.size()) {
    losing.pop_back();
  }
  return losing;
}

}  // namespace

FasterChoice choose_faster_in_float(const MeasureSpeed& measure, size_t rounds) {
  FasterChoice choice{.first = measure({})};
  choice.speedup = choice.first.speedup;
  std::vector<ProductTime> candidates = losing_products(choice.first.products);
  for (size_t round = 0; round < rounds && !candidates.empty(); ++round) {
    std::vector<ProductTime> tried = choice.in_float;
    tried.insert(tried.end(), candidates.begin(), candidates.end());
    std::vector<size_t> in_float;
    std::ranges::transform(tried, std::back_inserter(in_float), &ProductTime::product);
    const SpeedTrial trial = measure(in_float);
    if (trial.speedup.median > kWorthwhile * choice.speedup.median) {
      choice.in_float = std::move(tried);
      choice.speedup = trial.speedup;
      candidates = losing_products(trial.products);
    } else {
      candidates.resize(candidates.size() / 2);
    }
  }
  return choice;
}

}  // namespace ptq

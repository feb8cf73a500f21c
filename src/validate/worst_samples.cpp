#include "validate/worst_samples.h"

#include <algorithm>

namespace ptq {

void WorstSamples::add(WorstSample sample, std::map<std::string, Tensor> inputs) {
  const auto place = std::ranges::upper_bound(kept_, sample.sqnr_db, {},
                                              [](const Kept& kept) { return kept.sample.sqnr_db; });
  if (static_cast<size_t>(place - kept_.begin()) >= most_) {
    return;
  }
  kept_.insert(place, {.sample = std::move(sample), .inputs = std::move(inputs)});
  if (kept_.size() > most_) {
    kept_.pop_back();
  }
}

}  // namespace ptq

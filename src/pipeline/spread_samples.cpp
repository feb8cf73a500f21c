#include "pipeline/spread_samples.h"

#include <algorithm>

#include "pipeline/open_samples.h"

namespace ptq {

std::vector<Sample> spread_samples(const Model& model, const DataRequest& data, size_t count) {
  const std::unique_ptr<SampleSource> source = open_samples(model, data);
  const size_t total = source->size();
  const size_t wanted = std::min(total, count);
  std::vector<Sample> samples;
  for (size_t i = 0; i < total && samples.size() < wanted; ++i) {
    if (i < samples.size() * total / wanted) {
      source->skip();
    } else if (std::optional<Sample> sample = source->next()) {
      samples.push_back(std::move(*sample));
    }
  }
  return samples;
}

}  // namespace ptq

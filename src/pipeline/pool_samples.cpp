#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "data/sample_list.h"
#include "data/sample_source.h"
#include "ptq/error.h"
#include "ptq/pipeline.h"

namespace ptq {
namespace {

void check_pool(size_t samples, size_t least) {
  if (samples < least) {
    throw Error(ErrorCode::kInput,
                fmt::format("expected a pool of at least {} samples, found {}; add samples or ask "
                            "for fewer (-n)",
                            least, samples));
  }
}

// A model that fixes its batch takes several images at a time, which no line of a list names.
void check_listable(const LoadedModel& model, const DataRequest& pool) {
  const std::vector<InputSpec> inputs = input_specs(model.model.graph);
  const bool several = std::ranges::any_of(
      inputs, [](const InputSpec& spec) { return !spec.shape.empty() && spec.shape[0] > 1; });
  if (several && !pool.options.image_spec.empty()) {
    throw Error(ErrorCode::kUsage,
                "the model takes several images at a time, so no list can name its samples; "
                "give the images as an .npz, or leave the first dimension of the model open");
  }
}

}  // namespace

SampleSketches sketch_pool(const LoadedModel& model, const Target& target, const DataRequest& pool,
                           size_t least, std::vector<std::string>& warnings) {
  check_listable(model, pool);
  check_pool(open_data(pool.data, input_specs(model.model.graph), pool.options)->size(), least);
  SampleSketches sketches;
  calibrate_model(model, target, {}, pool, warnings, &sketches);
  check_pool(sketches.samples.size(), least);  // --skip-bad may have left some out
  return sketches;
}

PoolList pool_list(const LoadedModel& model, const DataRequest& pool,
                   const SampleSketches& sketches, const std::vector<size_t>& chosen,
                   const std::filesystem::path& list) {
  std::map<int64_t, std::pair<uint64_t, size_t>> files;  // first position, samples
  for (const SampleSketch& sample : sketches.samples) {
    auto& [first, count] = files.try_emplace(sample.sequence, sample.position, 0).first->second;
    ++count;
  }
  std::vector<PoolPlace> places;
  PoolList out;
  for (const size_t index : chosen) {
    const SampleSketch& sample = sketches.samples.at(index);
    const auto& [first, count] = files.at(sample.sequence);
    places.push_back({sample.sequence, sample.position - first, count == 1, sample.stratum});
    out.origins.push_back(sample.origin);
  }
  std::vector<std::string> names;
  for (const InputSpec& spec : input_specs(model.model.graph)) {
    names.push_back(spec.name);
  }
  SampleList lines = list_of_samples(pool.data, names, pool.options, places, list);
  if (lines.strata_change) {
    out.warnings.push_back(
        "read from this list, samples have other strata than in the pool; write the list into the "
        "folder that holds the strata to keep them");
  }
  out.text = fmt::format("# {} of {} samples\n", chosen.size(), sketches.samples.size()) +
             std::move(lines.text);
  return out;
}

}  // namespace ptq

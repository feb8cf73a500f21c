#include "calib/merge_stats.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "ptq/error.h"

namespace ptq {
namespace {

// A property that the parts of one whole must share.
struct Shared {
  const char* what;
  std::string ActivationStats::*field;
};
constexpr Shared kShared[] = {
    {"model", &ActivationStats::model_fingerprint},
    {"ONNX Runtime version", &ActivationStats::runtime_version},
    {"preprocessing", &ActivationStats::preprocessing},
    {"settings", &ActivationStats::settings},
};

std::string shown(const std::string& value) {
  return value.empty() ? "none" : printable(value, 80);
}

[[noreturn]] void refuse(const NamedStats& a, const NamedStats& b, const std::string& what) {
  throw Error(ErrorCode::kInput, fmt::format("{} and {} do not belong together: {}",
                                             printable(a.name), printable(b.name), what));
}

void check_pair(const NamedStats& a, const NamedStats& b) {
  if (a.stats.production.has_value() != b.stats.production.has_value()) {
    const auto kind = [](const ActivationStats& stats) {
      return stats.production ? "production" : "calibration";
    };
    refuse(a, b,
           fmt::format("the first is {}, the second {}; `ptq coverage` compares them",
                       kind(a.stats), kind(b.stats)));
  }
  for (const Shared& shared : kShared) {
    const std::string& x = a.stats.*shared.field;
    const std::string& y = b.stats.*shared.field;
    if (x != y) {
      refuse(a, b,
             fmt::format("expected one {}, found {} and {}", shared.what, shown(x), shown(y)));
    }
  }
  if (a.stats.shards.count != b.stats.shards.count) {
    const auto kind = [](const Shards& shards) {
      return shards.count == 0 ? "a whole run"
                               : fmt::format("part of a run in {} shards", shards.count);
    };
    refuse(a, b,
           fmt::format("the first is {}, the second {}; merge the shards of a run first",
                       kind(a.stats.shards), kind(b.stats.shards)));
  }
  if (a.stats.shards.samples != b.stats.shards.samples) {
    refuse(a, b,
           fmt::format("the first is part of a run over {} samples, the second over {}",
                       a.stats.shards.samples, b.stats.shards.samples));
  }
  const auto differs =
      std::ranges::mismatch(a.stats.tensors, b.stats.tensors,
                            [](const auto& x, const auto& y) { return x.first == y.first; });
  if (differs.in1 != a.stats.tensors.end() || differs.in2 != b.stats.tensors.end()) {
    const std::string& name =
        differs.in1 != a.stats.tensors.end() ? differs.in1->first : differs.in2->first;
    refuse(a, b,
           fmt::format("they observed different values, such as {}; calibrate all parts with "
                       "the same options and version of ptq",
                       printable(name, 80)));
  }
}

void check_shards_apart(const NamedStats& a, const NamedStats& b) {
  for (const uint64_t shard : b.stats.shards.present) {
    if (std::ranges::binary_search(a.stats.shards.present, shard)) {
      refuse(
          a, b,
          fmt::format("both hold shard {}/{}; give each shard once", shard, a.stats.shards.count));
    }
  }
}

// Adds runs and samples; of different samples, those with the smallest hashes are kept.
void merge_production(ActivationStats& into, const ActivationStats& part) {
  std::map<Digest, uint64_t> times;
  for (const ActivationStats* stats : {static_cast<const ActivationStats*>(&into), &part}) {
    for (size_t i = 0; i < stats->sample_hashes.size(); ++i) {
      times[stats->sample_hashes[i]] += stats->production->times[i];
    }
  }
  into.production->runs += part.production->runs;
  into.production->counted += part.production->counted;
  into.production->samples += part.production->samples;
  into.sample_hashes.clear();
  into.production->times.clear();
  for (const auto& [hash, count] : times) {
    if (into.sample_hashes.size() == Production::kMaxHashes) {
      break;
    }
    into.sample_hashes.push_back(hash);
    into.production->times.push_back(count);
  }
}

void merge_hashes(std::vector<Digest>& into, const std::vector<Digest>& part) {
  const auto middle = static_cast<std::ptrdiff_t>(into.size());
  into.insert(into.end(), part.begin(), part.end());
  std::inplace_merge(into.begin(), into.begin() + middle, into.end());
}

void merge_strata(std::map<std::string, Stratum>& into,
                  const std::map<std::string, Stratum>& strata) {
  for (const auto& [name, stratum] : strata) {
    Stratum& sum = into[name];
    sum.samples += stratum.samples;
    for (const auto& [value, extremes] : stratum.extremes) {
      const auto [at, fresh] = sum.extremes.emplace(value, extremes);
      if (!fresh) {
        at->second.min = std::min(at->second.min, extremes.min);
        at->second.max = std::max(at->second.max, extremes.max);
      }
    }
  }
}

}  // namespace

void absorb(ActivationStats& into, const ActivationStats& part) {
  if (into.production && part.production) {
    merge_production(into, part);
  } else {
    merge_hashes(into.sample_hashes, part.sample_hashes);
  }
  merge_strata(into.strata, part.strata);
  for (const auto& [name, tensor] : part.tensors) {
    into.tensors[name].merge(tensor);
  }
}

ActivationStats merge_stats(std::vector<NamedStats> parts) {
  PTQ_CHECK(!parts.empty());
  NamedStats& sum = parts.front();
  for (size_t i = 1; i < parts.size(); ++i) {
    check_pair(sum, parts[i]);
    for (size_t k = 0; k < i; ++k) {
      check_shards_apart(parts[k], parts[i]);
    }
  }
  for (size_t i = 1; i < parts.size(); ++i) {
    const ActivationStats& part = parts[i].stats;
    absorb(sum.stats, part);
    sum.stats.shards.present.insert(sum.stats.shards.present.end(), part.shards.present.begin(),
                                    part.shards.present.end());
  }
  std::ranges::sort(sum.stats.shards.present);
  if (sum.stats.shards.count > 0 && sum.stats.shards.present.size() == sum.stats.shards.count) {
    if (sum.stats.samples() != sum.stats.shards.samples) {
      throw Error(
          ErrorCode::kInput,
          fmt::format("{} and the others: all shards hold {} samples, but their run is over "
                      "{}; calibrate all of them on the same data",
                      printable(sum.name), sum.stats.samples(), sum.stats.shards.samples));
    }
    sum.stats.shards = {};
  }
  return std::move(sum.stats);
}

}  // namespace ptq

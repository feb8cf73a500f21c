#include "calib/stats_file.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "ptq/error.h"

namespace ptq {
namespace {

constexpr std::string_view kMagic = "PTQSTATS";
constexpr uint64_t kCalibration = 2;  // versions: without Production, and with it
constexpr uint64_t kProduction = 3;
// Of one bucket: the sum over all buckets then stays below 2^64.
constexpr uint64_t kMaxCount = 1ULL << 49;

void put_side(ByteWriter& out, const LogHistogram::Side& side) {
  out.varint(side.first_key);
  out.varint(side.counts.size());
  for (const uint64_t count : side.counts) {
    out.varint(count);
  }
}

// Reads what put_side wrote, and only that: no zero count at either end.
void get_side(ByteReader& in, bool negative, LogHistogram& histogram) {
  const uint64_t first = in.varint();
  const uint64_t size = in.varint();
  if (first >= LogHistogram::kNonFiniteKey || size > LogHistogram::kNonFiniteKey - first ||
      (size > 0) != (first > 0)) {
    in.fail("damaged: a histogram leaves the range of float32");
  }
  for (uint64_t i = 0; i < size; ++i) {
    const uint64_t count = in.varint();
    if (count > kMaxCount || (count == 0 && (i == 0 || i + 1 == size))) {
      in.fail("damaged: a count is out of range");
    }
    histogram.add(static_cast<uint32_t>(first + i), negative, count);
  }
}

// The outermost bucket of a side is that of the extreme on this side.
bool side_fits(const LogHistogram::Side& side, float extreme) {
  const uint32_t key = LogHistogram::magnitude_key(extreme);
  return side.counts.empty() ? key == 0 || extreme <= 0.0F
                             : extreme > 0.0F && side.first_key + side.counts.size() - 1 == key;
}

bool ordered(float min, float max) {
  return std::isfinite(min) && std::isfinite(max) && min <= max;
}

bool consistent(const TensorStats& stats) {
  if (!ordered(stats.min, stats.max) || stats.histogram.total() != stats.count) {
    return false;
  }
  return stats.count == 0 ? stats.min == 0.0F && stats.max == 0.0F
                          : side_fits(stats.histogram.positive(), stats.max) &&
                                side_fits(stats.histogram.negative(), -stats.min);
}

void put_tensor(ByteWriter& out, const TensorStats& tensor) {
  out.varint(tensor.count);
  out.varint(tensor.nan);
  out.varint(tensor.inf);
  out.real(tensor.min);
  out.real(tensor.max);
  out.varint(tensor.histogram.zeros());
  put_side(out, tensor.histogram.positive());
  put_side(out, tensor.histogram.negative());
}

TensorStats get_tensor(ByteReader& in) {
  TensorStats stats;
  stats.count = in.varint();
  stats.nan = in.varint();
  stats.inf = in.varint();
  stats.min = in.real();
  stats.max = in.real();
  const uint64_t zeros = in.varint();
  if (zeros > kMaxCount) {
    in.fail("damaged: a count is out of range");
  }
  stats.histogram.add(0, false, zeros);
  get_side(in, false, stats.histogram);
  get_side(in, true, stats.histogram);
  if (!consistent(stats)) {
    in.fail("damaged: counts or extremes of a tensor contradict each other");
  }
  return stats;
}

Stratum get_stratum(ByteReader& in) {
  Stratum stratum;
  stratum.samples = in.varint();
  return stratum;
}

void put_extremes(ByteWriter& out, const std::pair<const std::string, Extremes>& entry) {
  out.text(entry.first);
  out.real(entry.second.min);
  out.real(entry.second.max);
}

Extremes get_extremes(ByteReader& in) {
  Extremes extremes;
  extremes.min = in.real();
  extremes.max = in.real();
  if (!ordered(extremes.min, extremes.max)) {
    in.fail("damaged: the extremes of a stratum contradict each other");
  }
  return extremes;
}

// A map as its size and its entries in ascending order of names, each read by `get`.
template <typename Value, typename Get>
std::map<std::string, Value> get_map(ByteReader& in, const Get& get) {
  std::map<std::string, Value> map;
  const uint64_t size = in.count(2);
  for (uint64_t i = 0; i < size; ++i) {
    std::string name = in.text();
    if (!map.empty() && name <= map.rbegin()->first) {
      in.fail("damaged: names are not in ascending order");
    }
    map.emplace_hint(map.end(), std::move(name), get(in));
  }
  return map;
}

void put_shards(ByteWriter& out, const Shards& shards) {
  out.varint(shards.count);
  if (shards.count > 0) {
    out.varint(shards.samples);
    out.varint(shards.present.size());
    for (const uint64_t shard : shards.present) {
      out.varint(shard);
    }
  }
}

Shards get_shards(ByteReader& in) {
  Shards shards;
  shards.count = in.varint();
  if (shards.count > 0) {
    shards.samples = in.varint();
    const uint64_t size = in.count(1);
    for (uint64_t i = 0; i < size; ++i) {
      const uint64_t shard = in.varint();
      if (shard >= shards.count || (i > 0 && shard <= shards.present.back())) {
        in.fail("damaged: the list of shards is not ascending");
      }
      shards.present.push_back(shard);
    }
    if (size == 0 || size == shards.count) {
      in.fail("damaged: the list of shards is empty or complete");
    }
  }
  return shards;
}

// Follows the hashes.
void put_production(ByteWriter& out, const Production& production) {
  out.varint(production.runs);
  out.varint(production.counted);
  out.varint(production.samples);
  for (const uint64_t times : production.times) {
    out.varint(times);
  }
}

Production get_production(ByteReader& in, const std::vector<Digest>& hashes) {
  Production production;
  production.runs = in.varint();
  production.counted = in.varint();
  production.samples = in.varint();
  uint64_t known = 0;
  for (size_t i = 0; i < hashes.size(); ++i) {
    production.times.push_back(in.varint());
    if (production.times.back() == 0 || production.times.back() > production.samples - known ||
        (i > 0 && hashes[i] == hashes[i - 1])) {
      in.fail("damaged: samples are counted wrong");
    }
    known += production.times.back();
  }
  if (production.counted > production.runs || production.samples > kMaxCount ||
      hashes.size() > Production::kMaxHashes ||
      (hashes.size() < Production::kMaxHashes && known != production.samples)) {
    in.fail("damaged: runs are counted wrong");
  }
  return production;
}

}  // namespace

void put_stats(ByteWriter& out, const ActivationStats& stats) {
  for (const std::string* text :
       {&stats.model_fingerprint, &stats.runtime_version, &stats.preprocessing, &stats.settings}) {
    out.text(*text);
  }
  put_shards(out, stats.shards);
  out.varint(stats.sample_hashes.size());
  for (const Digest& hash : stats.sample_hashes) {
    out.digest(hash);
  }
  if (stats.production) {
    put_production(out, *stats.production);
  }
  out.varint(stats.strata.size());
  for (const auto& [name, stratum] : stats.strata) {
    out.text(name);
    out.varint(stratum.samples);
    out.varint(stratum.extremes.size());
    for (const auto& entry : stratum.extremes) {
      put_extremes(out, entry);
    }
  }
  out.varint(stats.tensors.size());
  for (const auto& [name, tensor] : stats.tensors) {
    out.text(name);
    put_tensor(out, tensor);
  }
}

ActivationStats get_stats(ByteReader& in, bool production) {
  ActivationStats stats;
  for (std::string* text :
       {&stats.model_fingerprint, &stats.runtime_version, &stats.preprocessing, &stats.settings}) {
    *text = in.text();
  }
  stats.shards = get_shards(in);
  const uint64_t hashes = in.count(sizeof(Digest));
  stats.sample_hashes.reserve(hashes);
  for (uint64_t i = 0; i < hashes; ++i) {
    stats.sample_hashes.push_back(in.digest());
  }
  if (!std::is_sorted(stats.sample_hashes.begin(), stats.sample_hashes.end())) {
    in.fail("damaged: sample hashes are not in ascending order");
  }
  if (production) {
    stats.production = get_production(in, stats.sample_hashes);
  }
  const uint64_t samples = stats.samples();
  uint64_t in_strata = 0;
  stats.strata = get_map<Stratum>(in, [&](ByteReader& reader) {
    Stratum stratum = get_stratum(reader);
    if (stratum.samples > samples - in_strata) {
      reader.fail("damaged: strata hold more samples than there are");
    }
    in_strata += stratum.samples;
    stratum.extremes = get_map<Extremes>(reader, get_extremes);
    return stratum;
  });
  if (in_strata != samples) {
    in.fail("damaged: strata hold fewer samples than there are");
  }
  stats.tensors = get_map<TensorStats>(in, get_tensor);
  return stats;
}

std::string stats_bytes(const ActivationStats& stats) {
  ByteWriter out;
  out.raw(kMagic);
  out.varint(stats.production ? kProduction : kCalibration);
  put_stats(out, stats);
  return out.bytes();
}

void write_stats(const ActivationStats& stats, const std::filesystem::path& path) {
  write_sealed(stats_bytes(stats), path);
}

ActivationStats read_stats(const std::filesystem::path& path) {
  const std::string bytes = read_whole_file(path, kMaxStatsBytes, "a statistics file");
  const std::string_view all(bytes);
  const std::string name = printable(path.string());
  if (all.starts_with(kCheckpointMagic)) {
    throw Error(ErrorCode::kInput,
                fmt::format("{}: expected statistics, found the checkpoint of an unfinished "
                            "calibration; finish it with the same command and --resume",
                            name));
  }
  if (!all.starts_with(kMagic)) {
    throw Error(ErrorCode::kInput, fmt::format("{} is no statistics file of ptq", name));
  }
  const std::string remedy = "make it again with `ptq calibrate`";
  ByteReader head(all.substr(kMagic.size()), name, remedy);
  const uint64_t version = head.varint();
  if (version != kCalibration && version != kProduction) {
    head.fail(fmt::format("expected statistics of version {} or {}, found version {}", kCalibration,
                          kProduction, version));
  }
  ByteReader in(unsealed(all, head).substr(kMagic.size()), name, remedy);
  in.varint();  // the version
  ActivationStats stats = get_stats(in, version == kProduction);
  if (!in.at_end()) {
    in.fail("damaged: bytes follow the last tensor");
  }
  return stats;
}

}  // namespace ptq

#pragma once
// What calibration leaves: for every observed tensor its exact extremes, counts and histogram, and
// beside them what they were measured on. A plain value; `merge` of any split of the data in any
// order gives the statistics of the whole. File form: docs/formats.md (`.ptqstats`).

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ptq/fingerprint.h"
#include "ptq/log_histogram.h"

namespace ptq {

struct TensorStats {
  uint64_t count = 0;  // finite values
  uint64_t nan = 0;
  uint64_t inf = 0;
  float min = 0.0F;  // exact, over finite values; 0 while count is 0
  float max = 0.0F;
  LogHistogram histogram{};

  void merge(const TensorStats& other);
  bool operator==(const TensorStats&) const = default;
};

// Statistics of plain values, the reference that the observers must equal.
TensorStats stats_of(std::span<const float> values);

// |x| such that a share `p` (0 < p ≤ 1) of the finite values, zeros included or left out, is at or
// below it: the bucket is exact, inside it linear interpolation. 0 when there is no value.
double magnitude_quantile(const TensorStats& stats, double p, bool include_zeros);

// The statistics of the same values moved into [lo, hi], lo ≤ hi, to within a bucket.
TensorStats clamped(const TensorStats& stats, float lo, float hi);

// Outlier ratio = max|x| / p99|x|, zeros left out. 1 when all values are zero.
double outlier_ratio(const TensorStats& stats);

// μ² / σ² by the centres of the buckets (3 % wide); 0 without values, at most 10^6.
double mean_ratio(const TensorStats& stats);

// Smallest and largest finite value of a tensor.
struct Extremes {
  float min = 0.0F;
  float max = 0.0F;
  bool operator==(const Extremes&) const = default;
};

// The samples of one named part of the data (a subfolder; "" for samples outside of any).
struct Stratum {
  uint64_t samples = 0;
  std::map<std::string, Extremes> extremes{};  // by value name; what no sample computed is missing
  bool operator==(const Stratum&) const = default;
};

// Which parts of a run over `count` shards the statistics hold. Count 0: a whole run.
struct Shards {
  uint64_t count = 0;
  uint64_t samples = 0;  // of the whole run
  std::vector<uint64_t> present{};  // ascending, below count; never all of them
  bool operator==(const Shards&) const = default;
};

// Where statistics come from a program in production (libptq_observe) instead of a calibration.
struct Production {
  // So many different samples are told apart; of more, those with the smallest hashes, which is a
  // random choice that does not depend on order.
  static constexpr size_t kMaxHashes = size_t{1} << 14;

  uint64_t runs = 0;      // of the model while it was observed, counted or not
  uint64_t counted = 0;   // runs that the statistics hold
  uint64_t samples = 0;   // in them: rows of a batch count one by one
  std::vector<uint64_t> times{};  // how often each of ActivationStats::sample_hashes occurred
  bool operator==(const Production&) const = default;
};

struct ActivationStats {
  std::string model_fingerprint{};  // SHA-256 of the original model's graph and weights, hex
  std::string runtime_version{};
  std::string preprocessing{};  // of the samples, one canonical line; "" for arrays taken as given
  std::string settings{};       // what else decides which values count: mask, states; "" for none
  Shards shards{};
  std::optional<Production> production{};  // empty: a calibration
  // Ascending; of name, type, shape and bytes of the inputs. All of a calibration; of production
  // each once, at most Production::kMaxHashes.
  std::vector<Digest> sample_hashes{};
  std::map<std::string, Stratum> strata{};
  std::map<std::string, TensorStats> tensors{};  // value name → statistics

  uint64_t samples() const { return production ? production->samples : sample_hashes.size(); }
  // "" for production, whose samples are not all known.
  std::string data_fingerprint() const {
    return production ? std::string() : multiset_fingerprint(sample_hashes);
  }
  bool operator==(const ActivationStats&) const = default;
};

// Statistics and where they come from, for messages.
struct NamedStats {
  std::string name{};
  ActivationStats stats{};
};

// The statistics of all parts together, whatever their order: shards of one run (complete ones
// become a whole run), whole runs over different samples, or files of production. Throws Error{kInput} naming the two
// that do not belong together: calibration and production, another model, runtime, preprocessing, setting or set of values,
// another number of shards or samples, a shard that is given twice; shards that add up to another
// number of samples than the run has.
ActivationStats merge_stats(std::vector<NamedStats> parts);

// Reads and writes the file form. read throws Error{kInput} for a file that is no statistics file,
// of another version, damaged (checksum), the checkpoint of an unfinished run, or larger than
// 1 GiB. write is atomic.
ActivationStats read_stats(const std::filesystem::path& path);
void write_stats(const ActivationStats& stats, const std::filesystem::path& path);

}  // namespace ptq

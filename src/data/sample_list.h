#pragma once
// Lists of samples, as `--data @LIST` reads them: writing what was chosen of a pool. One thread.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "ptq/data_options.h"

namespace ptq {

// Where a sample of a pool is, as a SampleSource numbers it.
struct PoolPlace {
  int64_t sequence = 0;  // Sample::sequence
  uint64_t row = 0;      // number of the sample within its sequence, from 0
  bool alone = false;    // the only sample of its sequence
  std::string stratum{};
};

struct SampleList {
  std::string text{};  // a line a sample: its path relative to the list's folder, `#K` where needed
  // A sample lies elsewhere below the list than in the pool's folder, so that @LIST gives it
  // another stratum.
  bool strata_change = false;
};

// Lines for samples of the pool that the arguments of --data give, in this order. `names`: inputs
// of the model. Throws Error{kUsage} for --data NAME=FILE, whose samples no list can name, and
// Error{kInput} for a path with a line break.
SampleList list_of_samples(const std::vector<std::string>& pool,
                           const std::vector<std::string>& names, const DataOptions& options,
                           const std::vector<PoolPlace>& places, const std::filesystem::path& list);

}  // namespace ptq

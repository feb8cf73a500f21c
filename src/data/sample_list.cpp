#include "data/sample_list.h"

#include <fmt/format.h>

#include "data/data_listing.h"
#include "data/findings.h"
#include "data/formats.h"
#include "ptq/error.h"

namespace ptq {
namespace {

namespace fs = std::filesystem;

std::string line_of(const DataFile& file, const PoolPlace& place, bool whole,
                    const fs::path& folder) {
  std::string line = fs::proximate(file.path, folder).string();
  if (line.find_first_of("\n\r") != std::string::npos) {
    refuse_data(DataFinding::kBadList, printable(file.path.string()),
                "a path with a line break cannot stand in a list; rename it");
  }
  if (line.starts_with('#') || line.front() == ' ' || line.front() == '\t') {
    line = "./" + line;
  }
  if (!whole) {
    line += fmt::format("#{}", file.row.value_or(place.row));
  }
  return line + "\n";
}

}  // namespace

SampleList list_of_samples(const std::vector<std::string>& pool,
                           const std::vector<std::string>& names, const DataOptions& options,
                           const std::vector<PoolPlace>& places, const fs::path& list) {
  const DataListing listing = list_data(pool, names, !options.image_spec.empty());
  if (listing.format == nullptr) {
    throw Error(ErrorCode::kUsage,
                "a list cannot name samples of INPUT=FILE; put the arrays into one .npz or "
                ".safetensors, with the names of the inputs as keys");
  }
  const fs::path folder = fs::absolute(list).parent_path();
  SampleList out;
  for (const PoolPlace& place : places) {
    PTQ_CHECK(place.sequence >= 0 && static_cast<size_t>(place.sequence) < listing.files.size());
    const DataFile& file = listing.files[static_cast<size_t>(place.sequence)];
    // With max_samples the pool may hold only the first of several.
    const bool whole = listing.format->images || listing.format->is_folder ||
                       (place.alone && !file.row && options.max_samples == 0);
    const std::string line = line_of(file, place, whole, folder);
    const std::string path = line.substr(0, line.find('\n'));
    out.text += line;
    out.strata_change =
        out.strata_change || stratum_in_list(fs::absolute(list), folder / path) != place.stratum;
  }
  return out;
}

}  // namespace ptq

#pragma once
// How samples are read, whatever verb reads them. Plain values; part of DataRequest, and what the
// data room takes.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ptq {

struct DataOptions {
  // Key of a 1-D integer array in each npz or safetensors file, one label a sample. Empty: no
  // labels.
  std::string label_key{};
  // Labels may be arrays of numbers of any rank, a row a sample: they become targets. npz and
  // safetensors only.
  bool label_arrays = false;
  int64_t max_samples = 0;       // the first so many; 0: all
  bool allow_nonfinite = false;  // let NaN and infinity pass
  std::string image_spec{};      // a preset's name or the path of a TOML file; empty: none
  // Token ids: rows are filled up with `pad_id` to `pad_to` ids and cut to `truncate`. 0: as long
  // as they are.
  std::optional<int64_t> pad_id{};
  int64_t pad_to = 0;
  int64_t truncate = 0;
  bool drop_last = false;  // leave out rows that do not fill the batch that the model fixes
  bool skip_bad = false;   // leave out files that cannot be decoded; they are counted in a warning
  // Inputs that the caller feeds itself when the data lack them, such as a state.
  std::vector<std::string> optional_inputs{};
};

}  // namespace ptq

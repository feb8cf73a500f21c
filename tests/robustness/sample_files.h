#pragma once
// Made-up samples for a model of which nothing is known but its inputs, as test_data_set folders
// (a sample is taken whole there, whatever its axes mean). One thread.

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "ptq/graph.h"
#include "ptq/tensor.h"

namespace ptq::testing {

// What open dimensions and integers are taken to be.
struct Guess {
  int64_t dim = 2;
  int64_t int_below = 2;  // integers lie in [0, int_below)
};
// Tried in turn until the runtime accepts one.
const std::vector<Guess>& guesses();

using Feeds = std::map<std::string, Tensor>;

// One value for each input; floats are normal numbers. Throws Error{kInput} for an input that is no
// numeric tensor.
Feeds make_feeds(const std::vector<ValueInfo>& inputs, const Guess& guess, uint32_t seed);

// Writes FOLDER/test_data_set_N/input_K.pb, one folder a sample.
void write_samples(const std::filesystem::path& folder, const std::vector<Feeds>& samples);

}  // namespace ptq::testing

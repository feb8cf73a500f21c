// Files of named arrays: npy, npz and safetensors, read for a model with fixed and open dimensions
// and for one that takes anything.

#include "fuzz/as_file.h"
#include "fuzz/read_samples.h"
#include "fuzz/targets.h"

namespace ptq::fuzz {
namespace {

const std::vector<InputSpec> kImage = {{"x", DType::kFloat, {-1, 2, 2}}};
const std::vector<InputSpec> kPairs = {{"x", DType::kFloat, {2, 2, 2}}};
const std::vector<InputSpec> kAny = {{"x", DType::kUndefined, {}, /*has_shape=*/false}};

void read_all_ways(const std::string& name, std::span<const uint8_t> bytes) {
  const std::filesystem::path path = as_file(name, bytes);
  read_samples(path, kImage);
  read_samples(path, kPairs, {.drop_last = true});
  read_samples(path, kAny, {.allow_nonfinite = true});
}

}  // namespace

void npy(std::span<const uint8_t> bytes) {
  read_all_ways("fuzz.npy", bytes);
}

void npz(std::span<const uint8_t> bytes) {
  read_all_ways("fuzz.npz", bytes);
  read_samples(scratch_folder() / "fuzz.npz", kImage, {.label_key = "y"});
}

void safetensors(std::span<const uint8_t> bytes) {
  read_all_ways("fuzz.safetensors", bytes);
}

}  // namespace ptq::fuzz

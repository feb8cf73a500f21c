// Token ids: read as they are, padded and cut, and in batches of two lines.

#include "fuzz/as_file.h"
#include "fuzz/read_samples.h"
#include "fuzz/targets.h"

namespace ptq::fuzz {
namespace {

InputSpec limited(InputSpec spec) {
  spec.id_limit = 30522;
  return spec;
}

const std::vector<InputSpec> kText = {limited({"input_ids", DType::kInt64, {-1, -1}}),
                                      {"attention_mask", DType::kInt32, {-1, -1}}};
const std::vector<InputSpec> kPadded = {{"input_ids", DType::kInt64, {-1, 8}},
                                        {"attention_mask", DType::kBool, {-1, 8}}};
const std::vector<InputSpec> kPairs = {{"input_ids", DType::kUint8, {2, -1}}};
const std::vector<InputSpec> kReal = {{"input_ids", DType::kFloat, {}, /*has_shape=*/false}};

}  // namespace

void jsonl(std::span<const uint8_t> bytes) {
  const std::filesystem::path path = as_file("fuzz.jsonl", bytes);
  read_samples(path, kText);
  read_samples(path, kPadded, {.pad_id = 7, .pad_to = 8, .truncate = 8});
  read_samples(path, kPairs, {.truncate = 3, .drop_last = true});
  read_samples(path, kReal);
}

}  // namespace ptq::fuzz

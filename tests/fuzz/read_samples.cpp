#include "fuzz/read_samples.h"

#include <algorithm>
#include <string_view>

#include "fuzz/as_file.h"
#include "ptq/error.h"

namespace ptq::fuzz {
namespace {

void check_sample(const Sample& sample, const std::vector<InputSpec>& inputs) {
  PTQ_REQUIRE(sample.inputs.size() == inputs.size());
  for (const InputSpec& spec : inputs) {
    const Tensor& tensor = sample.inputs.at(spec.name);
    PTQ_REQUIRE(spec.dtype == DType::kUndefined || tensor.dtype() == spec.dtype);
    PTQ_REQUIRE(!spec.has_shape || tensor.shape().size() == spec.shape.size());
    for (size_t i = 0; spec.has_shape && i < spec.shape.size(); ++i) {
      PTQ_REQUIRE(spec.shape[i] < 0 || tensor.shape()[i] == spec.shape[i]);
    }
    PTQ_REQUIRE(tensor.bytes().size() == packed_byte_size(tensor.dtype(), tensor.size()));
  }
}

}  // namespace

void read_samples(const std::filesystem::path& path, const std::vector<InputSpec>& inputs,
                  DataOptions options) {
  options.max_samples = 1000;
  try {
    const auto source = open_data({path.string()}, inputs, options);
    size_t count = 0;
    while (const std::optional<Sample> sample = source->next()) {
      check_sample(*sample, inputs);
      ++count;
    }
    PTQ_REQUIRE(count == source->size());
    source->warnings();
  } catch (const Error& error) {
    PTQ_REQUIRE(error.code() == ErrorCode::kInput);
    PTQ_REQUIRE(std::string_view(error.what()).find('\n') == std::string_view::npos);
  }
}

}  // namespace ptq::fuzz

#include "bench_arguments.h"

#include <vector>

#include "ptq/error.h"

namespace ptq {

BenchArguments parse_bench_arguments(int argc, char** argv) {
  BenchArguments arguments;
  std::vector<std::string> plain;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (!word.starts_with("--")) {
      plain.push_back(word);
      continue;
    }
    if (i + 1 == argc) {
      throw Error(ErrorCode::kUsage, word + ": expected a value");
    }
    const std::string value = argv[++i];
    if (word == "--image-spec") {
      arguments.image_spec = value;
    } else if (word == "--samples") {
      arguments.samples = std::stoll(value);
    } else if (word == "--held") {
      arguments.held = std::stoll(value);
    } else {
      throw Error(ErrorCode::kUsage, "there is no option " + word);
    }
  }
  if (plain.size() != 3) {
    throw Error(ErrorCode::kUsage, "expected MODEL CALIBRATION HELD_OUT");
  }
  arguments.model = plain[0];
  arguments.calibration = plain[1];
  arguments.held_out = plain[2];
  return arguments;
}

DataRequest request_for(const std::string& data, const BenchArguments& arguments, int64_t samples) {
  DataRequest request{.data = {data}};
  request.options.max_samples = samples;
  request.options.image_spec = arguments.image_spec;
  return request;
}

}  // namespace ptq

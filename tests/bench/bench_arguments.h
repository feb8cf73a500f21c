#pragma once
// The command line of the benchmarks of diagnosis: MODEL CALIBRATION HELD_OUT and options.

#include <cstdint>
#include <string>

#include "ptq/pipeline.h"

namespace ptq {

struct BenchArguments {
  std::string model;
  std::string calibration;
  std::string held_out;
  std::string image_spec;
  int64_t samples = 32;  // of the calibration set
  int64_t held = 8;      // of the held-out set
};

// Throws Error{kUsage}.
BenchArguments parse_bench_arguments(int argc, char** argv);

// The first `samples` of `data`.
DataRequest request_for(const std::string& data, const BenchArguments& arguments, int64_t samples);

}  // namespace ptq

#pragma once
// How fast a quantized model is beside its FP32 original, measured in alternating runs: made by
// benchmark_models of pipeline.h. Plain values; any thread.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace ptq {

// Quartiles of what several runs gave.
struct Quartiles {
  double lower = 0.0;
  double median = 0.0;
  double upper = 0.0;
  // Distance of the outer quartiles as a share of the median.
  double spread() const { return median > 0.0 ? (upper - lower) / median : 0.0; }
};

// Operators that do the same in both models: "Conv" is Conv, FusedConv, QLinearConv, …
struct KindTime {
  std::string kind{};
  uint64_t fp32_nodes = 0;  // in the graph that the runtime executes
  uint64_t quantized_nodes = 0;
  double fp32_ms = 0.0;  // of one run, all nodes together
  double quantized_ms = 0.0;
};

struct Benchmark {
  std::string feeds{};     // what the models were fed with, in words
  bool generated = false;  // the feeds were made up
  int threads = 0;
  int64_t batch = 1;    // samples a run
  size_t runs = 0;      // of each model
  Quartiles fp32_ms{};  // a run
  Quartiles quantized_ms{};
  Quartiles speedup{};                  // FP32 by quantized time, of each pair of neighbouring runs
  std::vector<KindTime> kinds{};        // slowest first
  std::vector<std::string> warnings{};  // what makes the numbers doubtful

  double fp32_per_second() const { return throughput(fp32_ms.median); }
  double quantized_per_second() const { return throughput(quantized_ms.median); }

 private:
  double throughput(double ms) const {
    return ms > 0.0 ? 1000.0 * static_cast<double>(batch) / ms : 0.0;
  }
};

}  // namespace ptq

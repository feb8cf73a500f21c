#pragma once
// A product with a constant weight as a map between channels: what it does to the power of noise
// and to the mean and power of a signal. Channels are those of axis 1 of a Conv and of the last
// axis of a MatMul or Gemm. Pure functions; any thread.

#include <cstdint>
#include <optional>
#include <vector>

#include "graph/index.h"

namespace ptq {

// Mean square and mean of a value over all elements and samples.
struct Moments {
  double power = 1.0;
  double mean = 0.0;
  double variance() const { return power > mean * mean ? power - mean * mean : 0.0; }
};

struct LinearMap {
  int64_t inputs = 0;   // channels of the operand
  int64_t outputs = 0;  // channels of the result
  int64_t groups = 1;
  // [output][input / groups]: Σ w² over the taps of the kernel, times alpha² of a Gemm.
  std::vector<float> squares{};
  std::vector<double> sums{};  // [output]: Σ w over all inputs and taps
  std::vector<double> bias{};  // [output], or empty

  // Noise power of the inputs from what each output is sensitive to: out[i] = Σ_o s[o] Σ w².
  std::vector<double> backward(const std::vector<double>& sensitivity) const;
  // Of the result, for an operand of uncorrelated elements.
  Moments forward(const Moments& operand) const;
};

// A constant with elements that to_floats takes.
bool holds_numbers(const Constant* constant);

// Conv, ConvTranspose, Gemm, and MatMul with a constant matrix on the right; nothing for other
// nodes, unknown ranks and weights that are no numbers.
std::optional<LinearMap> linear_map(const Node& node, const GraphIndex& index);

}  // namespace ptq

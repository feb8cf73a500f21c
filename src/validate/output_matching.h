#pragma once
// Which output of the quantized model belongs to which of FP32, and what is wrong with that: names,
// order, shapes, contents that were exchanged. Not synchronized.

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "ptq/graph.h"
#include "ptq/tensor.h"
#include "runtime/session.h"

namespace ptq {

// One line each; empty where all is well.
struct InterfaceReport {
  std::string missing{};    // outputs that only one of the models has
  std::string order{};      // the same outputs in another order
  std::string shapes{};     // another shape, with the sample where that was first seen
  std::string exchanged{};  // the contents of two outputs have changed places

  bool sound() const {
    return missing.empty() && order.empty() && shapes.empty() && exchanged.empty();
  }
  std::string text() const;  // the first of these that is not empty
};

// Positions of an output in either model.
struct OutputPair {
  std::string name{};
  size_t fp32 = 0;
  size_t quantized = 0;
};

// In the order of FP32. Fills `missing` and `order`. Throws Error{kInput} when inputs differ in
// name or type, or no output has the same name.
std::vector<OutputPair> match_outputs(const Session& fp32, const Session& quantized,
                                      InterfaceReport& report);

// Errors of every output against every other of its shape, from the first samples.
class CrossErrors {
 public:
  static constexpr size_t kSamples = 8;

  explicit CrossErrors(size_t outputs);
  // Σ (x_i − x̂_j)² and Σ x_i² of one sample; NaN where shapes differ.
  struct Table {
    std::vector<double> noise;   // [outputs * outputs]
    std::vector<double> signal;  // [outputs]
  };
  static Table measure(const std::vector<const Tensor*>& fp32,
                       const std::vector<const Tensor*>& quantized);
  void add(const Table& table);
  // A line when two outputs fit each other's place much better than their own.
  std::string exchanged(const std::vector<OutputPair>& pairs) const;

 private:
  size_t outputs_;
  Table sums_;
};

}  // namespace ptq

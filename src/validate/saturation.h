#pragma once
// Activations whose codes cannot represent what FP32 computes: the ranges that stand in a quantized
// file against the values of FP32. Any thread; SaturationCounter is not synchronized.

#include <string>
#include <vector>

#include "ptq/graph.h"
#include "ptq/tensor.h"

namespace ptq {

// A value of the FP32 graph and the codes that stand for it in the quantized one.
struct CodedActivation {
  std::string name{};  // in the FP32 graph
  double lo = 0.0;     // representable
  double hi = 0.0;
  // Beyond these it makes no difference to anything that reads it.
  double useful_lo = 0.0;
  double useful_hi = 0.0;
};

// Float values of `prepared` (main graph) that the quantized file holds as codes with constant
// parameters, each once.
std::vector<CodedActivation> coded_activations(const Graph& prepared, const Graph& quantized);

struct SaturatedValue {
  CodedActivation value{};
  double min = 0.0;  // of FP32
  double max = 0.0;
  double share = 0.0;    // of values beyond the codes
  double sqnr_db = 0.0;  // of the clipping alone
};

// Adds up what clipping does to one value.
class SaturationCounter {
 public:
  explicit SaturationCounter(CodedActivation value) : value_(std::move(value)) {}
  void add(const Tensor& fp32);
  SaturatedValue result() const;

 private:
  CodedActivation value_;
  double signal_ = 0.0;
  double noise_ = 0.0;
  double min_ = 0.0;
  double max_ = 0.0;
  uint64_t count_ = 0;
  uint64_t beyond_ = 0;
};

// Clipping that leaves less than this is named as the cause of an error.
inline constexpr double kSaturatedBelowDb = 15.0;

}  // namespace ptq

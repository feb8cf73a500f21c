#pragma once
// What a classifier or a language model decides: arg max, the five best, and the distance of the
// distributions, row by row along the last axis of an output. Pure functions; any thread.

#include <cstdint>
#include <span>
#include <vector>

#include "ptq/tensor.h"
#include "ptq/validation.h"

namespace ptq {

// Rows of classes: [N,C] or [N,T,C] with C > 1, of floats.
bool has_decisions(const Tensor& tensor);

// Position of the largest value, the first of equal ones; NaN never wins.
size_t arg_max(std::span<const float> row);
// Whether position `wanted` is among the `count` largest values of the row; of equal values the
// first count.
bool among_largest(std::span<const float> row, size_t wanted, size_t count);

struct DecisionSums {
  uint64_t rows = 0;
  uint64_t top1_equal = 0;
  uint64_t top5_equal = 0;
  double kl = 0.0;  // nats, over all rows; +infinity where a row is not finite
  double max_kl = 0.0;
  bool probabilities = true;  // every row of FP32 adds up to 1 and has no negative value
  // Of the only row, where there is one.
  int64_t fp32_class = -1;
  int64_t quantized_class = -1;

  void add(const DecisionSums& other);
};

// Both tensors have decisions and the same shape.
DecisionSums compare_decisions(const Tensor& reference, const Tensor& other);

// log Σ exp(x), in double.
double log_sum_exp(std::span<const float> row);

}  // namespace ptq

#pragma once
// Which products should stay in float because they are faster there: the decision on top of a
// measurement that the caller provides. Pure apart from the callback; one thread.

#include <functional>
#include <span>
#include <vector>

#include "ptq/benchmark.h"

namespace ptq {

// Times of one run on this processor; 0 where the runtime left no trace of the product.
struct ProductTime {
  size_t product = 0;
  double float_ms = 0.0;    // in the FP32 model
  double integer_ms = 0.0;  // with the conversions in front of it and behind it
};

// What was measured of one file.
struct SpeedTrial {
  Quartiles speedup{};                  // FP32 by quantized time
  std::vector<ProductTime> products{};  // those in integers
};

// Measures the file in which `in_float` stay in float beside the FP32 model.
using MeasureSpeed = std::function<SpeedTrial(std::span<const size_t> in_float)>;

struct FasterChoice {
  std::vector<ProductTime> in_float{};  // with the times that spoke against integers
  SpeedTrial first{};                   // everything in integers
  Quartiles speedup{};                  // of the choice
};

// Tries to leave the products in float whose integers lose by more than 10 %, and keeps what the
// whole model gains at least 1 % from; where it does not, the half that loses most is tried. At
// least one product stays in integers, so that there is a quantized file. Measures at most
// 1 + `rounds` files; the choice is the best of them.
FasterChoice choose_faster_in_float(const MeasureSpeed& measure, size_t rounds);

}  // namespace ptq

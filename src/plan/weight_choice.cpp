#include "plan/weight_choice.h"

#include <fmt/format.h>

#include "quant/weight_quantizer.h"

namespace ptq {
namespace {

// Activations seldom have more than 35 dB, so a weight of 38 dB is not what limits a layer.
constexpr double kEnoughDb = 38.0;
constexpr double kCheapDb = 2.0;

}  // namespace

WeightChoice choose_weight(const Tensor& weight, int64_t axis, const ReductionOrder& order,
                           WeightForm form) {
  if (form != WeightForm::kInt8Safe) {
    return {.scheme = weight_scheme(form), .reason = "as asked for all weights"};
  }
  const QuantScheme int8 = weight_scheme(WeightForm::kInt8);
  if (order.empty()) {
    return {.scheme = int8, .reason = "its kernel adds no products in 16 bits"};
  }
  const QuantizedWeight free = quantize_weight(weight, int8, axis);
  const int32_t largest = largest_pair_sum(free.codes.data<int8_t>(), order);
  if (largest <= kSafePairSum) {
    return {.scheme = int8,
            .reason = fmt::format("no pair of codes exceeds {}: {}", kSafePairSum, largest)};
  }
  const QuantizedWeight limited =
      quantize_weight(weight, int8, axis, {.order = order, .pair_limited = true});
  const double lost = free.sqnr_db - limited.sqnr_db;
  if (limited.sqnr_db < kEnoughDb && lost > kCheapDb) {
    return {.scheme = weight_scheme(WeightForm::kUint8),
            .reason = fmt::format("exact products: limiting pair sums of {} to {} would cost "
                                  "{:.1f} dB",
                                  largest, kSafePairSum, lost)};
  }
  return {.scheme = int8,
          .pair_limited = true,
          .reason = fmt::format("pair sums of {} limited to {}, which costs {:.1f} dB", largest,
                                kSafePairSum, lost)};
}

}  // namespace ptq

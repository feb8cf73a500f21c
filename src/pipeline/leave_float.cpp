#include "pipeline/leave_float.h"

#include <fmt/format.h>

#include "pipeline/spread_samples.h"
#include "ptq/error.h"
#include "search/float_choice.h"
#include "search/partial_model.h"

namespace ptq {
namespace {

// Enough for a mean error; more would cost more than calibration.
constexpr size_t kSamples = 16;

}  // namespace

LeftInFloat leave_float(const Model& model, const std::map<std::string, ChosenRange>& ranges,
                        const QuantPlan& full, const QuantizeRequest& request) {
  LeftInFloat left;
  if (request.float_below_db <= 0.0) {
    return left;
  }
  if (request.samples.data.empty()) {
    left.finding =
        "no samples were given beside the statistics, so no product was tried for what it alone "
        "costs the output (--data with --stats does)";
    return left;
  }
  PartialModel partial(model, ranges, full, spread_samples(model, request.samples, kSamples),
                       request.threads);
  if (!partial.measurable()) {
    left.finding = "no output is a float tensor, so no product could be tried for its error";
    return left;
  }
  const FloatChoice choice = choose_float_products(
      partial.products(), request.float_below_db, [&](std::span<const size_t> nodes) {
        if (request.samples.stop != nullptr && request.samples.stop->load()) {
          throw Error(ErrorCode::kInterrupted, "interrupted while looking for noisy products");
        }
        return partial.sqnr_db(nodes);
      });
  for (const NoisyNode& noisy : choice.nodes) {
    const std::string& name = partial.product_list()[noisy.node].output;
    left.names.push_back(name);
    left.reasons[name] =
        fmt::format("in integers it alone brings an output to {:.1f} dB, below --float-below {:g}",
                    noisy.sqnr_db, request.float_below_db);
  }
  if (!choice.nodes.empty()) {
    left.finding = fmt::format(
        "{} of {} products stay in float, worst {}: they alone bring an output below {:g} dB; the "
        "whole gains {:.1f} -> {:.1f} dB on {} samples",
        choice.nodes.size(), partial.products().size(),
        printable(partial.product_list()[choice.nodes[0].node].label, 60), request.float_below_db,
        choice.before_db, choice.after_db, partial.sample_count());
  } else if (choice.before_db < request.float_below_db) {
    left.finding = fmt::format(
        "the outputs have {:.1f} dB on {} samples, below --float-below {:g}, but no single "
        "product is to blame",
        choice.before_db, partial.sample_count(), request.float_below_db);
  }
  return left;
}

}  // namespace ptq

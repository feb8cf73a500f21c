#pragma once
// What each product costs the outputs when it alone runs in integers. Plain values; any thread.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ptq/pipeline.h"

namespace ptq {

struct ProductSensitivity {
  std::string output{};  // first output of the node, as --keep-float takes it
  std::string label{};   // name of the node, or its first output
  std::string op_type{};
  std::optional<uint64_t> macs{};  // of one run; empty: not known
  double sqnr_db = 0.0;            // lowest over the outputs; +infinity: nothing differs
};

// Of every product that the plan of `request` runs in integers, in graph order, measured with the
// runtime's integer kernels on at most `samples` of request.samples at equal distances: a session
// for each product. Methods that choose codes by data are left out, as the ranking is what matters.
// Empty when no output is a float tensor. Throws Error{kInterrupted} soon after
// request.samples.stop is set.
std::vector<ProductSensitivity> product_sensitivities(const LoadedModel& model,
                                                      const ActivationStats& stats,
                                                      const QuantizeRequest& request,
                                                      size_t samples);

}  // namespace ptq

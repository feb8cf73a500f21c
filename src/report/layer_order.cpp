#include <algorithm>
#include <array>
#include <limits>

#include <fmt/format.h>
#include <fnmatch.h>

#include "core/nearest_name.h"
#include "ptq/error.h"
#include "report/diagnose_report.h"

namespace ptq {
namespace {

using L = LayerDiagnosis;

constexpr double kLast = std::numeric_limits<double>::infinity();

double by_order(const L& layer) {
  return static_cast<double>(layer.position);
}
double by_noise(const L& layer) {
  return -layer.activation_noise - layer.weight_noise_8;
}
double by_noise_4(const L& layer) {
  return -layer.group_noise_4;
}
double by_sqnr_8(const L& layer) {
  return layer.tensor ? layer.tensor->sqnr_db_8 : kLast;
}
double by_sqnr_4(const L& layer) {
  return layer.tensor ? layer.tensor->sqnr_db_4 : kLast;
}
double by_ratio(const L& layer) {
  return layer.tensor ? -layer.tensor->outlier_ratio : kLast;
}
double by_zeros(const L& layer) {
  return layer.tensor ? -layer.tensor->zero_share : kLast;
}
double by_spread(const L& layer) {
  return layer.weight ? -layer.weight->spread : kLast;
}
double by_saturation(const L& layer) {
  return layer.weight ? -layer.weight->saturating_share : kLast;
}
double by_macs(const L& layer) {
  return layer.macs ? -static_cast<double>(*layer.macs) : kLast;
}

constexpr auto kOrders = std::to_array<LayerOrder>({
    {"noise", "noise brought to the output in 8 bits, most first", by_noise},
    {"noise4", "the same of group-wise 4-bit weights", by_noise_4},
    {"sqnr8", "best SQNR of the activation at 8 bits, lowest first", by_sqnr_8},
    {"sqnr4", "the same at 4 bits", by_sqnr_4},
    {"ratio", "outlier ratio, largest first", by_ratio},
    {"zeros", "share of zeros, largest first", by_zeros},
    {"spread", "spread of weight channels, largest first", by_spread},
    {"saturation", "pair sums of plain INT8 weights that would saturate", by_saturation},
    {"macs", "multiply-accumulates, most first", by_macs},
    {"order", "order of computation", by_order},
});

}  // namespace

std::span<const LayerOrder> layer_orders() {
  return kOrders;
}

const LayerOrder& layer_order(std::string_view key) {
  const auto* order = std::ranges::find(kOrders, key, &LayerOrder::key);
  if (order == kOrders.end()) {
    std::vector<std::string> keys;
    std::string list;
    for (const LayerOrder& each : kOrders) {
      keys.emplace_back(each.key);
      list += (list.empty() ? "" : ", ") + std::string(each.key);
    }
    const std::string hint = nearest_name(key, keys);
    throw Error(ErrorCode::kUsage,
                fmt::format("--sort {}: expected one of {}{}", printable(key, 40), list,
                            hint.empty() ? "" : "; did you mean " + hint + "?"));
  }
  return *order;
}

void sort_layers(std::vector<LayerDiagnosis>& layers, const LayerOrder& order) {
  std::ranges::stable_sort(layers, {}, &LayerDiagnosis::position);
  std::ranges::stable_sort(layers, {}, order.rank);
}

void select_layers(std::vector<LayerDiagnosis>& layers, const std::string& pattern) {
  const auto matches = [&pattern](const std::string& name) {
    return fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
  };
  const size_t before = layers.size();
  std::erase_if(layers, [&](const LayerDiagnosis& layer) {
    return !matches(layer.node) && !(layer.tensor && matches(layer.tensor->name));
  });
  if (layers.empty()) {
    throw Error(ErrorCode::kUsage,
                fmt::format("--layer {}: none of the {} layers has a node or an activation that "
                            "matches; `ptq diagnose MODEL --top 0` lists them",
                            printable(pattern, 80), before));
  }
}

}  // namespace ptq

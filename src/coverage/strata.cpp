#include "coverage/strata.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "coverage/findings.h"
#include "ptq/error.h"

namespace ptq {
namespace {

constexpr double kAlone = 1.5;
constexpr double kNever = 0.5;

using Reach = std::pair<double, std::string_view>;  // largest magnitude, stratum

CoverageGap finding(const std::string& tensor, std::string_view code, std::string message) {
  return {tensor, std::string(code), std::string(coverage_finding(code).severity),
          std::move(message)};
}

std::string shown(std::string_view stratum) {
  return stratum.empty() ? "the samples outside of strata"
                         : fmt::format("stratum '{}'", printable(stratum, 60));
}

}  // namespace

std::vector<CoverageGap> strata_findings(const ActivationStats& stats) {
  std::vector<CoverageGap> out;
  if (stats.strata.size() < 2) {
    return out;
  }
  for (const auto& [tensor, unused] : stats.tensors) {
    std::vector<Reach> reaches;
    for (const auto& [name, stratum] : stats.strata) {
      const auto found = stratum.extremes.find(tensor);
      if (found != stratum.extremes.end()) {
        const double largest = std::max(std::abs(static_cast<double>(found->second.min)),
                                        std::abs(static_cast<double>(found->second.max)));
        reaches.emplace_back(largest, name);
      }
    }
    if (reaches.size() < 2) {
      continue;
    }
    std::ranges::sort(reaches);
    const Reach& first = reaches.back();
    const Reach& second = reaches[reaches.size() - 2];
    if (first.first > kAlone * second.first) {
      out.push_back(finding(tensor, "PTQ-V201",
                            fmt::format("{} reaches {:.4g}, all others at most {:.4g}",
                                        shown(first.second), first.first, second.first)));
    }
    if (reaches[0].first < kNever * reaches[1].first) {
      out.push_back(
          finding(tensor, "PTQ-V202",
                  fmt::format("{} reaches {:.4g}, all others at least {:.4g}",
                              shown(reaches[0].second), reaches[0].first, reaches[1].first)));
    }
  }
  return out;
}

}  // namespace ptq

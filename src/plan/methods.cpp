#include "ptq/methods.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "ptq/error.h"

namespace ptq {
namespace {

constexpr std::array<MethodInfo, 1> kMethods = {{
    {Method::kMeanRounding, "mean-rounding",
     "rounds weights so that the mean of an activation makes no offset", Effort::kFast},
}};

constexpr std::array<std::string_view, 3> kEfforts = {"fast", "default", "max"};

const MethodInfo& find_method(std::string_view name) {
  std::string names;
  for (const MethodInfo& info : kMethods) {
    if (info.name == name) {
      return info;
    }
    names += fmt::format("{}{}", names.empty() ? "" : ", ", info.name);
  }
  throw Error(ErrorCode::kUsage,
              fmt::format("no method is called {}; there are: {}", printable(name), names));
}

}  // namespace

std::string_view effort_name(Effort effort) {
  return kEfforts.at(static_cast<size_t>(effort));
}

Effort parse_effort(std::string_view name) {
  for (size_t i = 0; i < kEfforts.size(); ++i) {
    if (kEfforts[i] == name) {
      return static_cast<Effort>(i);
    }
  }
  throw Error(ErrorCode::kUsage,
              fmt::format("expected an effort of fast, default or max, found {}", printable(name)));
}

std::span<const MethodInfo> methods() {
  return kMethods;
}

MethodSet choose_methods(Effort effort, const std::vector<std::string>& with,
                         const std::vector<std::string>& without) {
  MethodSet set;
  for (const MethodInfo& info : kMethods) {
    if (!info.only_asked && info.from <= effort) {
      set.add(info.method);
    }
  }
  for (const std::string& name : with) {
    set.add(find_method(name).method);
  }
  for (const std::string& name : without) {
    if (std::ranges::find(with, name) != with.end()) {
      throw Error(ErrorCode::kUsage,
                  fmt::format("--with {0} and --without {0} contradict each other; leave one out",
                              printable(name)));
    }
    set.remove(find_method(name).method);
  }
  return set;
}

}  // namespace ptq

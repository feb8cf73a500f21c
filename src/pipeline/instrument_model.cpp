#include <algorithm>

#include <fmt/format.h>
#include <fnmatch.h>

#include "calib/calibrate.h"
#include "observe/instrument_graph.h"
#include "onnx_io/read.h"
#include "plan/model_plan.h"
#include "ptq/error.h"
#include "ptq/pipeline.h"

namespace ptq {
namespace {

// Those of `values` that a pattern matches; all without patterns.
std::vector<std::string> selected(const std::vector<std::string>& values,
                                  const std::vector<std::string>& patterns) {
  if (patterns.empty()) {
    return values;
  }
  std::vector<bool> used(values.size());
  for (const std::string& pattern : patterns) {
    bool any = false;
    for (size_t i = 0; i < values.size(); ++i) {
      if (values[i] == pattern || ::fnmatch(pattern.c_str(), values[i].c_str(), 0) == 0) {
        used[i] = any = true;
      }
    }
    if (!any) {
      throw Error(ErrorCode::kUsage,
                  fmt::format("--tensors {}: matches none of the {} values that a plan needs; `ptq "
                              "stats show` lists them for a statistics file",
                              printable(pattern), values.size()));
    }
  }
  std::vector<std::string> out;
  for (size_t i = 0; i < values.size(); ++i) {
    if (used[i]) {
      out.push_back(values[i]);
    }
  }
  return out;
}

}  // namespace

Instrumented instrument_model(const std::filesystem::path& path, const LoadedModel& loaded,
                              const InstrumentRequest& request) {
  const Target& target = request.target != nullptr ? *request.target : targets().front();
  std::vector<std::string> needed =
      values_to_observe(analyze_model(loaded.model.graph, request.keep_float, target));
  if (needed.empty()) {
    throw Error(ErrorCode::kInput,
                "no node of this model can run in integers, so there is nothing to observe; see "
                "`ptq inspect` for the operators");
  }
  std::ranges::sort(needed);
  needed.erase(std::unique(needed.begin(), needed.end()), needed.end());
  Instrumented result;
  result.values = selected(needed, request.tensors);
  const Model original = read_model(path);
  result.only_prepared = values_not_in(original, result.values);
  const bool prepared = !result.only_prepared.empty();
  result.model = instrument_graph(prepared ? loaded.model : original, result.values,
                                  {.fingerprint = loaded.fingerprint,
                                   .settings = settings_text(request.measure),
                                   .stats_file = request.stats_file,
                                   .every = request.every,
                                   .mask_input = request.measure.mask_input,
                                   .states = request.measure.states},
                                  result.unobserved);
  result.model.path = path;
  return result;
}

}  // namespace ptq

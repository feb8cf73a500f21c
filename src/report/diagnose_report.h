#pragma once
// A diagnosis as text and JSON: the table of layers, findings by code, and the verdict with its
// steps. Pure; any thread.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ptq/activation_stats.h"
#include "ptq/calibration_set.h"
#include "report/json_report.h"

namespace ptq {

// What layers can be sorted by, for --sort.
struct LayerOrder {
  std::string_view key;  // as typed by the user
  std::string_view summary;
  // Lower comes first; equal ones stay in the order of computation.
  double (*rank)(const LayerDiagnosis& layer);
};
std::span<const LayerOrder> layer_orders();
// Throws Error{kUsage} for an unknown key.
const LayerOrder& layer_order(std::string_view key);
void sort_layers(std::vector<LayerDiagnosis>& layers, const LayerOrder& order);
// Keeps the layers whose node or activation matches the shell pattern (* ? [...]). Throws
// Error{kUsage} when none does.
void select_layers(std::vector<LayerDiagnosis>& layers, const std::string& pattern);

struct DiagnosisView {
  size_t top = 20;    // rows, 0 = all
  bool wide = false;  // all columns instead of those that fit in 120
  int bits = 8;       // whose noise is shown
};
std::string layers_text(const ModelDiagnosis& diagnosis, const DiagnosisView& view);
// "verdict …", its steps, and the command to run next.
std::string verdict_text(const Verdict& verdict, const std::string& command);
// What the document of a diagnosis holds beside the diagnosis itself.
struct DiagnosisContext {
  VerdictRequest request{};
  std::string command{};                   // to run next
  const CalibrationSet* set = nullptr;     // never null
  const ActivationStats* stats = nullptr;  // for the histograms of the hardest; null: none
};
std::string layers_json(const ReportHeader& header, const ModelDiagnosis& diagnosis,
                        const DiagnosisContext& context);

}  // namespace ptq

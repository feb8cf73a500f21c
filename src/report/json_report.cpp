#include "report/json_report.h"

#include <map>

#include "data/findings.h"
#include "plan/op_rules.h"
#include "ptq/methods.h"
#include "report/json_document.h"
#include "report/json_rows.h"
#include "report/model_summary.h"

namespace ptq {
namespace {

Json values_json(const std::vector<ValueInfo>& values) {
  Json out = Json::array();
  for (const ValueInfo& value : values) {
    Json dims = Json::array();
    for (size_t i = 0; i < value.shape.size(); ++i) {
      if (value.shape[i] >= 0) {
        dims.push_back(value.shape[i]);
      } else {
        dims.push_back(i < value.symbols.size() ? value.symbols[i] : std::string());
      }
    }
    Json row = {{"name", value.name}, {"dtype", dtype_name(value.dtype)}};
    row["shape"] = value.has_shape ? dims : Json(nullptr);
    out.push_back(row);
  }
  return out;
}

Json decisions_json(const std::vector<Decision>& decisions) {
  Json out = Json::array();
  for (const Decision& decision : decisions) {
    out.push_back({{"node", decision.label},
                   {"op_type", decision.op_type},
                   {"outcome", decision.integer       ? "integer"
                               : decision.weight_only ? "weight-only"
                                                      : "float"},
                   {"reason", decision.reason}});
  }
  return out;
}

void add_activations(const QuantPlan& plan, Json& out) {
  for (const PlannedActivation& activation : plan.activations) {
    out.push_back({{"name", activation.value},
                   {"scale", number(static_cast<double>(activation.params.scale.at(0)))},
                   {"zero_point", activation.params.zero_point.at(0)},
                   {"shared_with", activation.shared_with},
                   {"estimator", activation.estimator},
                   {"reason", activation.reason}});
  }
}

Json macs_json(const RuntimeCheck& check) {
  const std::optional<double> percent = check.integer_mac_percent();
  return {{"integer", check.integer_macs},
          {"known", check.known_macs},
          {"unknown_products", check.unknown_products},
          {"unknown_integer_products", check.unknown_integer_products},
          {"integer_percent", percent ? number(*percent) : Json("unknown")}};
}

Json kernels_json(const RuntimeCheck& check) {
  Json out = Json::array();
  for (const KernelRow& row : check.rows) {
    out.push_back({{"node", row.label},
                   {"op_type", row.op_type},
                   {"outcome", outcome_name(row.outcome)},
                   {"kernel", row.kernel},
                   {"macs", row.macs ? Json(*row.macs) : Json("unknown")},
                   {"reason", row.reason}});
  }
  return out;
}

}  // namespace

std::string inspection_json(const ReportHeader& header, const Model& model) {
  Json document = start_document(header);
  document["ir_version"] = model.ir_version;
  document["opsets"] = Json::object();
  for (const OpsetImport& import : model.opset_imports) {
    document["opsets"][import.domain.empty() ? "ai.onnx" : import.domain] = import.version;
  }
  document["graph_inputs"] = values_json(model.graph.inputs);
  document["graph_outputs"] = values_json(model.graph.outputs);
  const ModelSummary summary = summarize_model(model);
  document["operators"] = summary.operators;
  document["summary"] = {{"nodes", summary.nodes},
                         {"inner_graphs", summary.inner_graphs},
                         {"initializers", summary.initializers},
                         {"parameters", summary.parameters},
                         {"initializer_bytes", summary.initializer_bytes},
                         {"local_functions", model.has_functions}};
  return dump(document);
}

std::string quantize_json(const ReportHeader& header, const LoadedModel& model,
                          const Quantized& result, const std::filesystem::path& output) {
  Json document = start_document(header);
  const std::vector<Decision> decisions = all_decisions(result.plan);
  const auto integer = std::ranges::count_if(decisions, &Decision::integer);
  document["output"] = output.empty() ? Json(nullptr) : file_json(output);
  document["summary"] = {{"target", result.plan.target->name},
                         {"weight_granularity", weight_granularity_name(result.plan.granularity)},
                         {"original_bytes", result.original_size_bytes},
                         {"quantized_bytes", result.size_bytes},
                         {"size_ratio", number(static_cast<double>(result.original_size_bytes) /
                                               static_cast<double>(result.size_bytes))},
                         {"nodes", decisions.size()},
                         {"nodes_integer", integer},
                         {"runtime_integer_kernels", result.runtime.integer_nodes},
                         {"runtime_float_products", result.runtime.float_nodes},
                         {"runtime_pairs_left", result.runtime.pairs_left},
                         {"runtime_fallbacks", result.runtime.fallbacks()},
                         {"macs", macs_json(result.runtime)}};
  document["preparation"] = model.passes;
  document["findings"] = model.notes;
  for (const std::string& finding : result.plan.findings) {
    document["findings"].push_back(finding);
  }
  document["float_products"] = result.runtime.float_products;
  document["kernels"] = kernels_json(result.runtime);
  document["decisions"] = decisions_json(decisions);
  document["activations"] = Json::array();
  add_activations(result.plan, document["activations"]);
  for (const QuantPlan& inner : result.plan.inner) {
    add_activations(inner, document["activations"]);
  }
  document["weights"] = Json::array();
  for (const WeightSummary& weight : result.weights) {
    document["weights"].push_back({{"name", weight.constant},
                                   {"node", weight.node},
                                   {"type", dtype_name(weight.dtype)},
                                   {"pair_limited", weight.pair_limited},
                                   {"sqnr_db", number(weight.sqnr_db)},
                                   {"largest_pair_sum", weight.largest_pair_sum},
                                   {"saturating_share", number(weight.saturating_share)},
                                   {"reason", weight.reason}});
  }
  document["tensors"] = Json::array();
  for (const TensorDiagnosis& tensor : result.diagnoses) {
    document["tensors"].push_back(diagnosis_row_json(tensor));
  }
  return dump(document);
}

std::string coverage_json(const ReportHeader& header, const LoadedModel& model,
                          const std::vector<Decision>& decisions) {
  Json document = start_document(header);
  document["status"] = "fail";
  document["summary"] = {{"nodes", decisions.size()}, {"nodes_integer", 0}};
  document["preparation"] = model.passes;
  document["findings"] = model.notes;
  document["decisions"] = decisions_json(decisions);
  return dump(document);
}

std::string tables_json(const ReportHeader& header) {
  Json document = start_document(header);
  document["estimators"] = Json::array();
  for (const RangeEstimator& estimator : range_estimators()) {
    document["estimators"].push_back({{"name", estimator.name}, {"summary", estimator.summary}});
  }
  document["methods"] = Json::array();
  for (const MethodInfo& info : methods()) {
    document["methods"].push_back(
        {{"name", info.name},
         {"effort", info.only_asked ? Json(nullptr) : Json(effort_name(info.from))},
         {"summary", info.summary}});
  }
  document["targets"] = Json::array();
  for (const Target& target : targets()) {
    Json operators = Json::object();
    for (const OpRule& rule : op_rules()) {
      operators[std::string(rule.op)] = kernel_text(rule, target);
    }
    document["targets"].push_back({{"name", target.name},
                                   {"engine", engine_name(target.engine)},
                                   {"activations", dtype_name(target.activation.dtype)},
                                   {"symmetric_activations", target.activation.symmetric},
                                   {"weights", weight_form_name(target.weight_form)},
                                   {"integer_bias", target.integer_bias},
                                   {"summary", target.summary},
                                   {"operators", std::move(operators)}});
  }
  return dump(document);
}

std::string error_json(const std::string& verb, int exit_code, const std::string& message) {
  const DataFindingRow* finding = finding_of(message);
  return dump(Json{{"schema", "ptq.error/1"},
                   {"verb", verb},
                   {"status", "error"},
                   {"exit_code", exit_code},
                   {"code", finding == nullptr ? Json(nullptr) : Json(finding->code)},
                   {"message", message}});
}

}  // namespace ptq

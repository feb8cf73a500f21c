#pragma once
// JSON documents as the verbs write them, of a made-up model. One thread.

#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>
#include <unistd.h>

namespace ptq::testing {

using Json = nlohmann::ordered_json;

// Removed with the object.
class DocumentFolder {
 public:
  DocumentFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "ptq-report-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~DocumentFolder() { std::filesystem::remove_all(path_); }
  DocumentFolder(const DocumentFolder&) = delete;
  DocumentFolder& operator=(const DocumentFolder&) = delete;

  std::filesystem::path write(const std::string& name, const std::string& bytes) const {
    const std::filesystem::path file = path_ / name;
    std::ofstream(file, std::ios::binary) << bytes;
    return file;
  }
  std::filesystem::path write(const std::string& name, const Json& json) const {
    return write(name, json.dump(1, ' ', false, Json::error_handler_t::replace));
  }

 private:
  std::filesystem::path path_;
};

inline std::string node_name(size_t i, const std::string& prefix = "layer") {
  return prefix + std::to_string(i) + "/out";
}

inline Json start(const std::string& verb, const std::string& model = "aa01") {
  return {{"schema", "ptq." + verb + "/1"},
          {"inputs", {{{"path", "models/net.onnx"}, {"sha256", model}, {"bytes", 1000}}}},
          {"status", "pass"},
          {"warnings", Json::array()}};
}

inline Json tensor_row(const std::string& name, double ratio, double db) {
  return {{"name", name},
          {"severity", db < 25.0   ? "hard"
                       : db < 32.0 ? "moderate"
                                   : "easy"},
          {"outlier_ratio", ratio},
          {"expected_ratio", 2.8},
          {"zero_share", 0.25},
          {"min", -1.5 * ratio},
          {"max", ratio},
          {"estimator", "mse"},
          {"reason", "clipping gains"},
          {"sqnr_db_8bit", db},
          {"sqnr_db_4bit", db - 19.0},
          {"candidates",
           {{"absmax", {{"lo", -1.5 * ratio}, {"hi", ratio}, {"sqnr_db", db - 2.0}}},
            {"mse", {{"lo", -ratio}, {"hi", ratio / 2}, {"sqnr_db", db}}}}}};
}

inline Json layer_row(size_t i, const std::string& name) {
  const double scale = static_cast<double>(1 + i * 3 % 7);
  return {
      {"node", name + "/conv"},
      {"op_type", "Conv"},
      {"position", i + 1},
      {"activation", name},
      {"predicted_8bit", {{"kl", {{"lo", -0.5 * scale}, {"hi", 0.4 * scale}, {"sqnr_db", 30.0}}}}},
      {"weight",
       {{"name", name + "/weight"},
        {"channels", 32},
        {"spread", scale},
        {"channel_absmax", {0, 0.1, 0.2, 0.25, scale}}}},
      {"noise", {{"activation", 1e-4 * scale}, {"weight_8bit", 2e-5}}}};
}

// Layers, findings, channels and the set, as of a diagnosis with samples.
inline void add_layers(Json& diagnose, size_t layers, const std::string& prefix = "layer") {
  for (const char* table : {"layers", "findings"}) {
    diagnose[table] = Json::array();
  }
  diagnose["calibration_set"] = {{"samples", 64},
                                 {"duplicates", 3},
                                 {"convergence", Json::array()},
                                 {"findings",
                                  {{{"tensor", ""},
                                    {"code", "PTQ-V010"},
                                    {"severity", "warning"},
                                    {"message", "3 samples equal another one"}}}}};
  diagnose["channels"] = {{"samples", 64}, {"still", Json::array()}};
  for (size_t i = 0; i < layers; ++i) {
    const std::string name = node_name(i, prefix);
    diagnose["layers"].push_back(layer_row(i, name));
    diagnose["findings"].push_back({{"code", i % 2 == 0 ? "PTQ-D020" : "PTQ-D012"},
                                    {"severity", i % 2 == 0 ? "info" : "warning"},
                                    {"layer", name},
                                    {"message", "best of the estimators 20.1 dB at 8 bits"}});
    diagnose["calibration_set"]["convergence"].push_back(
        {{"name", name},
         {"growth_percent", static_cast<double>(i * 5 % 11)},
         {"halves_distance", 0.02},
         {"enough", i * 5 % 11 < 5},
         {"more_samples", i * 5 % 11 < 5 ? Json(0) : Json(128)}});
    diagnose["channels"]["still"].push_back({{"activation", name},
                                             {"channels", 32},
                                             {"zero_count", 2},
                                             {"zero", {7, 9}},
                                             {"constant_count", 0},
                                             {"constant", Json::array()}});
  }
}

inline Json diagnose_document(size_t tensors, const std::string& prefix = "layer") {
  Json document = start("diagnose");
  document["tensors"] = Json::array();
  for (size_t i = 0; i < tensors; ++i) {
    document["tensors"].push_back(tensor_row(node_name(i, prefix),
                                             1.0 + static_cast<double>(i * 7 % 40),
                                             45.0 - static_cast<double>(i * 7 % 40)));
    if (i < 16) {
      document["tensors"].back()["histogram"] = {
          {"min", -3.0}, {"max", 4.0}, {"counts", {1, 20, 4000, 300, 2, 0, 1}}};
    }
  }
  return document;
}

inline Json stats_document(size_t tensors, size_t strata, const std::string& prefix = "layer") {
  Json document = start("calibrate");
  document["summary"] = {{"samples", 64}, {"tensors", tensors}, {"model_fingerprint", "ff07"}};
  document["tensors"] = Json::array();
  for (size_t i = 0; i < tensors; ++i) {
    Json row = {
        {"name", node_name(i, prefix)}, {"outlier_ratio", 2.0}, {"min", -3.0}, {"max", 4.0}};
    if (i < 16) {
      row["histogram"] = {{"min", -3.0}, {"max", 4.0}, {"counts", {1, 20, 4000, 300, 2, 0, 1}}};
    }
    document["tensors"].push_back(row);
  }
  document["strata"] = Json::array();
  for (size_t s = 0; s < strata; ++s) {
    Json extremes = Json::array();
    for (size_t i = 0; i < tensors; ++i) {
      extremes.push_back({{"name", node_name(i, prefix)},
                          {"min", -1.0},
                          {"max", 1.0 + static_cast<double>(s * i % 13)}});
    }
    document["strata"].push_back(
        {{"name", "kind " + std::to_string(s)}, {"samples", 8}, {"extremes", extremes}});
  }
  return document;
}

inline Json quantize_document(size_t nodes, const std::string& prefix = "layer") {
  Json document = start("quantize");
  document["output"] = {{"path", "q.onnx"}, {"sha256", "bb02"}};
  document["summary"] = {
      {"original_bytes", 4000000},
      {"quantized_bytes", 1000000},
      {"nodes", nodes},
      {"nodes_integer", nodes / 2},
      {"macs",
       {{"integer", 900}, {"known", 1000}, {"unknown_products", 0}, {"integer_percent", 90.0}}}};
  for (const char* table : {"kernels", "decisions", "activations", "weights"}) {
    document[table] = Json::array();
  }
  for (size_t i = 0; i < nodes; ++i) {
    const std::string name = node_name(i, prefix);
    const bool integer = i % 2 == 0;
    document["kernels"].push_back({{"node", name},
                                   {"op_type", integer ? "Conv" : "Exp"},
                                   {"outcome", integer ? "integer" : "float by plan"},
                                   {"macs", integer ? 18 : 0}});
    document["decisions"].push_back({{"node", name},
                                     {"op_type", integer ? "Conv" : "Exp"},
                                     {"outcome", integer ? "integer" : "float"},
                                     {"reason", integer ? "" : "no integer kernel"}});
    document["activations"].push_back({{"name", name}, {"scale", 0.1}, {"zero_point", 128}});
    document["weights"].push_back({{"name", name}, {"type", "int8"}, {"sqnr_db", 40.0}});
  }
  return document;
}

inline Json validate_document() {
  Json document = start("validate");
  document["inputs"].push_back({{"path", "q.onnx"}, {"sha256", "bb02"}});
  document["summary"] = {{"samples", 500}, {"agreement_percent", 98.6}};
  document["task"] = {{"name", "classification"},
                      {"samples", 500},
                      {"metrics",
                       {{{"name", "top1"},
                         {"title", "top-1 accuracy"},
                         {"unit", "%"},
                         {"judged", true},
                         {"fp32", 90.4},
                         {"quantized", 90.0},
                         {"drop", 0.4},
                         {"standard_error", 0.3},
                         {"method", "tango"},
                         {"confidence", 0.95},
                         {"interval", {{"lower", -0.1}, {"upper", 0.9}}},
                         {"mcnemar", {{"p_value", 0.69}}}}}},
                      {"flips",
                       {{"decided", 500},
                        {"right_to_wrong", 4},
                        {"wrong_to_right", 2},
                        {"wrong_to_other_wrong", 1}}}};
  document["worst"] = {
      {{"sample", "a/7.npz"}, {"output", "logits"}, {"sqnr_db", 12.5}, {"label", 3}}};
  document["hygiene"] = {{"calibration", "q.ptqstats"}, {"overlap", 0}};
  document["layers"] = Json::array();
  for (int i = 0; i < 5; ++i) {
    document["layers"].push_back({{"name", node_name(static_cast<size_t>(i)) + "/conv"},
                                  {"op", "Conv"},
                                  {"depth", i + 1},
                                  {"sqnr_db", 45.0 - 2.0 * i},
                                  {"alone_sqnr_db", 47.0 - i}});
  }
  document["outputs"] = {{{"name", "logits"}, {"sqnr_db", 33.25}, {"cosine", 0.99987}}};
  document["gates"] = {{{"name", "max-drop"},
                        {"limit", 1.0},
                        {"measured", 0.4},
                        {"passed", true},
                        {"text", "top-1 drop 0.40 points, limit 1.00"}}};
  return document;
}

inline Json bench_document() {
  Json document = start("bench");
  document["inputs"].push_back({{"path", "q.onnx"}, {"sha256", "bb02"}});
  document["summary"] = {{"speedup", {{"lower", 1.8}, {"median", 2.0}, {"upper", 2.1}}},
                         {"fp32_ms", {{"lower", 3.9}, {"median", 4.0}, {"upper", 4.4}}},
                         {"quantized_ms", {{"lower", 1.9}, {"median", 2.0}, {"upper", 2.1}}}};
  document["operators"] = {
      {{"kind", "Conv"}, {"fp32_nodes", 5}, {"fp32_ms", 3.0}, {"quantized_ms", 1.5}}};
  return document;
}

inline Json coverage_document() {
  Json document = start("coverage");
  document["summary"] = {{"calibration_samples", 64}, {"production_samples", 1000}};
  document["tensors"] = {{{"name", node_name(0)}, {"range_ratio", 2.5}, {"clipped_percent", 0.7}},
                         {{"name", node_name(1)}, {"range_ratio", 0.9}, {"clipped_percent", 0.0}}};
  document["gaps"] = {{{"tensor", node_name(0)},
                       {"code", "PTQ-V001"},
                       {"severity", "error"},
                       {"message", "production reaches 2.5 times the range"}}};
  document["pool"] = {{"pool_samples", 400},
                      {"exceeded_sides", 3},
                      {"closed_percent", 91.5},
                      {"closed_by_pool_percent", 98.0},
                      {"samples", {"pool/7.npz", "pool/9.npz"}}};
  return document;
}

}  // namespace ptq::testing

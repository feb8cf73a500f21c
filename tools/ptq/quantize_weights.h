#pragma once
// `ptq quantize --weight-only`: its options and its run, called by the verb. One thread.

#include <filesystem>
#include <string>
#include <vector>

#include "cli.h"

namespace ptq::cli {

struct WeightOnlyCli {
  bool weight_only = false;
  std::string group{};  // "": not given
  bool symmetric = false;
  bool asymmetric = false;
  std::string weight_format = "qdq";
  std::string scales = "float32";
  bool same_bits = false;
  bool no_search = false;
  std::vector<std::string> rules{};
};
void add_weight_only_options(CLI::App& verb, WeightOnlyCli& options);

// --weight-only, or --group.
bool asks_for_weights_alone(const WeightOnlyCli& options);

struct WeightOnlyRun {
  const WeightOnlyCli& weight_only;
  const Common& common;
  const PolicyCli& policy;
  std::filesystem::path model{};
  std::filesystem::path output{};  // empty: MODEL.int4.onnx or MODEL.int8.onnx
  bool force = false;
};
int quantize_weights_alone(const WeightOnlyRun& run);

}  // namespace ptq::cli

#include "report/json_document.h"

#include <cmath>
#include <fstream>
#include <vector>

#include <fmt/format.h>

#include "core/hash.h"

namespace ptq {

Json number(double value) {
  if (std::isnan(value)) {
    return "NaN";
  }
  if (std::isinf(value)) {
    return value > 0 ? "Infinity" : "-Infinity";
  }
  return value;
}

std::string dump(const Json& document) {
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json file_json(const std::filesystem::path& path) {
  Json file = {{"path", path.string()}};
  std::ifstream in(path, std::ios::binary);
  if (!std::filesystem::is_regular_file(path) || !in) {
    return file;  // a folder of samples has its hash in the statistics
  }
  Sha256 hash;
  std::vector<char> buffer(1U << 20);
  uint64_t size = 0;
  while (in) {
    in.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    const auto count = static_cast<size_t>(in.gcount());
    hash.update(std::string_view(buffer.data(), count));
    size += count;
  }
  file["sha256"] = hash.hex();
  file["bytes"] = size;
  return file;
}

Json start_document(const ReportHeader& header) {
  Json document = {{"schema", fmt::format("ptq.{}/1", header.verb)},
                   {"tool", {{"name", "ptq"}, {"version", header.version}}},
                   {"inputs", Json::array()}};
  for (const std::filesystem::path& input : header.inputs) {
    document["inputs"].push_back(file_json(input));
  }
  if (!header.runtime_version.empty()) {
    document["environment"] = {{"onnxruntime", header.runtime_version},
                               {"execution_provider", "CPU"},
                               {"cpu_features", header.cpu_features}};
  }
  document["status"] = header.passed ? "pass" : "fail";
  document["warnings"] = header.warnings;
  return document;
}

}  // namespace ptq

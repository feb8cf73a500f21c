#include "cli/schema_check.h"

#include <filesystem>
#include <map>
#include <memory>

#include <nlohmann/json.hpp>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

#include "cli/run_ptq.h"

namespace ptq::testing {
namespace {

using Json = nlohmann::json;
using Adapter = valijson::adapters::NlohmannJsonAdapter;

// Null where there is no such file.
const valijson::Schema* schema_of(const std::string& kind) {
  static std::map<std::string, std::unique_ptr<valijson::Schema>> schemas;
  auto& schema = schemas[kind];
  const std::string path = PTQ_SOURCE_DIR "/docs/schemas/" + kind + ".json";
  if (schema == nullptr && std::filesystem::exists(path)) {
    const Json text = Json::parse(read_file(path));
    schema = std::make_unique<valijson::Schema>();
    valijson::SchemaParser(valijson::SchemaParser::kDraft7).populateSchema(Adapter(text), *schema);
  }
  return schema.get();
}

}  // namespace

std::string schema_problem(const std::string& document) {
  const Json json = Json::parse(document, nullptr, false);
  if (!json.is_object() || !json.contains("schema")) {
    return "no JSON object with a field \"schema\"";
  }
  const std::string name = json["schema"];  // "ptq.KIND/1"
  const size_t dot = name.find('.');
  const valijson::Schema* schema = schema_of(name.substr(dot + 1, name.find('/') - dot - 1));
  if (schema == nullptr) {
    return "no file in docs/schemas for " + name;
  }
  valijson::Validator validator(valijson::Validator::kStrongTypes);
  valijson::ValidationResults results;
  const Adapter target(json);
  if (validator.validate(*schema, target, &results)) {
    return "";
  }
  std::string problem = name + " does not fit docs/schemas:";
  valijson::ValidationResults::Error error;
  for (int shown = 0; shown < 6 && results.popError(error); ++shown) {
    std::string place;
    for (const std::string& part : error.context) {
      place += part;
    }
    problem += " " + place + ": " + error.description;
  }
  return problem;
}

}  // namespace ptq::testing

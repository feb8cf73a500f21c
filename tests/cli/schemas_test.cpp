// docs/schemas: that they refuse what is no document, and that every kind has one. That documents
// fit is checked in run_ptq, whenever a test makes the program write one.

#include <filesystem>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cli/run_ptq.h"
#include "cli/schema_check.h"

namespace ptq::testing {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

TEST(Schemas, RefuseMissingStrangeAndUnknownFields) {
  const TemporaryFolder folder;
  const Json good =
      Json::parse(run_ptq({"diagnose", data_file("fashion_resnet.onnx"), "--data",
                           data_file("fashion_calib.npz"), "--samples", "16", "--format", "json"},
                          folder.path())
                      .out);
  EXPECT_EQ(schema_problem(good.dump()), "");
  const auto refused = [&](const std::string& pointer, const Json& value) {
    Json bad = good;
    bad[Json::json_pointer(pointer)] = value;
    return schema_problem(bad.dump());
  };
  EXPECT_THAT(refused("/surprise", 1), HasSubstr("surprise"));
  EXPECT_THAT(refused("/layers/0/noise/surprise", 1), HasSubstr("surprise"));
  EXPECT_NE(refused("/status", "perhaps"), "");
  EXPECT_NE(refused("/verdict/sqnr_db", "a lot"), "");
  EXPECT_NE(refused("/tensors/0/severity", "grave"), "");
  EXPECT_NE(refused("/inputs/0/sha256", "12"), "");
  EXPECT_NE(refused("/summary/layers", -1), "");
  EXPECT_EQ(refused("/verdict/sqnr_db", "-Infinity"), "");
  Json bad = good;
  bad["layers"][0].erase("node");
  EXPECT_NE(schema_problem(bad.dump()), "");
  bad = good;
  bad.erase("layers");
  EXPECT_NE(schema_problem(bad.dump()), "");
  EXPECT_THAT(schema_problem(R"({"schema":"ptq.nothing/1"})"), HasSubstr("no file"));
  EXPECT_NE(schema_problem("[]"), "");
}

// The table of docs/formats.md names every kind.
TEST(Schemas, StandForEveryKindOfDocument) {
  std::set<std::string> named;
  const std::string formats = read_file(PTQ_SOURCE_DIR "/docs/formats.md");
  for (size_t at = formats.find("`ptq."); at != std::string::npos;
       at = formats.find("`ptq.", at + 1)) {
    const size_t end = formats.find('/', at);
    const std::string kind = formats.substr(at + 5, end - at - 5);
    if (kind.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string::npos &&
        formats.substr(end, 2) == "/1") {
      named.insert(kind);
    }
  }
  std::set<std::string> present;
  for (const auto& entry : std::filesystem::directory_iterator(PTQ_SOURCE_DIR "/docs/schemas")) {
    present.insert(entry.path().stem().string());
  }
  EXPECT_EQ(named, present);
}

}  // namespace
}  // namespace ptq::testing

// What a report is made of, and what it refuses.

#include "report/report_documents.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ptq/error.h"
#include "report/report_fixture.h"

namespace ptq {
namespace {

using testing::DocumentFolder;
using ::testing::HasSubstr;
using testing::Json;

void expect_refused(const std::vector<std::filesystem::path>& paths, ErrorCode code,
                    const std::vector<std::string>& words) {
  try {
    read_report_documents(paths);
    ADD_FAILURE() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    for (const std::string& word : words) {
      EXPECT_THAT(error.what(), HasSubstr(word));
    }
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
  }
}

TEST(ReportDocuments, RefusesWhatIsNoDocumentOfPtq) {
  const DocumentFolder folder;
  const auto file = [&](const std::string& bytes) { return folder.write("a.json", bytes); };
  expect_refused({}, ErrorCode::kUsage, {"at least one"});
  expect_refused({"/nowhere/x.json"}, ErrorCode::kInput, {"x.json", "no readable file"});
  expect_refused({folder.write("sub", std::string()).parent_path()}, ErrorCode::kInput,
                 {"no readable file"});
  for (const std::string bytes :
       {"", "{", "{\"a\":1}]", "{\"schema\":\"ptq.bench/1\",}", "\xFF\xFE"}) {
    expect_refused({file(bytes)}, ErrorCode::kInput, {"a.json", "broken JSON"});
  }
  for (const std::string bytes : {"[]", "3", "{}", "{\"schema\":7}", "null"}) {
    expect_refused({file(bytes)}, ErrorCode::kInput, {"a.json", "no field \"schema\""});
  }
  expect_refused({file("{\"schema\":\"ptq.inspect/1\"}")}, ErrorCode::kInput,
                 {"ptq.inspect/1", "leave it out", "ptq.bench/1"});
  expect_refused({file("{\"schema\":\"ptq.bench/2\"}")}, ErrorCode::kInput, {"ptq.bench/2"});
  expect_refused({file("{\"schema\":\"\\u001b[31mx\"}")}, ErrorCode::kInput, {"?[31mx"});
  expect_refused({file("{\"schema\":\"ptq.bench/1\",\"a\":" + std::string(100000, '[') +
                       std::string(100000, ']') + "}")},
                 ErrorCode::kInput, {"nested"});
}

TEST(ReportDocuments, RefusesDocumentsOfDifferentModels) {
  const DocumentFolder folder;
  const auto bench = folder.write("b.json", testing::bench_document());
  Json other = testing::validate_document();
  other["inputs"][0]["sha256"] = "cc03";
  expect_refused({bench, folder.write("v.json", other)}, ErrorCode::kInput,
                 {"one model file", "b.json", "v.json", "aa01", "cc03"});
  other = testing::validate_document();
  other["inputs"][1]["sha256"] = "dd04";
  expect_refused({bench, folder.write("v.json", other)}, ErrorCode::kInput,
                 {"one quantized file", "bb02", "dd04"});
  Json quantize = testing::quantize_document(2);
  quantize["output"]["sha256"] = "ee05";
  expect_refused({bench, folder.write("q.json", quantize)}, ErrorCode::kInput, {"quantized file"});
  Json stats = testing::stats_document(1, 1);
  stats["schema"] = "ptq.stats/1";
  stats["summary"]["model_fingerprint"] = "0000";
  expect_refused(
      {folder.write("c.json", testing::stats_document(1, 1)), folder.write("s.json", stats)},
      ErrorCode::kInput, {"one model", "ff07"});
}

TEST(ReportDocuments, RefusesTwoOfOneVerb) {
  const DocumentFolder folder;
  expect_refused({folder.write("a.json", testing::bench_document()),
                  folder.write("b.json", testing::bench_document())},
                 ErrorCode::kUsage, {"one ptq.bench/1", "a.json", "b.json"});
}

TEST(ReportDocuments, PrefersStatisticsWithHistograms) {
  const DocumentFolder folder;
  Json plain = testing::stats_document(1, 1);
  plain["tensors"][0].erase("histogram");
  Json rich = testing::stats_document(1, 1);
  rich["schema"] = "ptq.stats/1";
  const ReportDocuments documents =
      read_report_documents({folder.write("a.json", plain), folder.write("b.json", rich)});
  EXPECT_EQ(documents.of(ReportKind::kStats)["schema"], "ptq.stats/1");
  EXPECT_TRUE(documents.of(ReportKind::kBench).is_null());
}

}  // namespace
}  // namespace ptq

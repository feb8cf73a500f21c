// What CI systems are told: states of checks, stable names, and hostile names in every form.

#include "report/ci_report.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/markup_check.h"
#include "report/report_fixture.h"

namespace ptq {
namespace {

using ::testing::HasSubstr;
using testing::Json;
using testing::Markup;
using ::testing::Not;

Json two_gates() {
  Json document = testing::validate_document();
  document["status"] = "fail";
  document["gates"].push_back({{"name", "min-sqnr"},
                               {"output", "logits"},
                               {"limit", 40.0},
                               {"measured", 33.25},
                               {"passed", false},
                               {"text", "SQNR 33.25 dB, limit 40.00 dB"}});
  document["warnings"] = {"calibration saw 3 of the samples"};
  return document;
}

Markup read_junit(const CiReport& report) {
  const std::string xml = junit_xml(report);
  const size_t line = xml.find('\n');
  EXPECT_EQ(xml.substr(0, line), "<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
  const Markup markup = testing::read_markup(std::string_view(xml).substr(line + 1));
  EXPECT_EQ(markup.error, "");
  return markup;
}

TEST(CiReport, HasGatesAsChecksWithStableNames) {
  const CiReport report = ci_report(two_gates().dump());
  EXPECT_EQ(report.verb, "validate");
  EXPECT_EQ(report.subject, "q.onnx");  // the quantized model
  EXPECT_FALSE(report.passed);
  ASSERT_EQ(report.checks.size(), 2U);
  EXPECT_EQ(report.checks[0].name, "max-drop");
  EXPECT_EQ(report.checks[0].state, CiCheck::State::kPassed);
  EXPECT_EQ(report.checks[1].name, "min-sqnr logits");
  EXPECT_EQ(report.checks[1].state, CiCheck::State::kFailed);
  ASSERT_EQ(report.notes.size(), 1U);
}

TEST(CiReport, WithoutGatesTheVerbIsTheCheck) {
  Json document = testing::diagnose_document(1);
  document["findings"] = {
      {{"code", "PTQ-D013"}, {"severity", "info"}, {"layer", "a"}, {"message", "few"}},
      {{"code", "PTQ-D025"}, {"severity", "error"}, {"layer", "b"}, {"message", "NaN"}}};
  CiReport report = ci_report(document.dump());
  ASSERT_EQ(report.checks.size(), 1U);
  EXPECT_EQ(report.checks[0].name, "diagnose");
  EXPECT_EQ(report.checks[0].state, CiCheck::State::kPassed);
  EXPECT_EQ(report.notes[0].code, "PTQ-D025");  // the gravest first
  document["status"] = "fail";
  report = ci_report(document.dump());
  EXPECT_EQ(report.checks[0].state, CiCheck::State::kFailed);
  EXPECT_EQ(report.checks[0].text, "ptq diagnose failed: PTQ-D025 b: NaN");
}

TEST(Junit, CountsWhatItHolds) {
  const Markup markup = read_junit(ci_report(two_gates().dump()));
  for (const char* name : {"testsuites", "testsuite"}) {
    const auto& attributes = markup.all(name).at(0)->attributes;
    EXPECT_EQ(attributes.at("tests"), "2");
    EXPECT_EQ(attributes.at("failures"), "1");
    EXPECT_EQ(attributes.at("errors"), "0");
    EXPECT_EQ(attributes.at("skipped"), "0");
  }
  EXPECT_EQ(markup.all("testsuite")[0]->attributes.at("name"), "ptq validate q.onnx");
  ASSERT_EQ(markup.all("testcase").size(), 2U);
  EXPECT_EQ(markup.all("testcase")[1]->attributes.at("classname"), "ptq.validate");
  ASSERT_EQ(markup.all("failure").size(), 1U);
  EXPECT_EQ(markup.all("failure")[0]->attributes.at("message"), "SQNR 33.25 dB, limit 40.00 dB");
  const auto properties = markup.all("property");
  EXPECT_TRUE(std::ranges::any_of(properties, [](const testing::Element* property) {
    return property->attributes.at("name") == "agreement_percent" &&
           property->attributes.at("value") == "98.6";
  }));
  EXPECT_THAT(markup.text(), HasSubstr("warning: calibration saw 3 of the samples"));
}

TEST(Junit, AnInconclusiveGateFailsOnlyWithTheRun) {
  Json document = two_gates();
  document["gates"][1]["outcome"] = "inconclusive";
  EXPECT_EQ(read_junit(ci_report(document.dump())).all("failure").size(), 1U);
  document["status"] = "pass";
  const Markup passed = read_junit(ci_report(document.dump()));
  EXPECT_EQ(passed.all("failure").size(), 0U);
  EXPECT_EQ(passed.all("skipped").size(), 1U);
  EXPECT_EQ(passed.all("testsuite")[0]->attributes.at("skipped"), "1");
}

TEST(Junit, AnErrorIsNoFailure) {
  const Json document = {{"schema", "ptq.error/1"}, {"verb", "data check"}, {"status", "error"},
                         {"exit_code", 3},          {"code", "PTQ-S001"},   {"message", "no file"}};
  const CiReport report = ci_report(document.dump());
  const Markup markup = read_junit(report);
  EXPECT_EQ(markup.all("error").at(0)->attributes.at("message"), "no file");
  EXPECT_EQ(markup.all("testsuite")[0]->attributes.at("errors"), "1");
  EXPECT_EQ(github_annotations(report), "::error title=ptq data check data check::no file\n");
}

TEST(GithubAnnotations, SayWhatFailedAndWhatWasFound) {
  EXPECT_EQ(github_annotations(ci_report(two_gates().dump())),
            "::error title=ptq validate min-sqnr logits::SQNR 33.25 dB, limit 40.00 dB\n"
            "::warning title=ptq validate::calibration saw 3 of the samples\n");
}

TEST(GithubAnnotations, AreAtMostTenOfAKind) {
  Json document = testing::validate_document();
  for (int i = 0; i < 25; ++i) {
    document["warnings"].push_back("w" + std::to_string(i));
  }
  const std::string text = github_annotations(ci_report(document.dump()));
  EXPECT_EQ(std::ranges::count(text, '\n'), 11);
  EXPECT_THAT(text, HasSubstr("15 more warning annotation(s) are left out"));
}

TEST(CiMarkdown, BeginsWithTheVerdictAndListsGates) {
  const std::string text = ci_markdown(ci_report(two_gates().dump()));
  EXPECT_THAT(text, ::testing::StartsWith("## ❌ FAIL ptq validate: q.onnx\n"));
  EXPECT_THAT(text, HasSubstr("| ❌ | min-sqnr logits | SQNR 33.25 dB, limit 40.00 dB |"));
  EXPECT_THAT(text, HasSubstr("| agreement\\_percent | 98.6 |"));
}

// Names from models and files, in every place that shows one.
TEST(CiReport, HostileNamesStayTextInEveryForm) {
  const std::string hostile =
      "]]></failure><script>x</script>\"'&|`@all %0A::error::x\n::warning::y\x1b[31m\xFF\u202e";
  Json document = two_gates();
  document["inputs"][1]["path"] = "a/" + hostile;
  document["summary"][hostile] = hostile;
  document["warnings"] = {hostile};
  document["findings"] = {
      {{"code", hostile}, {"severity", hostile}, {"layer", hostile}, {"message", hostile}}};
  for (Json& gate : document["gates"]) {
    gate["name"] = hostile;
    gate["output"] = hostile;
    gate["text"] = hostile;
  }
  const CiReport report = ci_report(document.dump(2, ' ', false, Json::error_handler_t::replace));
  const Markup markup = read_junit(report);
  EXPECT_TRUE(markup.all("script").empty());
  EXPECT_EQ(markup.all("testcase").size(), 2U);
  EXPECT_THAT(markup.text(), HasSubstr("<script>x</script>"));
  const std::string markdown = ci_markdown(report);
  EXPECT_THAT(markdown, Not(HasSubstr("<script")));
  EXPECT_THAT(markdown, Not(HasSubstr("::")));
  EXPECT_THAT(markdown, Not(HasSubstr("@all")));
  const std::string annotations = github_annotations(report);
  EXPECT_EQ(std::ranges::count(annotations, '\n'), 3);
  for (size_t at = 0; at < annotations.size(); at = annotations.find('\n', at) + 1) {
    const std::string line = annotations.substr(at, annotations.find('\n', at) - at);
    EXPECT_TRUE(line.starts_with("::error title=") || line.starts_with("::warning title=")) << line;
    const std::string title = line.substr(0, line.find("::", 2));
    EXPECT_EQ(std::ranges::count(title.substr(2), ':'), 0) << line;  // ended by its own "::"
    EXPECT_EQ(line.find("%0A"), std::string::npos) << line;
  }
  for (const std::string& text : {junit_xml(report), markdown, annotations}) {
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
    EXPECT_EQ(text.find("\u202e"), std::string::npos);
  }
}

TEST(CiMarkdown, StaysSmall) {
  Json document = testing::validate_document();
  document["gates"] = Json::array();
  for (int i = 0; i < 5000; ++i) {
    document["gates"].push_back(
        {{"name", "g" + std::to_string(i)}, {"passed", true}, {"text", std::string(90, 'x')}});
  }
  EXPECT_LE(ci_markdown(ci_report(document.dump())).size(), size_t{64} << 10);
}

}  // namespace
}  // namespace ptq

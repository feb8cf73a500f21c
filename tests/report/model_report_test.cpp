// The page as a whole: well formed, whatever names a model has; small; the same for the same input.

#include "report/model_report.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ptq/error.h"
#include "report/markup_check.h"
#include "report/report_fixture.h"

namespace ptq {
namespace {

using testing::DocumentFolder;
using testing::Element;
using ::testing::HasSubstr;
using testing::Json;
using testing::Markup;
using ::testing::Not;
using testing::read_markup;
using Paths = std::vector<std::filesystem::path>;

Json whole_diagnosis(size_t layers, const std::string& prefix = "layer") {
  Json diagnose = testing::diagnose_document(layers, prefix);
  testing::add_layers(diagnose, layers, prefix);
  return diagnose;
}

Paths all_documents(const DocumentFolder& folder, const std::string& prefix = "layer") {
  return {folder.write("stats.json", testing::stats_document(12, 3, prefix)),
          folder.write("diagnose.json", whole_diagnosis(12, prefix)),
          folder.write("quantize.json", testing::quantize_document(12, prefix)),
          folder.write("validate.json", testing::validate_document()),
          folder.write("bench.json", testing::bench_document()),
          folder.write("coverage.json", testing::coverage_document())};
}

TEST(ModelReport, HasASectionForEveryQuestionAndAContentsThatLeadsThere) {
  const DocumentFolder folder;
  const ModelReport report = model_report(all_documents(folder), "1.2.3");
  const Markup page = read_markup(report.html);
  ASSERT_EQ(page.error, "");
  for (const char* id : {"verdict", "size-speed", "accuracy", "outliers", "histograms", "bit-width",
                         "weights", "strata", "coverage", "findings", "depth-error", "integers",
                         "decisions", "samples", "sources"}) {
    const Element* section = page.with_id(id);
    ASSERT_NE(section, nullptr) << id;
    EXPECT_EQ(section->name, "section");
    EXPECT_TRUE(std::ranges::any_of(page.all("a"), [&](const Element* link) {
      return link->attributes.at("href") == std::string("#") + id;
    })) << id;
  }
  EXPECT_EQ(page.text().find("Not in these documents"), std::string::npos);
  for (const char* figure : {"PASS", "4.00 MB → 1.00 MB", "2.00× faster", "33.2 dB", "90.00 %",
                             "98.6 %", "PTQ-V001", "no integer kernel", "kind 2"}) {
    EXPECT_THAT(page.text(), HasSubstr(figure));
  }
}

TEST(ModelReport, LoadsNothingAndRunsNothing) {
  const DocumentFolder folder;
  const Markup page = read_markup(model_report(all_documents(folder), "1").html);
  EXPECT_TRUE(page.all("script").empty());
  EXPECT_TRUE(page.all("img").empty());
  const Element& policy = *page.all("meta").at(1);
  EXPECT_EQ(policy.attributes.at("http-equiv"), "Content-Security-Policy");
  EXPECT_EQ(policy.attributes.at("content"),
            "default-src 'none'; style-src 'unsafe-inline'; img-src data:");
  for (const Element& element : page.elements) {
    for (const auto& [name, value] : element.attributes) {
      EXPECT_FALSE(name.starts_with("on")) << name;
      EXPECT_EQ(value.find("://"), std::string::npos) << value;
      EXPECT_TRUE(name != "href" || value.starts_with("#") || value == "data:,") << value;
    }
  }
  EXPECT_EQ(page.all("style").at(0)->text.find("url("), std::string::npos);
}

TEST(ModelReport, EveryPlotHasItsDataInATable) {
  const DocumentFolder folder;
  const Markup page = read_markup(model_report(all_documents(folder), "1").html);
  size_t plots = 0;
  for (const Element* svg : page.all("svg")) {
    if (svg->attributes.contains("role")) {
      ++plots;
      EXPECT_NE(svg->attributes.at("aria-label"), "");
    }
  }
  EXPECT_GE(plots, 15U);
  EXPECT_GE(page.all("table").size(), plots);
}

TEST(ModelReport, HostileNamesStayText) {
  const std::string hostile =
      "</style><script>alert('1')</script>\"><img src=x onerror=a>&amp;\x1b[31m"
      "\xE2\x80\xAE"
      "gnp\xFF\n::error::";
  const DocumentFolder folder;
  Paths paths = all_documents(folder, hostile);
  Json validate = testing::validate_document();
  validate["warnings"].push_back(hostile);
  validate["inputs"][0]["path"] = hostile;
  validate["outputs"][0]["name"] = hostile;
  validate["gates"][0]["text"] = hostile;
  paths[3] = folder.write("validate.json", validate);
  Json bench = testing::bench_document();
  bench["operators"][0]["kind"] = hostile;
  bench["inputs"][0]["path"] = "a/" + hostile;
  paths[4] = folder.write("bench.json", bench);
  const ModelReport report = model_report(paths, hostile);
  const Markup page = read_markup(report.html);
  ASSERT_EQ(page.error, "");
  EXPECT_TRUE(page.all("script").empty());
  EXPECT_TRUE(page.all("img").empty());
  EXPECT_EQ(page.all("style").size(), 1U);
  EXPECT_THAT(page.text(), HasSubstr("<script>alert('1')</script>"));
  for (const std::string& text : {report.html, report.markdown}) {
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
    EXPECT_EQ(text.find("\xE2\x80\xAE"), std::string::npos);
    EXPECT_EQ(text.find('\xFF'), std::string::npos);
  }
  EXPECT_EQ(report.markdown.find("::"), std::string::npos);
  EXPECT_EQ(report.markdown.find("<script"), std::string::npos);
}

TEST(ModelReport, ADiagnosisAloneShowsHistogramsWithTheRangesOfAllFourEstimators) {
  const DocumentFolder folder;
  Json diagnose = whole_diagnosis(3);
  diagnose["tensors"][0]["candidates"]["percentile"] = {{"lo", -1.0}, {"hi", 1.0}};
  const Markup page = read_markup(model_report({folder.write("d.json", diagnose)}, "1").html);
  const auto lines_of = [&](const std::string& style) {
    return std::ranges::count_if(page.all("line"), [&](const Element* line) {
      return line->attributes.at("class") == "cut " + style;
    });
  };
  EXPECT_EQ(lines_of("s0"), 6);  // absmax, both ends of three tensors
  EXPECT_EQ(lines_of("s1"), 2);
  EXPECT_EQ(lines_of("s2"), 6);
  EXPECT_EQ(lines_of("s3"), 6);  // KL is in the layers alone
}

TEST(ModelReport, ShowsWhatTheDiagnosisFound) {
  const DocumentFolder folder;
  const std::string text = read_markup(model_report(all_documents(folder), "1").html).text();
  for (const char* part :
       {"an activation that 8 bits cannot represent well", "channels of an activation that never",
        "7, 9", "Enough for 6 of 12 activations", "3 samples equal another one", "128 more",
        "2 of 400 samples close 91.5 % of the excess over 3 ends", "pool/", "from its weight",
        "this layer alone"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
}

TEST(ModelReport, ShowsTheDropOfTheTaskWithItsBoundsAndWhatCouldNotBeDecided) {
  const DocumentFolder folder;
  Json validate = testing::validate_document();
  validate["gates"][0]["outcome"] = "inconclusive";
  const ModelReport report = model_report({folder.write("v.json", validate)}, "1");
  const Markup page = read_markup(report.html);
  ASSERT_EQ(page.error, "");
  for (const char* part :
       {"The gate is passed. 1 could not be decided.", "undecided: top-1 drop 0.40 points",
        "drop of top-1 accuracy, percentage points", "each with a confidence of 95.0 %", "0.90",
        "Of 500 decisions 4 became wrong, 2 became right and 1 another", "a/", "12.5 dB",
        "None of them were calibrated on."}) {
    EXPECT_THAT(page.text(), HasSubstr(part));
  }
  EXPECT_THAT(report.markdown, HasSubstr("❔ top-1 drop"));
}

TEST(ModelReport, NamesOfAnyLengthAreCutButKeepTheirEnd) {
  const DocumentFolder folder;
  const std::string name = std::string(100000, 'x') + "é" + std::string(70, 'y') + "/tail";
  Json diagnose = testing::diagnose_document(1);
  diagnose["tensors"][0]["name"] = name;
  const ModelReport report = model_report({folder.write("d.json", diagnose)}, "1");
  EXPECT_EQ(read_markup(report.html).error, "");
  EXPECT_LT(report.html.size(), 60000U);
  EXPECT_THAT(report.html, HasSubstr("yyyy/<wbr>tail"));
}

TEST(ModelReport, TenThousandNodesStayBelowFiveMegabytes) {
  const std::string prefix = std::string(120, 'p') + "/block/attention/projection/";
  const DocumentFolder folder;
  Paths paths = {folder.write("s.json", testing::stats_document(10000, 12, prefix)),
                 folder.write("d.json", whole_diagnosis(10000, prefix)),
                 folder.write("q.json", testing::quantize_document(10000, prefix))};
  Json coverage = testing::coverage_document();
  for (size_t i = 0; i < 10000; ++i) {
    const Json gap = coverage["gaps"][0];
    coverage["gaps"].push_back(gap);
    coverage["tensors"].push_back({{"name", testing::node_name(i, prefix)}, {"range_ratio", 1.5}});
  }
  paths.push_back(folder.write("c.json", coverage));
  const ModelReport report = model_report(paths, "1");
  EXPECT_LT(report.html.size(), 5000000U);
  EXPECT_LT(report.markdown.size(), size_t{1} << 20);
  EXPECT_THAT(report.html, HasSubstr("… and 9,960 more"));
  EXPECT_THAT(report.html, HasSubstr("Of every 34 neighbouring tensors the worst is shown."));
  EXPECT_EQ(read_markup(report.html).error, "");
  EXPECT_GT(model_report(paths, "1", 100).html.size(), report.html.size());
}

TEST(ModelReport, IsTheSameWhateverTheOrderOfTheDocuments) {
  const DocumentFolder folder;
  Paths paths = all_documents(folder);
  const ModelReport forwards = model_report(paths, "1");
  std::ranges::reverse(paths);
  const ModelReport backwards = model_report(paths, "1");
  EXPECT_EQ(forwards.html, backwards.html);
  EXPECT_EQ(forwards.markdown, backwards.markdown);
}

TEST(ModelReport, ShowsTheAnswerOfTheDiagnosisAndItsOrder) {
  const DocumentFolder folder;
  Json diagnose = testing::diagnose_document(2);
  diagnose["verdict"] = {{"answer", "mixed-precision"},
                         {"sentence", "leave one layer in float"},
                         {"command", "ptq quantize net.onnx --keep-float a"}};
  diagnose["layers"] = {{{"activation", testing::node_name(0)}, {"position", 9}},
                        {{"activation", testing::node_name(1)}, {"position", 3}}};
  const ModelReport report = model_report({folder.write("d.json", diagnose)}, "1");
  EXPECT_THAT(report.html, HasSubstr("mixed-precision: leave one layer in float"));
  EXPECT_THAT(report.html, HasSubstr("<code>ptq quantize net.onnx --keep-float a</code>"));
  EXPECT_THAT(report.html, HasSubstr("<td class=\"n\">1</td><td class=\"id\">layer1/"));
  EXPECT_THAT(report.html, Not(HasSubstr("No document says the order")));
}

TEST(ModelReport, WhatIsMissingIsNamedWithTheVerbThatGivesIt) {
  const DocumentFolder folder;
  const Markup page =
      read_markup(model_report({folder.write("b.json", testing::bench_document())}, "1").html);
  EXPECT_EQ(page.error, "");
  EXPECT_THAT(page.text(), HasSubstr("ptq validate FP32 QUANTIZED"));
  EXPECT_THAT(page.text(), HasSubstr("ptq coverage --calibration"));
  EXPECT_THAT(page.text(), HasSubstr("MEASURED"));
}

// A document that lacks anything, or has other types in its fields, gives a page all the same.
TEST(ModelReport, ToleratesMissingAndStrangeFields) {
  const DocumentFolder folder;
  const Json strange = {{"x", 1}};
  for (Json document :
       {testing::stats_document(4, 2), whole_diagnosis(4), testing::quantize_document(4),
        testing::validate_document(), testing::bench_document(), testing::coverage_document()}) {
    const Json whole = document;
    for (const auto& [key, value] : whole.items()) {
      if (key == "schema") {
        continue;
      }
      std::vector<Json> replacements = {Json(), Json("text"), Json(-1e308), strange,
                                        Json::array({Json(), 3, "x", strange, Json::array()})};
      if (value.is_array() && !value.empty() && value[0].is_object()) {
        Json rows = value;
        for (Json& row : rows) {
          for (auto& [field, cell] : row.items()) {
            cell = cell.is_number() ? Json("NaN") : cell.is_string() ? Json(5) : Json("Infinity");
          }
        }
        replacements.push_back(rows);
      }
      for (const Json& replacement : replacements) {
        document = whole;
        document[key] = replacement;
        const Markup page = read_markup(model_report({folder.write("d.json", document)}, "1").html);
        EXPECT_EQ(page.error, "") << key << " = " << replacement.dump();
        EXPECT_THAT(page.text(), Not(HasSubstr("nan%")));
      }
    }
  }
}

TEST(ModelReport, ExtremeFiguresAreDrawn) {
  const DocumentFolder folder;
  Json diagnose = testing::diagnose_document(3);
  diagnose["tensors"][0]["outlier_ratio"] = 1e308;
  diagnose["tensors"][1]["outlier_ratio"] = 5e-324;
  diagnose["tensors"][2]["sqnr_db_8bit"] = "Infinity";
  diagnose["tensors"][0]["sqnr_db_4bit"] = "-Infinity";
  diagnose["tensors"][1]["histogram"] = {{"min", -1e300}, {"max", 1e300}, {"counts", {1, 0, 1e30}}};
  const Markup page = read_markup(model_report({folder.write("d.json", diagnose)}, "1").html);
  EXPECT_EQ(page.error, "");
  for (const Element& element : page.elements) {
    for (const char* key : {"x", "y", "x1", "x2", "y1", "y2", "width", "height", "d"}) {
      const auto found = element.attributes.find(key);
      if (found != element.attributes.end()) {
        EXPECT_EQ(found->second.find("nan"), std::string::npos) << found->second;
        EXPECT_EQ(found->second.find("inf"), std::string::npos) << found->second;
      }
    }
  }
}

}  // namespace
}  // namespace ptq

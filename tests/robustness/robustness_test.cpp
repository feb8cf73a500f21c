// `ptq inspect` and `ptq quantize` over 1,200 small models of public test suites, valid, odd and
// broken ones, when the archive is beside the repository (it is not part of it). Every fourth model
// is looked at; PTQ_ROBUSTNESS=all looks at all. Each run ends in 0 or a defined error, and what is
// written runs where the original runs and says the same.

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "core/parallel.h"
#include "robustness/run_limited.h"

namespace ptq::testing {
namespace {

namespace fs = std::filesystem;

// Two runs of at most 60 s, and what is done around them.
constexpr int kProbeLimitS = 180;

struct Probed {
  std::string model;
  LimitedRun run;
  std::map<std::string, std::string> findings;
};

class Folder {
 public:
  Folder() {
    std::string pattern = (fs::temp_directory_path() / "ptq-robust-XXXXXX").string();
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    path_ = pattern;
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

std::vector<fs::path> models_in(const fs::path& folder) {
  std::vector<fs::path> models;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.path().extension() == ".onnx") {
      models.push_back(entry.path());
    }
  }
  std::ranges::sort(models);
  return models;
}

std::vector<fs::path> every(size_t step, const std::vector<fs::path>& models) {
  std::vector<fs::path> chosen;
  for (size_t i = 0; i < models.size(); i += step) {
    chosen.push_back(models[i]);
  }
  return chosen;
}

Probed probe(const fs::path& model, const fs::path& root, const fs::path& work) {
  Probed probed{.model = fs::relative(model, root), .run = {}, .findings = {}};
  fs::create_directories(work);
  probed.run = run_limited({PTQ_PROBE, model, work / "probe"}, work / "log", kProbeLimitS);
  std::istringstream lines(probed.run.out);
  for (std::string line; std::getline(lines, line);) {
    const size_t space = line.find(' ');
    if (space != std::string::npos) {
      probed.findings[line.substr(0, space)] = line.substr(space + 1);
    }
  }
  std::error_code ignored;
  fs::remove_all(work, ignored);
  return probed;
}

std::string finding(const Probed& probed, const std::string& key) {
  const auto found = probed.findings.find(key);
  return found == probed.findings.end() ? std::string() : found->second;
}

int exit_code(const Probed& probed, const std::string& verb) {
  const std::string text = finding(probed, verb);
  return text.empty() ? -1 : std::stoi(text);
}

// One line of everything, for PTQ_ROBUSTNESS_LOG.
std::string line_of(const Probed& probed) {
  std::string line = fmt::format("{}\tprobe={}", probed.model, probed.run.exit_code);
  for (const auto& [key, value] : probed.findings) {
    line += fmt::format("\t{}={}", key, value);
  }
  return line + "\n";
}

void check(const Probed& probed) {
  SCOPED_TRACE(line_of(probed));
  // The prepared model runs in the probe itself: a crash there is one of the written file.
  EXPECT_EQ(probed.run.exit_code, 0);
  static const std::set<int> kDefined = {0, 1, 2, 3, 4, 5};
  EXPECT_TRUE(kDefined.contains(exit_code(probed, "inspect")));
  EXPECT_TRUE(kDefined.contains(exit_code(probed, "quantize")));
  EXPECT_FALSE(finding(probed, "written").starts_with("refused"));
  if (finding(probed, "original") == "runs") {
    EXPECT_NE(exit_code(probed, "quantize"), 5) << "the runtime fails on what ptq made of the file";
  }
  if (!finding(probed, "prepared").empty()) {
    EXPECT_LT(std::stod(finding(probed, "prepared")), 1e-3);
  }
  if (!finding(probed, "prepared16").empty()) {  // 2^-11 a rounding of the original
    EXPECT_LT(std::stod(finding(probed, "prepared16")), 2e-2);
  }
  if (!finding(probed, "sqnr").empty()) {
    EXPECT_GT(std::stod(finding(probed, "sqnr")), 10.0);
  }
}

TEST(Robustness, EveryPublicModelIsQuantizedOrRefusedInWords) {
  const fs::path archive = fs::path(PTQ_SOURCE_DIR) / "../shared/zoo/robustness.tar.xz";
  if (!fs::exists(archive)) {
    GTEST_SKIP() << "no models at " << archive;
  }
  const Folder folder;
  const fs::path root = folder.path() / "models";
  fs::create_directories(root);
  const LimitedRun unpacked =
      run_limited({"/bin/tar", "-xJf", archive, "-C", root}, folder.path() / "tar.log", 120);
  ASSERT_EQ(unpacked.exit_code, 0) << unpacked.out;
  const char* const wanted = std::getenv("PTQ_ROBUSTNESS");
  const bool all = wanted != nullptr && std::string_view(wanted) == "all";
  const std::vector<fs::path> models = every(all ? 1 : 4, models_in(root));
  ASSERT_FALSE(models.empty());

  std::vector<Probed> results(models.size());
  parallel_for(models.size(), 2, [&](size_t i, int /*worker*/) {
    results[i] = probe(models[i], root, folder.path() / fmt::format("work_{}", i));
  });
  const char* const log = std::getenv("PTQ_ROBUSTNESS_LOG");
  std::ofstream lines(log != nullptr ? log : "/dev/null");
  for (const Probed& probed : results) {
    lines << line_of(probed);
    check(probed);
  }
}

}  // namespace
}  // namespace ptq::testing

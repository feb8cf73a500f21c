#include "runtime/library.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/processor.h"

namespace ptq {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Matches;
using testing::MatchesRegex;

class LibraryFolder : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) /
              testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  void touch(const std::string& name) { std::ofstream(folder_ / name) << "no library"; }

  fs::path folder_;
};

TEST_F(LibraryFolder, ListsPlainNamesThenTheNewestVersion) {
  for (const char* name : {"libonnxruntime.so.1.9.0", "libonnxruntime.so.1.31.1",
                           "libonnxruntime.so.1", "libonnxruntime.so", "libother.so"}) {
    touch(name);
  }
  std::vector<std::string> names;
  for (const fs::path& file : library_candidates(folder_)) {
    names.push_back(file.filename());
  }
  EXPECT_THAT(names, ElementsAre("libonnxruntime.so", "libonnxruntime.so.1",
                                 "libonnxruntime.so.1.31.1", "libonnxruntime.so.1.9.0"));
}

TEST_F(LibraryFolder, TakesAFileAsItIsAndNothingForAMissingPlace) {
  touch("my_runtime.so");
  EXPECT_THAT(library_candidates(folder_ / "my_runtime.so"),
              ElementsAre(folder_ / "my_runtime.so"));
  EXPECT_THAT(library_candidates(folder_ / "absent"), IsEmpty());
}

TEST_F(LibraryFolder, SaysWhyACandidateIsUnusable) {
  touch("libonnxruntime.so");
  std::vector<std::string> searched;
  const LoadedLibrary library = load_first({folder_ / "libonnxruntime.so", "libm.so.6"}, searched);
  EXPECT_EQ(library.api, nullptr);
  EXPECT_THAT(searched, ElementsAre(HasSubstr((folder_ / "libonnxruntime.so").string()),
                                    "libm.so.6: not ONNX Runtime"));
}

TEST(Library, IsFoundAndNewEnough) {
  EXPECT_NE(&runtime_api(), nullptr);
  EXPECT_THAT(runtime_version(), MatchesRegex("1\\.[0-9]+\\.[0-9]+.*"));
}

TEST(Processor, NamesOnlyKnownFeaturesEachOnce) {
  std::vector<std::string> features = cpu_features();
  const std::vector<std::string> known = {"avx2",     "avx512f", "avx512_vnni", "avx_vnni",
                                          "amx_int8", "dotprod", "i8mm"};
  for (const std::string& feature : features) {
    EXPECT_NE(std::find(known.begin(), known.end(), feature), known.end()) << feature;
  }
  std::sort(features.begin(), features.end());
  EXPECT_EQ(std::adjacent_find(features.begin(), features.end()), features.end());
#if defined(__x86_64__) && defined(__GNUC__)
  const bool has_avx2 = std::find(features.begin(), features.end(), "avx2") != features.end();
  EXPECT_EQ(has_avx2, __builtin_cpu_supports("avx2") != 0);
#endif
}

}  // namespace
}  // namespace ptq

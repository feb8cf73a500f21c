// Every input that a fuzzer keeps, and some hundred damaged copies of each target's inputs, end in
// data or in a refusal, never in a crash, a hang or a broken promise.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "fuzz/mutate.h"
#include "fuzz/targets.h"

namespace ptq::fuzz {
namespace {

constexpr size_t kMutations = 400;  // of each target

void run(const Target& target, const std::string& bytes) {
  target.run({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
}

std::vector<std::string> corpus_of(const Target& target) {
  const std::filesystem::path folder =
      std::filesystem::path(PTQ_SOURCE_DIR) / "tests/fuzz/corpus" / target.name;
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    paths.push_back(entry.path());
  }
  std::ranges::sort(paths);
  std::vector<std::string> corpus;
  for (const std::filesystem::path& path : paths) {
    std::ostringstream bytes;
    bytes << std::ifstream(path, std::ios::binary).rdbuf();
    corpus.push_back(bytes.str());
  }
  return corpus;
}

class Replay : public ::testing::TestWithParam<Target> {};

TEST_P(Replay, CorpusAndDamagedCopies) {
  const std::vector<std::string> corpus = corpus_of(GetParam());
  ASSERT_FALSE(corpus.empty());
  for (const std::string& bytes : corpus) {
    EXPECT_LE(bytes.size(), 16384U) << "the corpus holds small files";
    run(GetParam(), bytes);
  }
  testing::Random random(20261124);
  for (size_t i = 0; i < kMutations; ++i) {
    run(GetParam(), testing::mutate(corpus[i % corpus.size()], random));
  }
}

INSTANTIATE_TEST_SUITE_P(Fuzz, Replay, ::testing::ValuesIn(targets().begin(), targets().end()),
                         [](const auto& target) { return std::string(target.param.name); });

}  // namespace
}  // namespace ptq::fuzz

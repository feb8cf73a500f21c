#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/hash.h"
#include "ptq/activation_stats.h"
#include "ptq/error.h"

namespace ptq {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

class StatsFile : public testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        fs::path(testing::TempDir()) /
        ("stats_" + std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    path_ = folder_ / "m.ptqstats";
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string bytes() const {
    std::ifstream in(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void put(const std::string& content) const {
    fs::remove(path_);  // rewriting a file in place makes some file systems flush it
    std::ofstream(path_, std::ios::binary) << content;
  }
  // Message of reading the file as it is now; "" when it was read.
  std::string refusal() const {
    try {
      read_stats(path_);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInput);
      EXPECT_THAT(error.what(), Not(HasSubstr("\n")));
      return error.what();
    }
    return "";
  }

  fs::path folder_;
  fs::path path_;
};

ActivationStats example() {
  ActivationStats stats;
  stats.model_fingerprint = std::string(64, 'a');
  stats.runtime_version = "1.31.1";
  stats.preprocessing = "resize 256, crop 224";
  stats.settings = "mask attention_mask";
  stats.shards = {4, 12, {0, 3}};
  for (uint8_t i = 0; i < 5; ++i) {
    stats.sample_hashes.push_back({std::byte{i}});
  }
  stats.strata[""] = {2, {{"zeros", {0.0F, 0.0F}}}};
  stats.strata["dogs"] = {3, {{"conv/output", {-1.5F, 2.0F}}, {"zeros", {0.0F, 0.0F}}}};
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<float> values(300);
  for (float& value : values) {
    value = normal(random);
  }
  values[7] = std::nanf("");
  stats.tensors["conv/output"] = stats_of(values);
  const std::vector<float> positive = {0.0F, 0.5F, 1e-40F, 3e38F};
  stats.tensors["relu\n\xFF weird"] = stats_of(positive);
  const std::vector<float> zeros = {0.0F, -0.0F};
  stats.tensors["zeros"] = stats_of(zeros);
  const std::vector<float> tiny = {-1e-39F, 1e-40F};
  stats.tensors["tiny"] = stats_of(tiny);
  const std::vector<float> nothing = {std::nanf("")};
  stats.tensors["nothing finite"] = stats_of(nothing);
  stats.tensors[""] = stats_of(positive);
  return stats;
}

std::string with_checksum(std::string body) {
  Sha256 hash;
  hash.update(body);
  for (const std::byte byte : hash.digest()) {
    body += static_cast<char>(byte);
  }
  return body;
}

TEST_F(StatsFile, ComesBackAsItWasAndGivesTheSameBytes) {
  write_stats(example(), path_);
  EXPECT_EQ(read_stats(path_), example());
  const std::string first = bytes();
  write_stats(read_stats(path_), path_);
  EXPECT_EQ(bytes(), first);
  write_stats(ActivationStats{}, path_);
  EXPECT_EQ(read_stats(path_), ActivationStats{});
}

// The same as it would come from production.
ActivationStats example_of_production() {
  ActivationStats stats = example();
  stats.shards = {};
  stats.production = Production{.runs = 70, .counted = 7, .samples = 9, .times = {1, 4, 1, 2, 1}};
  stats.strata = {{"", {9, {{"zeros", {0.0F, 0.0F}}}}}};
  return stats;
}

TEST_F(StatsFile, ProductionComesBackAndSaysItsVersion) {
  write_stats(example_of_production(), path_);
  EXPECT_EQ(read_stats(path_), example_of_production());
  EXPECT_EQ(bytes()[8], 3);
  EXPECT_EQ(read_stats(path_).samples(), 9U);
  EXPECT_EQ(read_stats(path_).data_fingerprint(), "");
  write_stats(example(), path_);
  EXPECT_EQ(bytes()[8], 2);
}

TEST_F(StatsFile, RefusesProductionThatContradictsItself) {
  const auto refused = [&](const auto& change) {
    ActivationStats stats = example_of_production();
    change(stats);
    write_stats(stats, path_);
    return refusal();
  };
  EXPECT_EQ(refused([](ActivationStats&) {}), "");
  EXPECT_NE(refused([](ActivationStats& s) { s.production->counted = 71; }), "");
  EXPECT_NE(refused([](ActivationStats& s) { s.production->times[1] = 5; }), "");
  EXPECT_NE(refused([](ActivationStats& s) { s.production->times[1] = 3; }), "");
  EXPECT_NE(refused([](ActivationStats& s) { s.production->times = {0, 4, 2, 2, 1}; }), "");
  EXPECT_NE(refused([](ActivationStats& s) { s.production->samples = 8; }), "");
  EXPECT_NE(refused([](ActivationStats& s) { s.sample_hashes[1] = s.sample_hashes[0]; }), "");
}

TEST_F(StatsFile, KeepsLargeCounts) {
  ActivationStats stats;
  TensorStats& tensor = stats.tensors["x"];
  tensor.count = (1ULL << 48) + 3;
  tensor.histogram.add(LogHistogram::magnitude_key(2.0F), false, 1ULL << 48);
  tensor.histogram.add(0, false, 3);
  tensor.max = 2.0F;
  write_stats(stats, path_);
  EXPECT_EQ(read_stats(path_), stats);
}

TEST_F(StatsFile, RefusesEveryTruncation) {
  write_stats(example(), path_);
  const std::string whole = bytes();
  for (size_t size = 0; size < whole.size(); ++size) {
    put(whole.substr(0, size));
    ASSERT_NE(refusal(), "") << size;
  }
}

TEST_F(StatsFile, RefusesEveryFlippedByteAndBytesBehindTheEnd) {
  write_stats(example(), path_);
  const std::string whole = bytes();
  for (size_t i = 0; i < whole.size(); ++i) {
    std::string changed = whole;
    changed[i] = static_cast<char>(changed[i] ^ (1 << (i % 8)));
    put(changed);
    ASSERT_NE(refusal(), "") << i;
  }
  put(whole + '\0');
  EXPECT_NE(refusal(), "");
}

// With a right checksum the reader itself must stand: any change is refused or gives statistics
// that are written to the same bytes again.
TEST_F(StatsFile, StandsChangesWithARightChecksum) {
  write_stats(example(), path_);
  const std::string whole = bytes();
  const std::string body = whole.substr(0, whole.size() - 32);
  std::mt19937 random(3);
  int read = 0;
  for (int round = 0; round < 4000; ++round) {
    std::string changed = body;
    const size_t at = 8 + random() % (body.size() - 8);
    switch (random() % 3) {
      case 0:
        changed[at] = static_cast<char>(random());
        break;
      case 1:
        changed.erase(at, random() % 5);
        break;
      default:
        changed.insert(at, std::string(1 + random() % 10, static_cast<char>(0xFF)));
        break;
    }
    put(with_checksum(changed));
    if (refusal().empty()) {
      const ActivationStats stats = read_stats(path_);
      ++read;
      for (const auto& [name, tensor] : stats.tensors) {
        EXPECT_EQ(tensor.histogram.total(), tensor.count);
        EXPECT_LE(tensor.min, tensor.max);
      }
    }
  }
  EXPECT_GT(read, 0);
}

TEST_F(StatsFile, RefusesRandomBytesBehindTheMagic) {
  std::mt19937 random(4);
  for (int round = 0; round < 2000; ++round) {
    std::string body = "PTQSTATS\x01";
    for (size_t i = random() % 200; i > 0; --i) {
      body += static_cast<char>(random());
    }
    put(with_checksum(body));
    refusal();  // must come back, whatever it says
  }
}

TEST_F(StatsFile, RefusesExtremesThatContradictTheHistogram) {
  for (const float max : {1.0F, 4.0F, -1.0F}) {
    ActivationStats stats;
    const std::vector<float> values = {0.5F, 2.0F};
    stats.tensors["x"] = stats_of(values);
    stats.tensors["x"].max = max;
    write_stats(stats, path_);
    EXPECT_THAT(refusal(), HasSubstr("contradict")) << max;
  }
}

TEST_F(StatsFile, SaysWhatIsWrong) {
  EXPECT_THAT(refusal(), HasSubstr("found nothing"));
  put("");
  EXPECT_THAT(refusal(), HasSubstr("no statistics file"));
  put("PK\x03\x04 something else that is long enough to hold a checksum of thirty-two bytes");
  EXPECT_THAT(refusal(), HasSubstr("no statistics file"));
  put(with_checksum("PTQSTATS\x07"));
  EXPECT_THAT(refusal(), HasSubstr("found version 7"));
  write_stats(example(), path_);
  std::string changed = bytes();
  changed[20] ^= 1;
  put(changed);
  EXPECT_THAT(refusal(), HasSubstr("checksum"));
  EXPECT_THAT(refusal(), HasSubstr("m.ptqstats"));
}

TEST_F(StatsFile, RefusesAFolder) {
  fs::create_directory(path_);
  EXPECT_THAT(refusal(), HasSubstr("expected a statistics file"));
}

}  // namespace
}  // namespace ptq

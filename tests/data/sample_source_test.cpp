#include "data/sample_source.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/hash.h"
#include "data/npy_writer.h"
#include "data/sample_fixture.h"
#include "ptq/error.h"

namespace ptq {
namespace {

using ::ptq::testing::bytes_of;
using ::ptq::testing::error_of;
using ::ptq::testing::fingerprint_of;
using ::ptq::testing::kImage;
using ::ptq::testing::npy;
using ::ptq::testing::npy_text;
using ::ptq::testing::number_bytes;
using ::ptq::testing::ramp;
using ::ptq::testing::read_all;
using ::ptq::testing::SampleSourceTest;
using ::ptq::testing::write_file;
using ::ptq::testing::write_npz;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(SampleSourceTest, CutsOneNpzIntoRows) {
  write_npz(folder_ / "c.npz", {{"x", npy({3, 2, 2}, ramp(12))}});
  const std::vector<Sample> found = samples(folder_ / "c.npz");
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[2].origin, "c.npz[2]");
  EXPECT_EQ(found[2].inputs.at("x").shape(), (Shape{1, 2, 2}));
  EXPECT_THAT(found[2].inputs.at("x").data<float>(), ElementsAre(8, 9, 10, 11));
  EXPECT_FALSE(found[2].label.has_value());
}

TEST_F(SampleSourceTest, TakesAFolderInBytewiseOrder) {
  write_npz(folder_ / "b.npz", {{"x", npy({1, 2, 2}, ramp(4, 20))}});
  write_npz(folder_ / "B.npz", {{"x", npy({2, 2}, ramp(4, 10))}});
  write_npz(folder_ / "a10.npz", {{"x", npy({1, 2, 2}, ramp(4, 30))}});
  write_npz(folder_ / "a9.npz", {{"x", npy({1, 2, 2}, ramp(4, 40))}});
  write_file(folder_ / "README.txt", "not data");
  write_file(folder_ / "._a9.npz", "hidden");
  std::vector<std::string> origins;
  for (const Sample& sample : samples(folder_.path())) {
    origins.push_back(sample.origin);
    EXPECT_EQ(sample.inputs.at("x").shape(), (Shape{1, 2, 2}));
  }
  EXPECT_THAT(origins, ElementsAre("B.npz", "a10.npz", "a9.npz", "b.npz"));
}

TEST_F(SampleSourceTest, DoesNotDependOnHowRowsAreGroupedIntoFiles) {
  const std::vector<InputSpec> inputs = {{"ids", DType::kInt64, {-1, 3}},
                                         {"x", DType::kFloat, {-1, 2, 2}}};
  const std::vector<std::vector<int64_t>> groupings = {
      {12}, {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, {5, 1, 6}};
  std::vector<std::string> fingerprints;
  std::vector<std::vector<Sample>> all;
  for (size_t g = 0; g < groupings.size(); ++g) {
    const std::filesystem::path sub = folder_ / std::to_string(g);
    std::filesystem::create_directory(sub);
    size_t row = 0;
    for (const int64_t rows : groupings[g]) {
      const auto count = static_cast<size_t>(rows);
      std::vector<int64_t> ids(count * 3);
      std::iota(ids.begin(), ids.end(), static_cast<int64_t>(row * 3));
      const std::vector<float> x = ramp(count * 4, static_cast<float>(row * 4));
      // A lone row also without its sample axis, and the files stored in several ways.
      const bool bare = g == 1 && row % 2 == 0;
      write_npz(sub / (std::string(1, static_cast<char>('a' + row)) + ".npz"),
                {{"x", bare ? npy({2, 2}, x) : npy({rows, 2, 2}, x)}, {"ids", npy({rows, 3}, ids)}},
                /*deflate=*/g == 2);
      row += count;
    }
    const auto source = open_data({sub.string()}, inputs, {});
    all.push_back(read_all(*source));
    fingerprints.push_back(fingerprint_of(all[g]));
    ASSERT_EQ(all[g].size(), 12U);
  }
  EXPECT_EQ(fingerprints[0].size(), 64U);
  for (size_t g = 1; g < groupings.size(); ++g) {
    EXPECT_EQ(fingerprints[g], fingerprints[0]);
    for (size_t i = 0; i < 12; ++i) {
      for (const char* name : {"x", "ids"}) {
        const Tensor& a = all[g][i].inputs.at(name);
        const Tensor& b = all[0][i].inputs.at(name);
        EXPECT_EQ(a.shape(), b.shape());
        EXPECT_TRUE(std::ranges::equal(a.bytes(), b.bytes())) << g << " " << i << " " << name;
      }
    }
  }
}

TEST_F(SampleSourceTest, FingerprintFollowsTheDocumentedBytes) {
  write_npz(folder_ / "c.npz", {{"x", npy({2, 2, 2}, ramp(8))}});
  std::vector<std::string> digests;
  for (const float first : {0.0F, 4.0F}) {
    Sha256 hash;
    hash.update(number_bytes(1, 8) + number_bytes(1, 8) + "x" + number_bytes(1, 8) +
                number_bytes(3, 8) + number_bytes(1, 8) + number_bytes(2, 8) + number_bytes(2, 8) +
                number_bytes(16, 8) + bytes_of(ramp(4, first)));
    const Digest digest = hash.digest();
    digests.emplace_back(reinterpret_cast<const char*>(digest.data()), digest.size());
  }
  std::ranges::sort(digests, [](const std::string& a, const std::string& b) {
    return std::memcmp(a.data(), b.data(), a.size()) < 0;
  });
  Sha256 all;
  all.update("ptq.samples/2\n" + digests[0] + digests[1]);
  EXPECT_EQ(fingerprint_of(samples(folder_ / "c.npz")), all.hex());
}

TEST_F(SampleSourceTest, FingerprintChangesWithValuesButNotWithOrder) {
  const auto fingerprint = [&](const std::vector<float>& values) {
    write_npz(folder_ / "c.npz", {{"x", npy({2, 2, 2}, values)}});
    return fingerprint_of(samples(folder_ / "c.npz"));
  };
  const std::string base = fingerprint({0, 1, 2, 3, 4, 5, 6, 7});
  EXPECT_EQ(fingerprint({4, 5, 6, 7, 0, 1, 2, 3}), base);
  EXPECT_NE(fingerprint({-0.0F, 1, 2, 3, 4, 5, 6, 7}), base);
  EXPECT_NE(fingerprint({0, 1, 2, 3, 0, 1, 2, 3}), base);
}

TEST_F(SampleSourceTest, CutsToTheBatchThatTheModelFixes) {
  const std::vector<InputSpec> inputs = {{"x", DType::kFloat, {2, 3}}};
  write_npz(folder_ / "c.npz", {{"x", npy({4, 3}, ramp(12))}});
  const std::vector<Sample> found = samples(folder_ / "c.npz", inputs);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_THAT(found[1].inputs.at("x").data<float>(), ElementsAre(6, 7, 8, 9, 10, 11));
  write_npz(folder_ / "r.npz", {{"x", npy({5, 3}, ramp(15))}});
  EXPECT_THAT(opening_refusal(folder_ / "r.npz", inputs),
              AllOf(HasSubstr("r.npz"), HasSubstr("2 rows"), HasSubstr("5 rows")));
}

TEST_F(SampleSourceTest, RepeatsScalarsForEverySample) {
  const std::vector<InputSpec> inputs = {
      {"x", DType::kFloat, {-1, 2}}, {"scale", DType::kFloat, {}}, {"length", DType::kInt64, {1}}};
  write_npz(folder_ / "c.npz", {{"x", npy({3, 2}, ramp(6))},
                                {"scale", npy<float>({}, {0.5F})},
                                {"length", npy<int64_t>({}, {9})}});
  for (const Sample& sample : samples(folder_ / "c.npz", inputs)) {
    EXPECT_EQ(sample.inputs.at("scale").shape(), Shape{});
    EXPECT_THAT(sample.inputs.at("scale").data<float>(), ElementsAre(0.5F));
    EXPECT_EQ(sample.inputs.at("length").shape(), Shape{1});
    EXPECT_THAT(sample.inputs.at("length").data<int64_t>(), ElementsAre(9));
  }
  const std::vector<InputSpec> scalar = {{"scale", DType::kFloat, {}}};
  EXPECT_EQ(samples(folder_ / "c.npz", scalar).size(), 1U);
}

TEST_F(SampleSourceTest, ReadsNpyForOneInput) {
  write_file(folder_ / "a.npy", npy({2, 2, 2}, ramp(8)));
  write_file(folder_ / "b.npy", npy({2, 2}, ramp(4, 8)));
  EXPECT_EQ(samples(folder_ / "a.npy").size(), 2U);
  const std::vector<Sample> found = samples(folder_.path());
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[1].origin, "a.npy[1]");
  EXPECT_EQ(found[2].origin, "b.npy");
  const std::vector<InputSpec> two = {{"x", DType::kFloat, {-1, 2, 2}},
                                      {"y", DType::kFloat, {-1, 2, 2}}};
  EXPECT_THAT(opening_refusal(folder_ / "a.npy", two),
              AllOf(HasSubstr("carries no name"), HasSubstr("'y' (float32 [?,2,2])")));
}

TEST_F(SampleSourceTest, ReadsFortranAndBigEndianArrays) {
  write_file(folder_ / "f.npy", npy_text("<f4", {2, 2, 2}, bytes_of(ramp(8)), /*fortran=*/true));
  EXPECT_THAT(samples(folder_ / "f.npy")[1].inputs.at("x").data<float>(), ElementsAre(1, 5, 3, 7));
  std::string swapped = bytes_of(ramp(4));
  for (size_t i = 0; i < swapped.size(); i += 4) {
    std::reverse(swapped.begin() + static_cast<std::ptrdiff_t>(i),
                 swapped.begin() + static_cast<std::ptrdiff_t>(i) + 4);
  }
  write_file(folder_ / "b.npy", npy_text(">f4", {1, 2, 2}, swapped));
  EXPECT_THAT(samples(folder_ / "b.npy")[0].inputs.at("x").data<float>(), ElementsAre(0, 1, 2, 3));
}

TEST_F(SampleSourceTest, SamplesStayValidWhenTheSourceIsGone) {
  write_npz(folder_ / "c.npz", {{"x", npy({2, 2, 2}, ramp(8))}}, true);
  std::optional<Sample> sample = open_data({(folder_ / "c.npz").string()}, kImage, {})->next();
  EXPECT_THAT(sample->inputs.at("x").data<float>(), ElementsAre(0, 1, 2, 3));
}

TEST_F(SampleSourceTest, StopsAtMaxSamples) {
  write_npz(folder_ / "a.npz", {{"x", npy({3, 2, 2}, ramp(12))}});
  write_npz(folder_ / "b.npz", {{"x", npy({3, 2, 2}, ramp(12, 12))}});
  EXPECT_EQ(samples(folder_.path(), kImage, {.max_samples = 4}).size(), 4U);
  EXPECT_EQ(samples(folder_.path(), kImage, {.max_samples = 99}).size(), 6U);
  // The prefix has the fingerprint of a set that holds nothing else.
  EXPECT_EQ(fingerprint_of(samples(folder_.path(), kImage, {.max_samples = 3})),
            fingerprint_of(samples(folder_ / "a.npz")));
  refusal(folder_.path(), kImage, {.max_samples = -1}, ErrorCode::kUsage);
}

TEST_F(SampleSourceTest, CountsStrataAndNumbersFiles) {
  for (const char* name : {"b", "a"}) {
    std::filesystem::create_directory(folder_ / name);
    write_npz(folder_ / (std::string(name) + "/1.npz"), {{"x", npy({2, 2, 2}, ramp(8))}});
  }
  write_npz(folder_ / "0.npz", {{"x", npy({1, 2, 2}, ramp(4))}});
  const auto source = open_data({folder_.path().string()}, kImage, {.max_samples = 4});
  std::string found;
  while (const std::optional<Sample> sample = source->next()) {
    found += sample->stratum + std::to_string(sample->sequence) + " ";
  }
  EXPECT_EQ(found, "0 a1 a1 b2 ");
  EXPECT_THAT(source->strata(),
              ElementsAre(std::pair("", 1), std::pair("a", 2), std::pair("b", 1)));
  EXPECT_EQ(source->preprocessing(), "");
}

TEST_F(SampleSourceTest, RefusesOptionsThatTheFormatHasNoUseFor) {
  write_npz(folder_ / "a.npz", {{"x", npy({1, 2, 2}, ramp(4))}});
  for (const DataOptions& options :
       {DataOptions{.image_spec = "yolo"}, DataOptions{.skip_bad = true}, DataOptions{.pad_id = 0},
        DataOptions{.pad_to = 8}, DataOptions{.truncate = 8}, DataOptions{.pad_to = -1}}) {
    refusal(folder_ / "a.npz", kImage, options, ErrorCode::kUsage);
  }
}

TEST_F(SampleSourceTest, GivesLabels) {
  write_npz(folder_ / "a.npz", {{"x", npy({2, 2, 2}, ramp(8))}, {"y", npy<int32_t>({2}, {7, -3})}});
  const DataOptions options = {.label_key = "y"};
  const std::vector<Sample> found = samples(folder_ / "a.npz", kImage, options);
  EXPECT_EQ(found[0].label, 7);
  EXPECT_EQ(found[1].label, -3);
  EXPECT_THAT(refusal(folder_ / "a.npz", kImage, {.label_key = "z"}),
              HasSubstr("expected key 'z', found 'x', 'y'"));
  write_npz(folder_ / "b.npz",
            {{"x", npy({2, 2, 2}, ramp(8))}, {"y", npy<int64_t>({3}, {1, 2, 3})}});
  EXPECT_THAT(refusal(folder_ / "b.npz", kImage, options), HasSubstr("labels of shape [2]"));
  write_npz(folder_ / "b.npz", {{"x", npy({2, 2, 2}, ramp(8))}, {"y", npy<float>({2}, {1, 2})}});
  EXPECT_THAT(refusal(folder_ / "b.npz", kImage, options), HasSubstr("found float32 [2]"));
  write_npz(folder_ / "b.npz",
            {{"x", npy({1, 2, 2}, ramp(4))}, {"y", npy<uint64_t>({1}, {uint64_t{1} << 63})}});
  EXPECT_THAT(refusal(folder_ / "b.npz", kImage, options), HasSubstr("does not fit into int64"));
}

TEST_F(SampleSourceTest, WarnsOfFewIdenticalAndConstantSamples) {
  const auto warnings = [&](int64_t count, const std::vector<float>& values) {
    write_npz(folder_ / "c.npz", {{"x", npy({count, 2, 2}, values)}});
    const auto source = open_data({(folder_ / "c.npz").string()}, kImage, {});
    read_all(*source);
    return source->warnings();
  };
  EXPECT_THAT(warnings(16, ramp(64)), ElementsAre());
  EXPECT_THAT(warnings(1, ramp(4)), ElementsAre(HasSubstr("only 1 sample:")));
  std::vector<float> same;
  for (int i = 0; i < 16; ++i) {
    same.insert(same.end(), {1, 2, 3, 4});
  }
  EXPECT_THAT(warnings(16, same), ElementsAre(HasSubstr("all 16 samples are identical")));
  std::vector<float> blank = ramp(64);
  std::fill(blank.begin() + 8, blank.begin() + 12, 5.0F);
  EXPECT_THAT(warnings(16, blank),
              ElementsAre(AllOf(HasSubstr("in 1 of 16 samples"), HasSubstr("c.npz[2]"))));
}

TEST(InputSpecs, LeaveOutInitializers) {
  Graph graph;
  graph.inputs.resize(2);
  graph.inputs[0].name = "x";
  graph.inputs[0].dtype = DType::kFloat;
  graph.inputs[0].has_shape = true;
  graph.inputs[0].shape = {-1, 3};
  graph.inputs[1].name = "w";
  graph.initializers.push_back({"w", Tensor::scalar(1.0F), ""});
  const std::vector<InputSpec> specs = input_specs(graph);
  ASSERT_EQ(specs.size(), 1U);
  EXPECT_EQ(specs[0].name, "x");
  EXPECT_EQ(specs[0].dtype, DType::kFloat);
  EXPECT_EQ(specs[0].shape, (Shape{-1, 3}));
  EXPECT_TRUE(specs[0].has_shape);
}

TEST(InputSpecs, KnowHowManyRowsIdsMayLookUp) {
  Graph graph;
  for (const char* name : {"ids", "types", "free"}) {
    graph.inputs.emplace_back();
    graph.inputs.back().name = name;
    graph.inputs.back().dtype = DType::kInt64;
  }
  graph.initializers.push_back({"words", Tensor(DType::kFloat, {30, 4}), ""});
  graph.initializers.push_back({"fewer", Tensor(DType::kFloat, {4, 7}), ""});
  const auto gather = [&graph](const char* table, const char* ids, int64_t axis) {
    Node node;
    node.op_type = "Gather";
    node.inputs = {table, ids};
    node.outputs = {std::string(table) + ids};
    node.set_attribute("axis", axis);
    graph.nodes.push_back(node);
  };
  gather("words", "ids", 0);
  gather("fewer", "ids", 1);
  gather("words", "types", 0);
  gather("free", "free", 0);
  const std::vector<InputSpec> specs = input_specs(graph);
  EXPECT_EQ(specs[0].id_limit, 7);
  EXPECT_EQ(specs[1].id_limit, 30);
  EXPECT_EQ(specs[2].id_limit, 0);
}

TEST_F(SampleSourceTest, RefusesIdsBeyondTheTable) {
  InputSpec spec{"ids", DType::kInt64, {-1, 2}};
  spec.id_limit = 7;
  write_npz(folder_ / "a.npz", {{"ids", npy<int64_t>({2, 2}, {0, 6, -7, 3})}});
  EXPECT_EQ(samples(folder_ / "a.npz", {spec}).size(), 2U);
  write_npz(folder_ / "b.npz", {{"ids", npy<int64_t>({2, 2}, {0, 6, 2, 7})}});
  EXPECT_THAT(refusal(folder_ / "b.npz", {spec}),
              ::testing::AllOf(HasSubstr("the id 7 at index [1,1]"), HasSubstr("has 7 rows"),
                               HasSubstr("PTQ-S023")));
  write_file(folder_ / "b.jsonl", "{\"ids\":[0,6]}\n{\"ids\":[0,9]}\n");
  EXPECT_THAT(refusal(folder_ / "b.jsonl", {spec}), HasSubstr("line 2: input 'ids' has the id 9"));
}

}  // namespace
}  // namespace ptq

// Data that does not fit the model or is no data at all.

#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/npy_writer.h"
#include "data/sample_fixture.h"
#include "ptq/error.h"

namespace ptq {
namespace {

using ::ptq::testing::error_of;
using ::ptq::testing::kImage;
using ::ptq::testing::npy;
using ::ptq::testing::ramp;
using ::ptq::testing::write_file;
using ::ptq::testing::write_npz;
using ::testing::HasSubstr;

class SampleRefusal : public ::ptq::testing::SampleSourceTest {};

TEST_F(SampleRefusal, RefusesMissingKeysAndIgnoresOthers) {
  write_npz(folder_ / "c.npz", {{"arr_0", npy({1, 2, 2}, ramp(4))}, {"meta", "no array at all"}});
  EXPECT_THAT(opening_refusal(folder_ / "c.npz"),
              AllOf(HasSubstr("c.npz"), HasSubstr("expected keys 'x' (float32 [?,2,2])"),
                    HasSubstr("found 'arr_0', 'meta'"), HasSubstr("{\"x\": x}")));
  write_npz(folder_ / "d.npz", {{"meta", "no array at all"}, {"x", npy({1, 2, 2}, ramp(4))}});
  EXPECT_EQ(samples(folder_ / "d.npz").size(), 1U);
}

TEST_F(SampleRefusal, RefusesArraysThatDisagreeAboutTheNumberOfSamples) {
  const std::vector<InputSpec> inputs = {{"x", DType::kFloat, {-1, 2}}, {"y", DType::kFloat, {-1}}};
  write_npz(folder_ / "c.npz", {{"x", npy({3, 2}, ramp(6))}, {"y", npy({4}, ramp(4))}});
  EXPECT_THAT(opening_refusal(folder_ / "c.npz", inputs),
              AllOf(HasSubstr("key 'y'"), HasSubstr("gives 4 samples, but 'x' gives 3")));
}

TEST_F(SampleRefusal, RefusesWrongRankDimensionAndTypeAtOpening) {
  write_npz(folder_ / "a.npz", {{"x", npy({1, 2, 2}, ramp(4))}});
  write_npz(folder_ / "b.npz", {{"x", npy({1, 2, 3}, ramp(6))}});
  EXPECT_THAT(opening_refusal(folder_.path()),
              AllOf(HasSubstr("b.npz: key 'x'"), HasSubstr("[?,2,2]"), HasSubstr("[1,2,3]")));
  write_npz(folder_ / "b.npz", {{"x", npy({4}, ramp(4))}});
  EXPECT_THAT(opening_refusal(folder_.path()), HasSubstr("rank 1 instead of 3"));
  write_npz(folder_ / "b.npz", {{"x", npy<double>({1, 2, 2}, {1, 2, 3, 4})}});
  EXPECT_THAT(opening_refusal(folder_.path()), HasSubstr("x.astype(numpy.float32)"));
  const std::vector<InputSpec> text = {{"x", DType::kString, {-1}}};
  EXPECT_THAT(opening_refusal(folder_.path(), text), HasSubstr("npy files cannot hold that type"));
}

TEST_F(SampleRefusal, RefusesNanAndInfinityAndNamesThePlace) {
  for (const float bad : {std::nanf(""), -std::numeric_limits<float>::infinity()}) {
    std::vector<float> values = ramp(12);
    values[9] = bad;
    write_npz(folder_ / "c.npz", {{"x", npy({3, 2, 2}, values)}});
    EXPECT_THAT(refusal(folder_ / "c.npz"),
                AllOf(HasSubstr("c.npz: key 'x'"), HasSubstr("at index [2,0,1]")));
    const DataOptions allow = {.max_samples = 0, .allow_nonfinite = true};
    EXPECT_EQ(samples(folder_ / "c.npz", kImage, allow).size(), 3U);
  }
}

TEST_F(SampleRefusal, RefusesPathsWithoutSamples) {
  EXPECT_THAT(opening_refusal(folder_ / "nowhere"), HasSubstr("nowhere: no such file or folder"));
  EXPECT_THAT(opening_refusal(folder_.path()), HasSubstr("found an empty folder"));
  write_file(folder_ / "cat.gif", "x");
  EXPECT_THAT(opening_refusal(folder_.path()), HasSubstr("only such as 'cat.gif'"));
  EXPECT_THAT(
      opening_refusal(folder_ / "cat.gif"),
      HasSubstr("expected .npz, .npy, .safetensors, .jsonl, images (.jpg, .png) or test_data_set_N "
                "folders"));
  write_file(folder_ / "e.npy", npy<float>({0, 2, 2}, {}));
  EXPECT_THAT(opening_refusal(folder_ / "e.npy"), HasSubstr("no rows"));
  write_npz(folder_ / "a.npz", {{"x", npy({1, 2, 2}, ramp(4))}});
  EXPECT_THAT(opening_refusal(folder_.path()), HasSubstr("found 1 .npz and 1 .npy"));
  EXPECT_THAT(opening_refusal(folder_ / "a.npz", {}), HasSubstr("no inputs"));
  write_file(folder_ / "none.npz", testing::zip_bytes({}));
  EXPECT_THAT(opening_refusal(folder_ / "none.npz"), HasSubstr("found none"));
}

TEST_F(SampleRefusal, RefusesEndlessSamplesWithoutValues) {
  const std::vector<InputSpec> inputs = {{"x", DType::kFloat, {-1, -1}}};
  write_file(folder_ / "e.npy", npy<float>({int64_t{1} << 60, 0}, {}));
  EXPECT_THAT(opening_refusal(folder_ / "e.npy", inputs), HasSubstr("no values at all"));
}

TEST_F(SampleRefusal, RefusesDataThatChangesDuringTheRun) {
  write_npz(folder_ / "a.npz", {{"x", npy({2, 2, 2}, ramp(8))}});
  const auto source = open_data({folder_.path().string()}, kImage, {});
  write_npz(folder_ / "a.npz", {{"x", npy({1, 2, 2}, ramp(4))}});
  EXPECT_THAT(error_of([&] { source->next(); }), HasSubstr("held 2 samples at first, holds 1"));
  std::filesystem::remove(folder_ / "a.npz");
  EXPECT_THAT(error_of([&] { open_data({(folder_ / "a.npz").string()}, kImage, {}); }),
              HasSubstr("no such file"));
}

}  // namespace
}  // namespace ptq

// Samples as files: how they are grouped must not matter, and what is wrong with them must be
// named.

#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/random_images.h"
#include "cli/run_ptq.h"
#include "data/npy_writer.h"

namespace ptq::testing {
namespace {

using ::testing::HasSubstr;

const std::string kModel = data_file("fashion_resnet.onnx");

TEST(Samples, GroupingIntoFilesDoesNotChangeAByte) {
  const TemporaryFolder folder;
  const std::vector<float> images = random_images(24);
  for (const int64_t rows : {1, 5, 24}) {
    const std::string name = std::to_string(rows);
    write_batches(folder.file("d" + name), images, rows);
    ASSERT_EQ(run_ptq({"calibrate", kModel, "--data", "d" + name, "-o", name + ".ptqstats"},
                      folder.path())
                  .exit_code,
              0);
    ASSERT_EQ(
        run_ptq({"quantize", kModel, "--data", "d" + name, "-o", name + ".onnx"}, folder.path())
            .exit_code,
        0);
    EXPECT_EQ(read_file(folder.file(name + ".ptqstats")), read_file(folder.file("1.ptqstats")));
    EXPECT_EQ(read_file(folder.file(name + ".onnx")), read_file(folder.file("1.onnx")));
  }
}

TEST(Samples, WhatIsWrongIsNamedAndNothingIsWritten) {
  const TemporaryFolder folder;
  std::vector<float> images = random_images(2);
  write_npz(folder.file("name.npz"), {{"img", npy<float>({2, 1, 28, 28}, images)}});
  write_npz(folder.file("rank.npz"), {{"image", npy<float>({2, kPixels}, images)}});
  write_npz(folder.file("dim.npz"), {{"image", npy<float>({2, 1, 14, 56}, images)}});
  write_npz(folder.file("type.npz"),
            {{"image", npy<double>({1, 1, 28, 28}, std::vector<double>(kPixels, 1.0))}});
  images[kPixels + 3] = std::numeric_limits<float>::quiet_NaN();
  write_npz(folder.file("nan.npz"), {{"image", npy<float>({2, 1, 28, 28}, images)}});
  const std::vector<std::pair<std::string, std::string>> cases = {{"name.npz", "img"},
                                                                  {"rank.npz", "rank"},
                                                                  {"dim.npz", "[2,1,14,56]"},
                                                                  {"type.npz", "float64"},
                                                                  {"nan.npz", "[1,0,0,3]"}};
  for (const auto& [file, word] : cases) {
    const ProgramRun run =
        run_ptq({"quantize", kModel, "--data", file, "-o", "out.onnx"}, folder.path());
    EXPECT_EQ(run.exit_code, 3) << file;
    EXPECT_THAT(run.err, HasSubstr(file));
    EXPECT_THAT(run.err, HasSubstr("image")) << "the tensor is not named";
    EXPECT_THAT(run.err, HasSubstr(word));
    EXPECT_FALSE(std::filesystem::exists(folder.file("out.onnx")));
  }
}

}  // namespace
}  // namespace ptq::testing

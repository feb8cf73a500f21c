// Samples as files: how they are grouped must not matter, and what is wrong with them must be
// named.

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/run_ptq.h"
#include "data/npy_writer.h"

namespace ptq::testing {
namespace {

using ::testing::HasSubstr;

const std::string kModel = data_file("fashion_resnet.onnx");
constexpr int64_t kPixels = int64_t{28} * 28;

std::vector<float> random_images(int64_t count) {
  std::mt19937 generator(11);
  std::uniform_int_distribution<int> pixel(0, 255);
  std::vector<float> values(static_cast<size_t>(count * kPixels));
  for (float& value : values) {
    value = static_cast<float>(pixel(generator));
  }
  return values;
}

// `images` split into .npz files of `rows` images each.
void write_batches(const std::string& folder, const std::vector<float>& images, int64_t rows) {
  std::filesystem::create_directory(folder);
  const int64_t count = static_cast<int64_t>(images.size()) / kPixels;
  for (int64_t first = 0; first < count; first += rows) {
    const int64_t size = std::min(rows, count - first);
    const std::vector<float> part(images.begin() + first * kPixels,
                                  images.begin() + (first + size) * kPixels);
    const std::string number = std::to_string(1000 + first);
    write_npz(folder + "/" + number + ".npz", {{"image", npy<float>({size, 1, 28, 28}, part)}});
  }
}

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

// Starts `ptq calibrate -v`, waits until it says how far it is (so that it is at work), and signals
// it.
int exit_code_after_signal(const std::string& folder, int signal) {
  int channel[2];
  EXPECT_EQ(pipe(channel), 0);
  const pid_t child = fork();
  if (child == 0) {
    if (dup2(channel[1], STDERR_FILENO) < 0 || chdir(folder.c_str()) != 0) {
      _exit(127);
    }
    close(channel[0]);
    execl(PTQ_CLI, PTQ_CLI, "calibrate", kModel.c_str(), "--data", "many", "-o", "s.ptqstats", "-v",
          "--threads", "1", static_cast<char*>(nullptr));
    _exit(127);
  }
  close(channel[1]);
  std::string said;
  char byte = 0;
  while (said.find("calibrating") == std::string::npos && read(channel[0], &byte, 1) == 1) {
    said += byte;
  }
  kill(child, signal);
  int status = 0;
  waitpid(child, &status, 0);
  close(channel[0]);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

TEST(Samples, AnInterruptLeavesNothingBehind) {
  const TemporaryFolder folder;
  write_batches(folder.file("many"), random_images(4000), 2000);
  EXPECT_EQ(exit_code_after_signal(folder.path(), SIGTERM), 143);
  EXPECT_EQ(exit_code_after_signal(folder.path(), SIGINT), 130);
  EXPECT_EQ(folder.list(), std::vector<std::string>{"many"});
}

}  // namespace
}  // namespace ptq::testing

#include "data/npz_writer.h"

#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/array_file.h"
#include "data/npy_writer.h"
#include "ptq/error.h"

namespace ptq {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string bytes_of_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

std::map<std::string, Tensor> some_arrays() {
  return {{"images:0", Tensor::from<float>({2, 3}, std::vector<float>{1, 2, 3, 4, 5, -6.5F})},
          {"ids", Tensor::from<int64_t>({1, 4}, std::vector<int64_t>{7, -1, 0, 1LL << 40})},
          {"rate", Tensor::scalar<int64_t>(16000)}};
}

TEST(NpzWriter, IsReadBack) {
  const testing::TempFolder folder;
  write_npz(folder / "a.npz", some_arrays());
  const std::unique_ptr<ArrayFile> file = open_array_file(folder / "a.npz");
  EXPECT_THAT(file->keys(), ElementsAre("ids", "images:0", "rate"));
  for (const auto& [name, tensor] : some_arrays()) {
    const Tensor read = file->open_array(name)->read_whole();
    EXPECT_EQ(read.dtype(), tensor.dtype());
    EXPECT_EQ(read.shape(), tensor.shape());
    EXPECT_TRUE(std::ranges::equal(read.bytes(), tensor.bytes()));
  }
}

TEST(NpzWriter, SameArraysSameBytes) {
  const testing::TempFolder folder;
  write_npz(folder / "a.npz", some_arrays());
  write_npz(folder / "b.npz", some_arrays());
  EXPECT_EQ(bytes_of_file(folder / "a.npz"), bytes_of_file(folder / "b.npz"));
}

TEST(NpzWriter, RefusesWhatNpyLacksAndLeavesNothing) {
  const testing::TempFolder folder;
  const auto write = [&] { write_npz(folder / "a.npz", {{"x", Tensor(DType::kBfloat16, {2})}}); };
  EXPECT_THAT(testing::error_of(write, ErrorCode::kUsage), HasSubstr("no element type for bfloat16"));
  EXPECT_FALSE(std::filesystem::exists(folder / "a.npz"));
}

}  // namespace
}  // namespace ptq

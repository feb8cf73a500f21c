#include "data/array_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "data/npy_writer.h"
#include "ptq/error.h"

namespace ptq {
namespace {

using ::ptq::testing::error_of;
using ::ptq::testing::npy;
using ::ptq::testing::write_file;
using ::ptq::testing::write_npz;
using ::ptq::testing::zip_bytes;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ArrayFileTest : public ::testing::Test {
 protected:
  // Opens hand-made zip bytes and reads array "x" whole.
  std::string refusal(const std::string& bytes) {
    write_file(path_, bytes);
    return error_of([&] { open_array_file(path_)->open_array("x")->read_whole(); });
  }

  testing::TempFolder folder_;
  const std::filesystem::path path_ = folder_ / "a.npz";
  const std::string array_ = npy<float>({2, 2}, {1, 2, 3, 4});
};

TEST_F(ArrayFileTest, ReadsZip64) {
  // By Python's zipfile with force_zip64, as numpy does for arrays that may be large.
  std::filesystem::copy_file(PTQ_SOURCE_DIR "/tests/fuzz/corpus/npz/zip64", path_);
  const Tensor x = open_array_file(path_)->open_array("x")->read_whole();
  EXPECT_EQ(x.shape(), (Shape{3, 2, 2}));
  EXPECT_THAT(x.data<float>(), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11));
}

TEST_F(ArrayFileTest, ReadsStoredAndDeflatedMembers) {
  for (const bool deflate : {false, true}) {
    write_npz(path_, {{"x", array_}, {"model/in:0", npy<int64_t>({1}, {-5})}}, deflate);
    const auto file = open_array_file(path_);
    EXPECT_THAT(file->keys(), ElementsAre("x", "model/in:0"));
    // Two arrays of one archive, read in turns.
    const auto x = file->open_array("x");
    const auto y = file->open_array("model/in:0");
    EXPECT_THAT(x->read_rows(1).data<float>(), ElementsAre(1, 2));
    EXPECT_THAT(y->read_rows(1).data<int64_t>(), ElementsAre(-5));
    EXPECT_THAT(x->read_rows(1).data<float>(), ElementsAre(3, 4));
  }
}

TEST_F(ArrayFileTest, ReadersOutliveTheFile) {
  write_npz(path_, {{"x", array_}}, true);
  const auto reader = open_array_file(path_)->open_array("x");
  EXPECT_THAT(reader->read_whole().data<float>(), ElementsAre(1, 2, 3, 4));
}

TEST_F(ArrayFileTest, ReadsHandMadeZipAndLeavesOtherMembersAlone) {
  write_file(path_, zip_bytes({{"readme.txt", "hello"}, {"x.npy", array_}}));
  EXPECT_THAT(open_array_file(path_)->keys(), ElementsAre("x"));
  EXPECT_EQ(refusal(zip_bytes({{"x.npy", array_}})), "<nothing thrown>");
}

TEST_F(ArrayFileTest, RefusesHostileDirectories) {
  EXPECT_THAT(refusal(zip_bytes({{"x.npy", array_}, {"x.npy", array_}})),
              HasSubstr("key 'x' is there twice"));
  EXPECT_THAT(refusal(zip_bytes({{"x.npy", array_}, {"../../y.npy", array_}})),
              HasSubstr("points outside"));
  EXPECT_THAT(refusal(zip_bytes({{.name = "x.npy", .content = array_, .flags = 1}})),
              HasSubstr("encrypted"));
  EXPECT_THAT(refusal(zip_bytes({{.name = "x.npy", .content = array_, .method = 12}})),
              HasSubstr("compression method 12"));
}

TEST_F(ArrayFileTest, RefusesSizesThatCannotBeBeforeTakingMemory) {
  const int64_t huge = 0xf0000000;
  EXPECT_THAT(refusal(zip_bytes({{.name = "x.npy", .content = array_, .declared_size = huge}})),
              HasSubstr("zip bomb"));
  EXPECT_THAT(refusal(zip_bytes(
                  {{.name = "x.npy", .content = array_, .method = 8, .declared_size = huge}})),
              HasSubstr("zip bomb"));
  EXPECT_THAT(
      refusal(zip_bytes(
          {{.name = "x.npy", .content = array_, .declared_size = huge, .stored_size = huge}})),
      HasSubstr("zip bomb"));
}

TEST_F(ArrayFileTest, RefusesMembersThatHoldOtherBytesThanDeclared) {
  EXPECT_THAT(refusal(zip_bytes({{.name = "x.npy", .content = array_, .wrong_crc = true}})),
              HasSubstr("is damaged"));
  const auto less = static_cast<int64_t>(array_.size()) - 4;
  EXPECT_THAT(
      refusal(zip_bytes(
          {{.name = "x.npy", .content = array_, .declared_size = less, .stored_size = less}})),
      HasSubstr("float32 [2,2] takes 16 bytes, but 12 follow"));
  EXPECT_THAT(refusal(zip_bytes({{.name = "x.npy", .content = array_, .method = 8}})),
              HasSubstr("is damaged"));
}

TEST_F(ArrayFileTest, RefusesTruncatedArchivesAtEveryLength) {
  write_npz(path_, {{"x", array_}}, true);
  std::string bytes(std::filesystem::file_size(path_), '\0');
  std::ifstream(path_, std::ios::binary)
      .read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_THAT(refusal(bytes.substr(0, size)), HasSubstr("a.npz")) << size;
  }
}

TEST_F(ArrayFileTest, SaysWhatAWrongFileLooksLike) {
  EXPECT_THAT(refusal(""), HasSubstr("0 bytes"));
  EXPECT_THAT(refusal(array_), HasSubstr("found an npy array"));
  EXPECT_THAT(refusal("version https://git-lfs.github.com/spec/v1\noid"), HasSubstr("Git LFS"));
  EXPECT_THAT(refusal("PK\x03\x04 something"), HasSubstr("cut short or damaged"));
  EXPECT_THAT(refusal("random text"), HasSubstr("something else"));
}

TEST_F(ArrayFileTest, RefusesWhatIsNoRegularFile) {
  EXPECT_THAT(error_of([&] { open_array_file(folder_ / "missing.npz"); }),
              HasSubstr("no such file"));
  std::filesystem::create_directory(folder_ / "d.npy");
  EXPECT_THAT(error_of([&] { open_array_file(folder_ / "d.npy"); }), HasSubstr("found a folder"));
  const std::filesystem::path pipe = folder_ / "p.npz";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_THAT(error_of([&] { open_array_file(pipe); }), HasSubstr("a device or pipe"));
  write_file(folder_ / "image.jpg", "x");
  EXPECT_THAT(error_of([&] { open_array_file(folder_ / "image.jpg"); }),
              HasSubstr(".npz, .npy or .safetensors"));
}

}  // namespace
}  // namespace ptq

// Data files with random damage end in samples or in an Error of one line, never in a crash, a hang
// or much memory. Run under the address sanitizer in the asan preset.

#include <gtest/gtest.h>

#include "data/image_decode.h"
#include "data/labels.h"
#include "data/npy_writer.h"
#include "data/sample_source.h"
#include "data/tensor_writer.h"
#include "fuzz/mutate.h"
#include "ptq/error.h"

namespace ptq {
namespace {

using ::ptq::testing::mutate;
using ::ptq::testing::Random;

std::string read_file(const std::filesystem::path& path) {
  std::string bytes(std::filesystem::file_size(path), '\0');
  std::ifstream(path, std::ios::binary)
      .read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  return bytes;
}

class MutationTest : public ::testing::Test {
 protected:
  // Reads damaged copies of `bytes`; counts how many gave samples and how many an Error.
  void run(const std::string& name, const std::string& bytes, const std::vector<InputSpec>& inputs,
           int rounds) {
    Random random(20240607);
    const std::filesystem::path path = folder_ / name;
    const DataOptions options = {
        .label_key = name.ends_with("z") ? "y" : "", .max_samples = 1000, .allow_nonfinite = true};
    int accepted = 0;
    int refused = 0;
    for (int i = 0; i < rounds; ++i) {
      testing::write_file(path, i == 0 ? bytes : mutate(bytes, random));
      try {
        const bool in_folder = name.ends_with(".pb");
        const auto source =
            open_data({(in_folder ? path.parent_path() : path).string()}, inputs, options);
        size_t count = 0;
        while (const std::optional<Sample> sample = source->next()) {
          ++count;
          for (const InputSpec& spec : inputs) {
            const Tensor& tensor = sample->inputs.at(spec.name);
            ASSERT_EQ(tensor.dtype(), spec.dtype);
            ASSERT_LT(tensor.bytes().size(), 1U << 20);
          }
        }
        ASSERT_EQ(count, source->size());
        ++accepted;
      } catch (const Error& error) {
        ASSERT_NE(i, 0) << error.what();
        ASSERT_EQ(error.code(), ErrorCode::kInput) << error.what();
        ++refused;
      }
    }
    EXPECT_GT(accepted, 0);
    EXPECT_GT(refused, rounds / 10);
  }

  testing::TempFolder folder_;
  const std::vector<InputSpec> image_ = {{"x", DType::kFloat, {-1, 2, 2}}};
  const std::vector<float> values_ = {1, 2, 3, 4, 5, 6, 7, 8};
};

TEST_F(MutationTest, Npy) {
  run("x.npy", testing::npy({2, 2, 2}, values_), image_, 3000);
  const std::vector<InputSpec> any = {{"x", DType::kFloat, {}, /*has_shape=*/false}};
  run("x.npy", testing::npy_text(">f4", {2, 4}, testing::bytes_of(values_), true, 2), any, 3000);
}

TEST_F(MutationTest, Npz) {
  const testing::Arrays arrays = {{"x", testing::npy({2, 2, 2}, values_)},
                                  {"y", testing::npy<int64_t>({2}, {3, 4})}};
  for (const bool deflate : {false, true}) {
    testing::write_npz(folder_ / "x.npz", arrays, deflate);
    run("x.npz", read_file(folder_ / "x.npz"), image_, 3000);
  }
}

TEST_F(MutationTest, TestDataSet) {
  std::filesystem::create_directory(folder_ / "set");
  run("set/input_0.pb",
      testing::tensor_bytes("x", DType::kFloat, {2, 2, 2}, testing::bytes_of(values_)), image_,
      3000);
}

TEST_F(MutationTest, Images) {
  Random random(99);
  const std::filesystem::path images = std::filesystem::path(PTQ_SOURCE_DIR) / "tests/data/images";
  for (const char* name : {"exif_6.jpg", "progressive.jpg", "cmyk.jpg", "exif_5.png",
                           "rgb_interlaced.png", "palette_4.png"}) {
    const std::string bytes = read_file(images / name);
    int refused = 0;
    for (int i = 0; i < 1000; ++i) {
      const std::string damaged = mutate(bytes, random);
      const EncodedImage file = {{reinterpret_cast<const uint8_t*>(damaged.data()), damaged.size()},
                                 name};
      try {
        const ImageHead head = read_image_head(file);
        const Image image = decode_image(file, false);
        ASSERT_EQ(image.width, head.width);
        ASSERT_EQ(image.height, head.height);
        ASSERT_EQ(image.pixels.size(), image.row_bytes() * static_cast<size_t>(image.height));
      } catch (const Error& error) {
        ASSERT_EQ(error.code(), ErrorCode::kInput) << error.what();
        ++refused;
      }
    }
    EXPECT_GT(refused, 100) << name;
  }
}

TEST_F(MutationTest, LabelsInCsv) {
  Random random(7);
  const std::string text = "file,label,weight\n\"a,b\",3,1\nc,4,2\nd,-5,3\n";
  for (int i = 0; i < 3000; ++i) {
    testing::write_file(folder_ / "l.csv", mutate(text, random));
    try {
      ASSERT_LE(read_labels(folder_ / "l.csv").size(), 20U);
    } catch (const Error& error) {
      ASSERT_EQ(error.code(), ErrorCode::kInput) << error.what();
    }
  }
}

}  // namespace
}  // namespace ptq

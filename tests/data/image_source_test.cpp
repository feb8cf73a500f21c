// Folders of images as samples, through open_data.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/hash.h"
#include "data/image_fixture.h"
#include "data/image_tensor.h"
#include "data/sample_fixture.h"

namespace ptq {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::write_file;

namespace fs = std::filesystem;

const std::string kSpec =
    "size = [6, 8]\nresize = \"stretch\"\nfilter = \"bilinear\"\norder = \"rgb\"\n"
    "layout = \"nchw\"\ndtype = \"uint8\"\n";
const std::vector<InputSpec> kOne = {{"x", DType::kUint8, {-1, 3, 6, 8}}};
const std::vector<InputSpec> kTwo = {{"x", DType::kUint8, {2, 3, 6, 8}}};

class ImageSourceTest : public testing::SampleSourceTest {
 protected:
  void SetUp() override {
    write_file(folder_ / "spec.toml", kSpec);
    options_.image_spec = (folder_ / "spec.toml").string();
    fs::create_directory(photos());
  }

  fs::path photos() const { return folder_ / "photos"; }

  void put(const std::string& name, const std::string& fixture) {
    fs::create_directories((photos() / name).parent_path());
    fs::copy_file(testing::image_folder() / fixture, photos() / name);
  }

  void put_text(const std::string& name, const std::string& text) {
    write_file(photos() / name, text);
  }

  std::vector<std::string> origins(const std::vector<InputSpec>& inputs = kOne) {
    std::vector<std::string> names;
    for (const Sample& sample : samples(photos(), inputs, options_)) {
      names.push_back(sample.origin);
    }
    return names;
  }

  std::string photo_refusal(const std::vector<InputSpec>& inputs = kOne,
                            ErrorCode code = ErrorCode::kInput) {
    return refusal(photos(), inputs, options_, code);
  }

  DataOptions options_;
};

TEST_F(ImageSourceTest, OneImageIsOneSample) {
  put("b.PNG", "rgba.png");
  put("a.jpg", "base.jpg");
  put("dogs/c.jpeg", "exif_6.jpg");
  const auto source = open_data({photos().string()}, kOne, options_);
  EXPECT_EQ(source->size(), 3U);
  EXPECT_EQ(source->preprocessing(),
            "images/1 size=8x6 resize=stretch filter=bilinear antialias=true "
            "exif_orientation=true order=rgb layout=nchw dtype=uint8");
  const std::vector<Sample> found = testing::read_all(*source);
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0].origin, "a.jpg");
  EXPECT_EQ(found[1].origin, "b.PNG");
  EXPECT_EQ(found[2].origin, "dogs/c.jpeg");
  EXPECT_EQ(found[2].stratum, "dogs");
  EXPECT_EQ(found[2].sequence, 2);
  EXPECT_EQ(source->strata(), (std::map<std::string, int64_t>{{"", 2}, {"dogs", 1}}));
  const Tensor& tensor = found[0].inputs.at("x");
  EXPECT_EQ(tensor.shape(), (Shape{1, 3, 6, 8}));
  const Image resized =
      resize_image(testing::fixture("base.jpg"), 8, 6, {0, 0, 8, 6}, ResizeFilter::kBilinear, true);
  for (size_t i = 0; i < 48; ++i) {
    ASSERT_EQ(tensor.data<uint8_t>()[i], resized.pixels[3 * i]);
    ASSERT_EQ(tensor.data<uint8_t>()[48 + i], resized.pixels[3 * i + 1]);
  }
}

TEST_F(ImageSourceTest, ContentDecidesNotTheName) {
  put("a.jpg", "rgb.png");
  put("b.dat", "base.jpg");
  EXPECT_THAT(origins(), ElementsAre("a.jpg", "b.dat"));
  put("c.jpg", "gif_named.bad");
  EXPECT_THAT(photo_refusal(), AllOf(HasSubstr("photos/c.jpg: "), HasSubstr("found a GIF image"),
                                     HasSubstr("[PTQ-S030]")));
}

TEST_F(ImageSourceTest, NamesWhatIsNoImage) {
  put("a.jpg", "base.jpg");
  put_text("labels.csv", "a.jpg,3\n");
  put_text(".hidden", "x");
  EXPECT_THAT(photo_refusal(), AllOf(HasSubstr("photos/labels.csv: "), HasSubstr("--skip-bad")));
}

TEST_F(ImageSourceTest, ChecksHeadsOnOpening) {
  put("a.jpg", "base.jpg");
  put("b.png", "gray_16.bad");
  EXPECT_THAT(testing::error_of([&] { open_data({photos().string()}, kOne, options_); }),
              HasSubstr("16-bit gray"));
  options_.max_samples = 1;  // the file that is not needed is not looked at
  EXPECT_THAT(origins(), ElementsAre("a.jpg"));
}

TEST_F(ImageSourceTest, SkipsBadFilesWhenAskedAndCountsThem) {
  put("a.jpg", "base.jpg");
  put("b.jpg", "gif_named.bad");
  put_text("c.jpg", "");
  put_text("d.txt", "text");
  put("e.png", "rgb.png");
  options_.skip_bad = true;
  const auto source = open_data({photos().string()}, kOne, options_);
  EXPECT_EQ(testing::read_all(*source).size(), 2U);
  ASSERT_FALSE(source->warnings().empty());
  EXPECT_THAT(source->warnings().back(),
              AllOf(HasSubstr("3 of 5 files were left out (--skip-bad): "),
                    HasSubstr("b.jpg: expected a JPEG or PNG image, found a GIF image"),
                    HasSubstr("[PTQ-S106]")));
}

TEST_F(ImageSourceTest, RefusesWhenNothingIsLeft) {
  put_text("a.jpg", "nothing");
  options_.skip_bad = true;
  EXPECT_THAT(photo_refusal(), HasSubstr("no sample is left: 1 of 1 files were left out"));
}

TEST_F(ImageSourceTest, FillsTheBatchOfTheModel) {
  put("a.jpg", "base.jpg");
  put("b.jpg", "gray.jpg");
  put("s/c.jpg", "cmyk.jpg");
  put("s/d.jpg", "base.jpg");
  const std::vector<Sample> found = samples(photos(), kTwo, options_);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].origin, "a.jpg..b.jpg");
  EXPECT_EQ(found[1].stratum, "s");
  EXPECT_EQ(found[1].inputs.at("x").shape(), (Shape{2, 3, 6, 8}));
  // The second image of the last sample is the first of the first one.
  const std::span<const std::byte> first = found[0].inputs.at("x").bytes();
  const std::span<const std::byte> last = found[1].inputs.at("x").bytes();
  EXPECT_TRUE(std::ranges::equal(first.first(144), last.last(144)));

  put("s/e.jpg", "base.jpg");
  EXPECT_THAT(photo_refusal(kTwo), AllOf(HasSubstr("do not divide the 5 images"),
                                         HasSubstr("--drop-last"), HasSubstr("[PTQ-S014]")));
  options_.drop_last = true;
  const auto source = open_data({photos().string()}, kTwo, options_);
  EXPECT_EQ(testing::read_all(*source).size(), 2U);
  EXPECT_THAT(source->warnings().back(), HasSubstr("1 image(s) that do not fill"));
}

TEST_F(ImageSourceTest, ABadFileMovesTheBatchOn) {
  put("a.jpg", "base.jpg");
  put("b.jpg", "gif_named.bad");
  put("c.jpg", "gray.jpg");
  options_.skip_bad = true;
  EXPECT_THAT(origins(kTwo), ElementsAre("a.jpg..c.jpg"));
}

TEST_F(ImageSourceTest, AsksForASpec) {
  put("a.jpg", "base.jpg");
  options_.image_spec.clear();
  EXPECT_THAT(photo_refusal(kOne, ErrorCode::kUsage),
              AllOf(HasSubstr("--image-spec FILE.toml or a preset (imagenet-torch, imagenet-tf, "
                              "yolo)"),
                    HasSubstr("[PTQ-S031]")));
  write_file(folder_ / "a.npy", testing::npy<float>({1, 2, 2}, testing::ramp(4)));
  options_.image_spec = "yolo";
  EXPECT_THAT(refusal(folder_ / "a.npy", testing::kImage, options_, ErrorCode::kUsage),
              HasSubstr("--image-spec is for images"));
}

TEST_F(ImageSourceTest, ReportsAFileThatChangesItsSize) {
  write_file(folder_ / "spec.toml",
             "size = [30, 40]\nresize = \"none\"\norder = \"rgb\"\nlayout = \"nchw\"\n"
             "dtype = \"uint8\"\n");
  const std::vector<InputSpec> inputs = {{"x", DType::kUint8, {-1, 3, 30, 40}}};
  put("a.jpg", "base.jpg");
  EXPECT_THAT(origins(inputs), ElementsAre("a.jpg"));
  put("b.jpg", "exif_1.jpg");
  EXPECT_THAT(photo_refusal(inputs),
              HasSubstr("photos/b.jpg: expected an image of 40x30 pixels, found 21x14"));
}

// Real photographs, not part of the repository: SHA-256 of the levels that Pillow 13.0.0 gives
// after Image.resize((341 or 256 ...), BILINEAR) to a shorter side of 256 and a crop of 224.
TEST(RealPhotos, EqualPillow) {
  const fs::path folder = fs::path(PTQ_SOURCE_DIR) / "../shared/zoo/data/coco_val128/images";
  if (!fs::exists(folder)) {
    GTEST_SKIP() << "no photographs at " << folder;
  }
  const std::map<std::string, std::string> digests = {
      {"000000000139.jpg", "d4c91a7ffe17561bbdc483cdd460dd80641b18984f165f14cc478b2c162037ef"},
      {"000000001268.jpg", "b5d880ec4fa818a8c19e3ffd46b2b06500e9482556b30a10a0cbc62e91e9a89c"},
      {"000000002473.jpg", "c3a2ec5373768f1a9b1231bec006785ffc44f08eeb41be6e214747703b8ebc21"}};
  for (const auto& [name, digest] : digests) {
    const std::vector<uint8_t> bytes = testing::bytes_of(folder / name);
    const Image levels =
        arrange_image(decode_image({bytes, name}, true), find_image_preset("imagenet-torch")->spec);
    Sha256 hash;
    hash.update(std::as_bytes(std::span(levels.pixels)));
    EXPECT_EQ(hash.hex(), digest) << name;
  }
}

}  // namespace
}  // namespace ptq

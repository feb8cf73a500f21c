#include "data/image_tensor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/image_fixture.h"
#include "data/image_orientation.h"
#include "data/npy_writer.h"
#include "ptq/error.h"

namespace ptq {
namespace {

using ::testing::ElementsAre;
using testing::expected_image;
using ::testing::HasSubstr;
using testing::max_difference;

ImageSpec spec_of(ResizeMode resize, int width, int height, ResizeFilter filter, bool antialias) {
  ImageSpec spec;
  spec.width = width;
  spec.height = height;
  spec.resize = resize;
  spec.filter = filter;
  spec.antialias = antialias;
  return spec;
}

void expect_arranged(const std::string& key, const ImageSpec& spec) {
  const Image wide = testing::fixture("rgb.png");
  EXPECT_EQ(max_difference(arrange_image(wide, spec), expected_image(key + "/wide")), 0) << key;
  const Image tall = apply_orientation(wide, 5);
  EXPECT_EQ(max_difference(arrange_image(tall, spec), expected_image(key + "/tall")), 0) << key;
}

TEST(ArrangeImage, DoesWhatThePipelinesOfTrainingDo) {
  ImageSpec spec = spec_of(ResizeMode::kShortestSide, 18, 20, ResizeFilter::kBilinear, true);
  spec.shortest_side = 27;
  expect_arranged("shortest-side", spec);  // torchvision

  spec = spec_of(ResizeMode::kCenterCrop, 18, 20, ResizeFilter::kBilinear, false);
  spec.crop_fraction = 0.875;
  expect_arranged("center-crop", spec);  // TensorFlow's EfficientNet

  expect_arranged("stretch", spec_of(ResizeMode::kStretch, 18, 20, ResizeFilter::kLanczos, true));

  spec = spec_of(ResizeMode::kLetterbox, 49, 33, ResizeFilter::kBilinear, false);
  spec.pad_color = {114, 10, 20};
  expect_arranged("letterbox-center", spec);  // Ultralytics

  spec.pad_color = {114, 114, 114};
  spec.placement = Placement::kTopLeft;
  spec.fit_rounding = Rounding::kDown;
  expect_arranged("letterbox-top-left", spec);  // YOLOX
}

TEST(FitImage, RoundsOffsetsHalfToEven) {
  ImageSpec spec = spec_of(ResizeMode::kShortestSide, 4, 4, ResizeFilter::kBox, true);
  for (const auto& [side, offset] : {std::pair(4, 0), {5, 0}, {6, 1}, {7, 2}, {8, 2}, {9, 2}}) {
    spec.shortest_side = side;
    EXPECT_EQ(fit_image(spec, 100, 100).window.x, offset) << side;  // Python: round((side - 4) / 2)
  }
  spec.shortest_side = 256;
  EXPECT_EQ(fit_image(spec, 500, 375).width, 341);  // 256 · 500 / 375 = 341.33
  EXPECT_EQ(fit_image(spec, 375, 500).height, 341);
}

TEST(FitImage, LetterboxKeepsSmallImagesWhenAsked) {
  ImageSpec spec = spec_of(ResizeMode::kLetterbox, 64, 64, ResizeFilter::kBilinear, true);
  EXPECT_EQ(fit_image(spec, 16, 8).width, 64);
  spec.enlarge = false;
  const ImageFit fit = fit_image(spec, 16, 9);
  EXPECT_EQ(fit.width, 16);
  EXPECT_EQ(fit.left, 24);
  EXPECT_EQ(fit.top, 27);                         // 27.5: the odd row goes below
  EXPECT_EQ(fit_image(spec, 1000, 1).height, 1);  // never 0
}

TEST(FitImage, RefusesWhatItCannotFit) {
  const ImageSpec none = spec_of(ResizeMode::kNone, 8, 4, ResizeFilter::kBox, true);
  EXPECT_EQ(fit_image(none, 8, 4).width, 8);
  EXPECT_THAT(testing::error_of([&] { fit_image(none, 4, 8); }),
              HasSubstr("expected an image of 8x4 pixels, found 4x8"));
  ImageSpec spec = spec_of(ResizeMode::kShortestSide, 224, 224, ResizeFilter::kBox, true);
  spec.shortest_side = 256;
  EXPECT_THAT(testing::error_of([&] { fit_image(spec, 1, 60000); }), HasSubstr("aspect ratio"));
}

Image two_pixels() {
  Image image(2, 1, 3);
  image.pixels = {10, 20, 30, 40, 50, 60};
  return image;
}

template <typename T>
std::vector<T> written(const Image& levels, const ImageSpec& spec) {
  std::vector<T> values(levels.pixels.size());
  PixelWriter(spec).write(levels, std::as_writable_bytes(std::span(values)));
  return values;
}

TEST(PixelWriter, OrdersChannelsAndAxes) {
  ImageSpec spec = spec_of(ResizeMode::kNone, 2, 1, ResizeFilter::kBox, true);
  spec.dtype = DType::kUint8;
  EXPECT_THAT(written<uint8_t>(two_pixels(), spec), ElementsAre(10, 40, 20, 50, 30, 60));
  spec.order = ChannelOrder::kBgr;
  EXPECT_THAT(written<uint8_t>(two_pixels(), spec), ElementsAre(30, 60, 20, 50, 10, 40));
  spec.layout = ImageLayout::kNhwc;
  EXPECT_THAT(written<uint8_t>(two_pixels(), spec), ElementsAre(30, 20, 10, 60, 50, 40));
}

TEST(PixelWriter, ScalesByChannelOfTheTensor) {
  ImageSpec spec = spec_of(ResizeMode::kNone, 2, 1, ResizeFilter::kBox, true);
  spec.scale = 0.5;
  spec.mean = {1.0, 2.0, 3.0};
  spec.std = {2.0, 4.0, 8.0};
  EXPECT_THAT(written<float>(two_pixels(), spec),
              ElementsAre(2.0F, 9.5F, 2.0F, 5.75F, 1.5F, 3.375F));
  spec.order = ChannelOrder::kBgr;  // mean[0] now belongs to blue
  EXPECT_THAT(written<float>(two_pixels(), spec),
              ElementsAre(7.0F, 14.5F, 2.0F, 5.75F, 0.25F, 2.125F));
}

TEST(PixelWriter, RoundsOnce) {
  const ImageSpec& torch = find_image_preset("imagenet-torch")->spec;
  ImageSpec spec = torch;
  spec.width = 2;
  spec.height = 1;
  const std::vector<float> values = written<float>(two_pixels(), spec);
  EXPECT_EQ(values[0], static_cast<float>((10.0 * (1.0 / 255.0) - 0.485) / 0.229));
  EXPECT_EQ(values[5], static_cast<float>((60.0 * (1.0 / 255.0) - 0.406) / 0.225));
}

TEST(ArrangeImage, PadsInTheChannelOrderOfTheTensor) {
  ImageSpec spec = spec_of(ResizeMode::kLetterbox, 2, 2, ResizeFilter::kBilinear, true);
  spec.order = ChannelOrder::kBgr;
  spec.pad_color = {1, 2, 3};
  spec.placement = Placement::kTopLeft;
  spec.dtype = DType::kUint8;
  spec.layout = ImageLayout::kNhwc;
  EXPECT_THAT(written<uint8_t>(arrange_image(two_pixels(), spec), spec),
              ElementsAre(30, 20, 10, 60, 50, 40, 1, 2, 3, 1, 2, 3));
}

TEST(ArrangeImage, MakesGrayBeforeResizing) {
  ImageSpec spec = spec_of(ResizeMode::kStretch, 17, 13, ResizeFilter::kBicubic, true);
  spec.order = ChannelOrder::kGray;
  EXPECT_EQ(max_difference(arrange_image(testing::fixture("rgb.png"), spec),
                           expected_image("gray/bicubic/17x13")),
            0);
}

}  // namespace
}  // namespace ptq

#include "data/image_resize.h"

#include <cmath>
#include <map>
#include <random>

#include <gtest/gtest.h>

#include "data/image_decode.h"
#include "data/image_fixture.h"

namespace ptq {
namespace {

using testing::expected_image;
using testing::max_difference;

const std::map<std::string, ResizeFilter> kFilters = {
    {"nearest", ResizeFilter::kNearest},   {"box", ResizeFilter::kBox},
    {"bilinear", ResizeFilter::kBilinear}, {"hamming", ResizeFilter::kHamming},
    {"bicubic", ResizeFilter::kBicubic},   {"lanczos", ResizeFilter::kLanczos}};

Image resize_whole(const Image& image, int width, int height, ResizeFilter filter,
                   bool antialias = true) {
  return resize_image(image, width, height, {0, 0, width, height}, filter, antialias);
}

Image random_image(int width, int height, int channels, uint32_t seed) {
  std::mt19937 random(seed);
  Image image(width, height, channels);
  for (uint8_t& level : image.pixels) {
    level = static_cast<uint8_t>(random());
  }
  return image;
}

TEST(ResizeImage, EqualsPillowAndOpenCv) {
  const Image base = testing::fixture("rgb.png");
  const std::vector<std::string> keys = testing::expected_keys("resize/");
  EXPECT_EQ(keys.size(), 63U);
  for (const std::string& key : keys) {
    const Image expected = expected_image("resize/" + key);
    const std::string filter = key.substr(0, key.find('/'));
    const bool linear = filter == "linear";  // OpenCV
    const Image resized =
        resize_whole(base, expected.width, expected.height,
                     linear ? ResizeFilter::kBilinear : kFilters.at(filter), !linear);
    EXPECT_EQ(max_difference(resized, expected), 0) << key;
  }
}

TEST(ResizeImage, EqualsPillowForGray) {
  EXPECT_EQ(max_difference(resize_whole(expected_image("gray"), 17, 13, ResizeFilter::kBicubic),
                           expected_image("gray/bicubic/17x13")),
            0);
}

TEST(ResizeImage, GivesAnyPartOfTheWhole) {
  std::mt19937 random(3);
  const auto pick = [&](int low, int high) {
    return std::uniform_int_distribution<int>(low, high)(random);
  };
  for (uint32_t round = 0; round < 60; ++round) {
    const Image image = random_image(pick(1, 40), pick(1, 40), round % 2 == 0 ? 3 : 1, round);
    const int width = pick(1, 50);
    const int height = pick(1, 50);
    PixelWindow window = {pick(0, width - 1), pick(0, height - 1), 0, 0};
    window.width = pick(1, width - window.x);
    window.height = pick(1, height - window.y);
    for (const auto& [name, filter] : kFilters) {
      for (const bool antialias : {true, false}) {
        if (!antialias && filter != ResizeFilter::kBilinear) {
          continue;
        }
        const Image whole = resize_whole(image, width, height, filter, antialias);
        const Image expected = resize_image(whole, width, height, window, filter, true);
        const Image part = resize_image(image, width, height, window, filter, antialias);
        ASSERT_EQ(max_difference(part, expected), 0)
            << name << " " << image.width << "x" << image.height << " to " << width << "x"
            << height;
      }
    }
  }
}

TEST(ResizeImage, KeepsAConstantColour) {
  for (const uint8_t level : {uint8_t{0}, uint8_t{1}, uint8_t{127}, uint8_t{254}, uint8_t{255}}) {
    Image image(37, 23, 3);
    std::fill(image.pixels.begin(), image.pixels.end(), level);
    for (const auto& [name, filter] : kFilters) {
      const Image resized = resize_whole(image, 11, 50, filter);
      for (const uint8_t found : resized.pixels) {
        ASSERT_EQ(found, level) << name;
      }
    }
  }
}

// Weighted means by the definition, in double, without any rounding in between.
double exact_bilinear(const Image& image, int width, int height, int x, int y) {
  const auto axis = [](int input, int output, int at, const auto& value) {
    const double scale = static_cast<double>(input) / output;
    const double widening = std::max(scale, 1.0);
    const double center = (at + 0.5) * scale;
    double sum = 0.0;
    double weights = 0.0;
    for (int i = 0; i < input; ++i) {
      const double weight = std::max(0.0, 1.0 - std::abs(i + 0.5 - center) / widening);
      sum += weight * value(i);
      weights += weight;
    }
    return sum / weights;
  };
  return axis(image.height, height, y, [&](int row) {
    return axis(image.width, width, x, [&](int column) { return image.row(row)[column]; });
  });
}

TEST(ResizeImage, IsTheWeightedMeanWithinTheRoundingOfBothAxes) {
  const int sizes[][4] = {{31, 17, 12, 9}, {12, 9, 31, 17}, {20, 40, 41, 5}, {7, 7, 7, 3}};
  for (const auto& [in_width, in_height, width, height] : sizes) {
    const Image image = random_image(in_width, in_height, 1, 7);
    const Image resized = resize_whole(image, width, height, ResizeFilter::kBilinear);
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x) {
        // Half a level for either rounding, and the rounding of the weights.
        ASSERT_NEAR(resized.row(y)[x], exact_bilinear(image, width, height, x, y), 1.01);
      }
    }
  }
}

TEST(ResizeImage, ManagesExtremeAspects) {
  const Image line = random_image(3000, 1, 3, 5);
  EXPECT_EQ(resize_whole(line, 1, 300, ResizeFilter::kLanczos).height, 300);
  const Image part =
      resize_image(line, 768000, 256, {383872, 16, 224, 224}, ResizeFilter::kBilinear, true);
  EXPECT_EQ(part.width, 224);
}

}  // namespace
}  // namespace ptq

#include "data/image_resize_linear.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

namespace ptq {
namespace {

// OpenCV's fixed point for 8-bit images: weights of 11 bits along either axis.
constexpr int kWeightBits = 11;
constexpr int kOne = 1 << kWeightBits;

struct Pair {
  int first = 0;   // input position
  int second = 0;  // its neighbour, or the same at the border
  int weight_first = kOne;
  int weight_second = 0;
};

int round_half_even(float value) {
  return static_cast<int>(std::lrint(value));
}

// Beyond the centers of the outermost pixels, both neighbours are the same pixel. Along x it then
// has the whole weight; along y the weights stay apart, and each product is cut on its own, which
// can cost one level in the outermost rows.
std::vector<Pair> make_pairs(int input, int output, int first, int count, bool along_x) {
  const double scale = 1.0 / (static_cast<double>(output) / input);
  std::vector<Pair> pairs;
  for (int i = first; i < first + count; ++i) {
    const auto position = static_cast<float>((i + 0.5) * scale - 0.5);
    const int left = static_cast<int>(std::floor(position));
    const float fraction = position - static_cast<float>(left);
    Pair pair;
    pair.first = std::clamp(left, 0, input - 1);
    pair.second = std::clamp(left + 1, 0, input - 1);
    if (!along_x || (left >= 0 && left < input - 1)) {
      pair.weight_first = round_half_even((1.0F - fraction) * kOne);
      pair.weight_second = round_half_even(fraction * kOne);
    }
    pairs.push_back(pair);
  }
  return pairs;
}

// One input row interpolated along x, in levels times 2048.
void interpolate_row(const uint8_t* in, int channels, const std::vector<Pair>& columns,
                     int32_t* out) {
  for (const Pair& pair : columns) {
    const uint8_t* a = in + static_cast<ptrdiff_t>(pair.first) * channels;
    const uint8_t* b = in + static_cast<ptrdiff_t>(pair.second) * channels;
    for (int c = 0; c < channels; ++c) {
      *out++ = a[c] * pair.weight_first + b[c] * pair.weight_second;
    }
  }
}

}  // namespace

Image interpolate_linear(const Image& image, int width, int height, const PixelWindow& window) {
  const std::vector<Pair> columns = make_pairs(image.width, width, window.x, window.width, true);
  const std::vector<Pair> rows = make_pairs(image.height, height, window.y, window.height, false);
  Image out(window.width, window.height, image.channels);
  std::vector<int32_t> upper(out.row_bytes());
  std::vector<int32_t> lower(out.row_bytes());
  int upper_row = -1;
  int lower_row = -1;
  for (int y = 0; y < window.height; ++y) {
    const Pair& pair = rows[static_cast<size_t>(y)];
    if (pair.first != upper_row && pair.first == lower_row) {
      upper.swap(lower);
      std::swap(upper_row, lower_row);
    }
    if (pair.first != upper_row) {
      interpolate_row(image.row(pair.first), image.channels, columns, upper.data());
      upper_row = pair.first;
    }
    if (pair.second != lower_row) {
      interpolate_row(image.row(pair.second), image.channels, columns, lower.data());
      lower_row = pair.second;
    }
    uint8_t* level = out.row(y);
    for (size_t i = 0; i < upper.size(); ++i) {
      // The precision that OpenCV's 16-bit vector arithmetic leaves, rounded at the end.
      const int32_t sum = ((pair.weight_first * (upper[i] >> 4)) >> 16) +
                          ((pair.weight_second * (lower[i] >> 4)) >> 16);
      level[i] = static_cast<uint8_t>((sum + 2) >> 2);
    }
  }
  return out;
}

}  // namespace ptq

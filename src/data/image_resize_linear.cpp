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

// One input row interpolated along x, in levels times 128: the 16 bits that OpenCV's vectors keep.
template <int kChannels>
void interpolate_row(const uint8_t* in, const std::vector<Pair>& columns, int16_t* out) {
  for (const Pair& pair : columns) {
    const uint8_t* a = in + static_cast<ptrdiff_t>(pair.first) * kChannels;
    const uint8_t* b = in + static_cast<ptrdiff_t>(pair.second) * kChannels;
    for (int c = 0; c < kChannels; ++c) {
      *out++ = static_cast<int16_t>((a[c] * pair.weight_first + b[c] * pair.weight_second) >> 4);
    }
  }
}

// The upper halves of 32-bit products, in levels times 4, rounded at the end.
uint8_t mix(int16_t a, int16_t weight_a, int16_t b, int16_t weight_b) {
  const auto first = static_cast<int16_t>((a * weight_a) >> 16);
  const auto second = static_cast<int16_t>((b * weight_b) >> 16);
  return static_cast<uint8_t>(static_cast<int16_t>(first + second + 2) >> 2);
}

void mix_rows(const int16_t* upper, const int16_t* lower, const Pair& weights, size_t size,
              uint8_t* out) {
  constexpr size_t kBlock = 16;  // a count that the compiler knows becomes vector code
  const auto weight_a = static_cast<int16_t>(weights.weight_first);
  const auto weight_b = static_cast<int16_t>(weights.weight_second);
  size_t i = 0;
  for (; i + kBlock <= size; i += kBlock) {
    for (size_t k = 0; k < kBlock; ++k) {
      out[i + k] = mix(upper[i + k], weight_a, lower[i + k], weight_b);
    }
  }
  for (; i < size; ++i) {
    out[i] = mix(upper[i], weight_a, lower[i], weight_b);
  }
}

}  // namespace

Image interpolate_linear(const Image& image, int width, int height, const PixelWindow& window) {
  const std::vector<Pair> columns = make_pairs(image.width, width, window.x, window.width, true);
  const std::vector<Pair> rows = make_pairs(image.height, height, window.y, window.height, false);
  Image out(window.width, window.height, image.channels);
  std::vector<int16_t> upper(out.row_bytes());
  std::vector<int16_t> lower(out.row_bytes());
  int upper_row = -1;
  int lower_row = -1;
  const auto interpolate = [&](int row, std::vector<int16_t>& into) {
    if (image.channels == 3) {
      interpolate_row<3>(image.row(row), columns, into.data());
    } else {
      interpolate_row<1>(image.row(row), columns, into.data());
    }
    return row;
  };
  for (int y = 0; y < window.height; ++y) {
    const Pair& pair = rows[static_cast<size_t>(y)];
    if (pair.first != upper_row && pair.first == lower_row) {
      upper.swap(lower);
      std::swap(upper_row, lower_row);
    }
    if (pair.first != upper_row) {
      upper_row = interpolate(pair.first, upper);
    }
    if (pair.second != lower_row) {
      lower_row = interpolate(pair.second, lower);
    }
    mix_rows(upper.data(), lower.data(), pair, upper.size(), out.row(y));
  }
  return out;
}

}  // namespace ptq

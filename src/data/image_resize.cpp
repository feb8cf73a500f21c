#include "data/image_resize.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>
#include <vector>

#include "data/image_resize_linear.h"
#include "ptq/error.h"

namespace ptq {
namespace {

// A weight is an integer times 2^-22: 8 bits for the pixel and 2 for weights beyond 1 are left.
constexpr int kWeightBits = 32 - 8 - 2;

double box(double x) {
  return x > -0.5 && x <= 0.5 ? 1.0 : 0.0;
}

double triangle(double x) {
  return std::max(0.0, 1.0 - std::abs(x));
}

double sinc(double x) {
  if (x == 0.0) {
    return 1.0;
  }
  x *= std::numbers::pi;
  return std::sin(x) / x;
}

double hamming(double x) {
  x = std::abs(x);
  if (x >= 1.0) {
    return 0.0;
  }
  return x == 0.0 ? 1.0 : sinc(x) * (0.54 + 0.46 * std::cos(x * std::numbers::pi));
}

// Cubic convolution (Keys 1981) with a = -0.5.
double cubic(double x) {
  constexpr double kA = -0.5;
  x = std::abs(x);
  if (x < 1.0) {
    return ((kA + 2.0) * x - (kA + 3.0)) * x * x + 1.0;
  }
  return x < 2.0 ? (((x - 5.0) * x + 8.0) * x - 4.0) * kA : 0.0;
}

double lanczos3(double x) {
  return x >= -3.0 && x < 3.0 ? sinc(x) * sinc(x / 3.0) : 0.0;
}

struct Kernel {
  double (*weight)(double);
  double support;  // half width, in pixels of the coarser of both images
};

Kernel kernel_of(ResizeFilter filter) {
  switch (filter) {
    case ResizeFilter::kBox:
      return {box, 0.5};
    case ResizeFilter::kBilinear:
      return {triangle, 1.0};
    case ResizeFilter::kHamming:
      return {hamming, 1.0};
    case ResizeFilter::kBicubic:
      return {cubic, 2.0};
    case ResizeFilter::kLanczos:
      return {lanczos3, 3.0};
    case ResizeFilter::kNearest:
      break;
  }
  PTQ_CHECK(false);
  return {};
}

// What each output position along one axis takes from the input.
struct Taps {
  struct Run {
    int first = 0;  // input position
    int count = 0;
  };
  std::vector<Run> runs;
  std::vector<int32_t> weights;  // `stride` for each run
  int stride = 0;

  const int32_t* of(size_t position) const {
    return weights.data() + position * static_cast<size_t>(stride);
  }
};

int round_half_up(double value) {
  return static_cast<int>(std::floor(value + 0.5));
}

// For output positions [first, first + count) of an axis resized from `input` to `output` pixels.
Taps make_taps(int input, int output, int first, int count, const Kernel& kernel) {
  const double scale = static_cast<double>(input) / output;
  const double widening = std::max(scale, 1.0);
  const double support = kernel.support * widening;
  const double inverse = 1.0 / widening;
  Taps taps;
  taps.stride = static_cast<int>(std::ceil(support)) * 2 + 1;
  taps.runs.resize(static_cast<size_t>(count));
  taps.weights.resize(taps.runs.size() * static_cast<size_t>(taps.stride));
  std::vector<double> exact(static_cast<size_t>(taps.stride));
  for (size_t i = 0; i < taps.runs.size(); ++i) {
    const double center = (first + static_cast<int>(i) + 0.5) * scale;
    const int begin = std::max(round_half_up(center - support), 0);
    const int end = std::min(round_half_up(center + support), input);
    taps.runs[i] = {begin, end - begin};
    double sum = 0.0;
    for (int k = 0; k < end - begin; ++k) {
      const double weight = kernel.weight((k + begin - center + 0.5) * inverse);
      exact[static_cast<size_t>(k)] = weight;
      sum += weight;
    }
    int32_t* weights = taps.weights.data() + i * static_cast<size_t>(taps.stride);
    for (int k = 0; k < end - begin; ++k) {
      double weight = exact[static_cast<size_t>(k)];
      weight = (sum != 0.0 ? weight / sum : weight) * (1 << kWeightBits);
      weights[k] = static_cast<int32_t>(weight < 0.0 ? weight - 0.5 : weight + 0.5);
    }
  }
  return taps;
}

uint8_t to_level(int32_t sum) {
  return static_cast<uint8_t>(std::clamp(sum >> kWeightBits, 0, 255));
}

constexpr int32_t kHalf = 1 << (kWeightBits - 1);

template <int kChannels>
void convolve_row(const uint8_t* in, const Taps& taps, uint8_t* out) {
  for (size_t x = 0; x < taps.runs.size(); ++x) {
    const int32_t* weights = taps.of(x);
    const uint8_t* pixel = in + static_cast<ptrdiff_t>(taps.runs[x].first) * kChannels;
    int32_t sums[kChannels];
    std::fill_n(sums, kChannels, kHalf);
    for (int k = 0; k < taps.runs[x].count; ++k) {
      for (int c = 0; c < kChannels; ++c) {
        sums[c] += pixel[c] * weights[k];
      }
      pixel += kChannels;
    }
    for (int c = 0; c < kChannels; ++c) {
      out[c] = to_level(sums[c]);
    }
    out += kChannels;
  }
}

// Rows [first_row, first_row + rows) of `image`, each resized along x.
Image convolve_rows(const Image& image, int first_row, int rows, const Taps& taps) {
  Image out(static_cast<int>(taps.runs.size()), rows, image.channels);
  for (int y = 0; y < rows; ++y) {
    if (image.channels == 3) {
      convolve_row<3>(image.row(first_row + y), taps, out.row(y));
    } else {
      convolve_row<1>(image.row(first_row + y), taps, out.row(y));
    }
  }
  return out;
}

// Columns [first_column, first_column + columns) of `image`, each resized along y. Row 0 of `image`
// is the input row `first_row` that `taps` speak of.
Image convolve_columns(const Image& image, int first_row, int first_column, int columns,
                       const Taps& taps) {
  Image out(columns, static_cast<int>(taps.runs.size()), image.channels);
  const ptrdiff_t offset = static_cast<ptrdiff_t>(first_column) * image.channels;
  std::vector<int32_t> sums(out.row_bytes());
  for (size_t y = 0; y < taps.runs.size(); ++y) {
    std::fill(sums.begin(), sums.end(), kHalf);
    for (int k = 0; k < taps.runs[y].count; ++k) {
      const uint8_t* in = image.row(taps.runs[y].first - first_row + k) + offset;
      const int32_t weight = taps.of(y)[k];
      for (size_t i = 0; i < sums.size(); ++i) {
        sums[i] += in[i] * weight;
      }
    }
    std::transform(sums.begin(), sums.end(), out.row(static_cast<int>(y)), to_level);
  }
  return out;
}

Image copy_window(const Image& image, const PixelWindow& window) {
  Image out(window.width, window.height, image.channels);
  for (int y = 0; y < window.height; ++y) {
    const uint8_t* in = image.row(window.y + y) + static_cast<ptrdiff_t>(window.x) * image.channels;
    std::memcpy(out.row(y), in, out.row_bytes());
  }
  return out;
}

// Input position under the center of each output position. Pillow adds up steps instead of
// multiplying, which rounds differently where a center falls on the border of two pixels.
std::vector<int> nearest_positions(int input, int output, int first, int count) {
  const double step = static_cast<double>(input) / output;
  std::vector<int> positions;
  double position = step * 0.5;
  for (int i = 0; i < first + count; ++i, position += step) {
    if (i >= first) {
      positions.push_back(std::min(static_cast<int>(position), input - 1));
    }
  }
  return positions;
}

Image pick_nearest(const Image& image, int width, int height, const PixelWindow& window) {
  const std::vector<int> columns = nearest_positions(image.width, width, window.x, window.width);
  const std::vector<int> rows = nearest_positions(image.height, height, window.y, window.height);
  Image out(window.width, window.height, image.channels);
  for (int y = 0; y < window.height; ++y) {
    const uint8_t* in = image.row(rows[static_cast<size_t>(y)]);
    uint8_t* pixel = out.row(y);
    for (const int column : columns) {
      pixel =
          std::copy_n(in + static_cast<ptrdiff_t>(column) * image.channels, image.channels, pixel);
    }
  }
  return out;
}

// Which axis comes first matters, since levels are rounded and clipped in between. The rule is that
// of Pillow 13; up to version 12 Pillow always began with x.
bool y_first(const Image& image, int width, int height) {
  return height < image.height && image.height - height > 2 * (image.width - width);
}

Image convolve(const Image& image, int width, int height, const PixelWindow& window,
               const Kernel& kernel) {
  const Taps along_x = make_taps(image.width, width, window.x, window.width, kernel);
  const Taps along_y = make_taps(image.height, height, window.y, window.height, kernel);
  if (width == image.width) {
    return convolve_columns(image, 0, window.x, window.width, along_y);
  }
  if (height == image.height) {
    return convolve_rows(image, window.y, window.height, along_x);
  }
  if (y_first(image, width, height)) {
    return convolve_rows(convolve_columns(image, 0, 0, image.width, along_y), 0, window.height,
                         along_x);
  }
  const int first_row = along_y.runs.front().first;
  const int end_row = along_y.runs.back().first + along_y.runs.back().count;
  return convolve_columns(convolve_rows(image, first_row, end_row - first_row, along_x), first_row,
                          0, window.width, along_y);
}

}  // namespace

Image resize_image(const Image& image, int width, int height, const PixelWindow& window,
                   ResizeFilter filter, bool antialias) {
  PTQ_CHECK(image.width > 0 && image.height > 0 && (image.channels == 1 || image.channels == 3));
  PTQ_CHECK(window.x >= 0 && window.width > 0 && window.x + window.width <= width);
  PTQ_CHECK(window.y >= 0 && window.height > 0 && window.y + window.height <= height);
  if (width == image.width && height == image.height) {
    return copy_window(image, window);
  }
  if (filter == ResizeFilter::kNearest) {
    return pick_nearest(image, width, height, window);
  }
  if (!antialias) {
    PTQ_CHECK(filter == ResizeFilter::kBilinear);
    return interpolate_linear(image, width, height, window);
  }
  return convolve(image, width, height, window, kernel_of(filter));
}

}  // namespace ptq

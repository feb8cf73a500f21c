#include "data/image_tensor.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "data/findings.h"
#include "data/image_decode.h"
#include "ptq/error.h"

namespace ptq {
namespace {

constexpr int64_t kMaxResizedSide = 1'000'000;

// Halves go to the even neighbour, as in Python's round().
int round_half_even(double value) {
  return static_cast<int>(std::nearbyint(value));
}

int resized_side(int64_t side) {
  if (side > kMaxResizedSide) {
    throw Error(
        ErrorCode::kInput,
        with_code(
            DataFinding::kBadImage,
            fmt::format("the image would be {} pixels long after resizing, its aspect ratio is "
                        "beyond all use; expected at most {}",
                        side, kMaxResizedSide)));
  }
  return static_cast<int>(side);
}

// torchvision: Resize(shortest_side), CenterCrop(size).
ImageFit fit_shortest_side(const ImageSpec& spec, int width, int height) {
  ImageFit fit;
  fit.source = {0, 0, width, height};
  const int64_t longer = int64_t{spec.shortest_side} * std::max(width, height);
  const int other = resized_side(longer / std::min(width, height));
  fit.width = width <= height ? spec.shortest_side : other;
  fit.height = width <= height ? other : spec.shortest_side;
  fit.window = {round_half_even((fit.width - spec.width) / 2.0),
                round_half_even((fit.height - spec.height) / 2.0), spec.width, spec.height};
  return fit;
}

// TensorFlow's EfficientNet: a central square, its offset rounded up.
ImageFit fit_center_crop(const ImageSpec& spec, int width, int height) {
  ImageFit fit;
  const int side = std::max(static_cast<int>(spec.crop_fraction * std::min(width, height)), 1);
  fit.source = {(width - side + 1) / 2, (height - side + 1) / 2, side, side};
  fit.width = spec.width;
  fit.height = spec.height;
  fit.window = {0, 0, spec.width, spec.height};
  return fit;
}

ImageFit fit_letterbox(const ImageSpec& spec, int width, int height) {
  ImageFit fit;
  fit.source = {0, 0, width, height};
  double ratio =
      std::min(static_cast<double>(spec.width) / width, static_cast<double>(spec.height) / height);
  if (!spec.enlarge) {
    ratio = std::min(ratio, 1.0);
  }
  const auto side = [&](int length, int limit) {
    const double exact = length * ratio;
    const int rounded =
        spec.fit_rounding == Rounding::kNearest ? round_half_even(exact) : static_cast<int>(exact);
    return std::clamp(rounded, 1, limit);
  };
  fit.width = side(width, spec.width);
  fit.height = side(height, spec.height);
  fit.window = {0, 0, fit.width, fit.height};
  if (spec.placement == Placement::kCenter) {
    fit.left = (spec.width - fit.width) / 2;
    fit.top = (spec.height - fit.height) / 2;
  }
  return fit;
}

Image crop(const Image& image, const PixelWindow& window) {
  return resize_image(image, image.width, image.height, window, ResizeFilter::kNearest, true);
}

// `inner` on a canvas of the padding colour, which the spec gives in the tensor's channel order.
Image pad(const Image& inner, const ImageSpec& spec, const ImageFit& fit) {
  Image canvas(spec.width, spec.height, inner.channels);
  std::array<uint8_t, 3> color = spec.pad_color;
  if (spec.order == ChannelOrder::kBgr) {
    std::swap(color[0], color[2]);
  }
  uint8_t* pixel = canvas.row(0);
  for (int x = 0; x < canvas.width; ++x) {
    pixel = std::copy_n(color.begin(), canvas.channels, pixel);
  }
  for (int y = 1; y < canvas.height; ++y) {
    std::memcpy(canvas.row(y), canvas.row(0), canvas.row_bytes());
  }
  for (int y = 0; y < inner.height; ++y) {
    std::memcpy(canvas.row(fit.top + y) + static_cast<ptrdiff_t>(fit.left) * canvas.channels,
                inner.row(y), inner.row_bytes());
  }
  return canvas;
}

}  // namespace

ImageFit fit_image(const ImageSpec& spec, int width, int height) {
  switch (spec.resize) {
    case ResizeMode::kShortestSide:
      return fit_shortest_side(spec, width, height);
    case ResizeMode::kCenterCrop:
      return fit_center_crop(spec, width, height);
    case ResizeMode::kLetterbox:
      return fit_letterbox(spec, width, height);
    case ResizeMode::kNone:
      if (width != spec.width || height != spec.height) {
        throw Error(
            ErrorCode::kInput,
            with_code(DataFinding::kBadImage,
                      fmt::format("expected an image of {}x{} pixels, found {}x{}; choose a resize "
                                  "in the image spec",
                                  spec.width, spec.height, width, height)));
      }
      break;
    case ResizeMode::kStretch:
      break;
  }
  return {{0, 0, width, height}, spec.width, spec.height, {0, 0, spec.width, spec.height}, 0, 0};
}

Image arrange_image(const Image& image, const ImageSpec& spec) {
  const ImageFit fit = fit_image(spec, image.width, image.height);
  const bool whole = fit.source.width == image.width && fit.source.height == image.height;
  const Image cropped = whole ? Image() : crop(image, fit.source);
  const Image* source = whole ? &image : &cropped;
  const Image gray = spec.order == ChannelOrder::kGray ? to_gray(*source) : Image();
  if (spec.order == ChannelOrder::kGray) {
    source = &gray;
  }
  Image resized =
      resize_image(*source, fit.width, fit.height, fit.window, spec.filter, spec.antialias);
  if (resized.width == spec.width && resized.height == spec.height) {
    return resized;
  }
  return pad(resized, spec, fit);
}

PixelWriter::PixelWriter(const ImageSpec& spec) : spec_(spec) {
  for (size_t c = 0; c < values_.size(); ++c) {
    for (size_t level = 0; level < values_[c].size(); ++level) {
      values_[c][level] = static_cast<float>(
          (static_cast<double>(level) * spec.scale - spec.mean[c]) / spec.std[c]);
    }
  }
}

void PixelWriter::write(const Image& levels, std::span<std::byte> out) const {
  const auto channels = static_cast<size_t>(levels.channels);
  const size_t pixels = levels.pixels.size() / channels;
  const bool is_float = spec_.dtype == DType::kFloat;
  PTQ_CHECK(levels.width == spec_.width && levels.height == spec_.height &&
            levels.channels == spec_.channels() &&
            out.size() == levels.pixels.size() * (is_float ? sizeof(float) : 1));
  const bool planes = spec_.layout == ImageLayout::kNchw;
  auto* floats = reinterpret_cast<float*>(out.data());
  auto* bytes = reinterpret_cast<uint8_t*>(out.data());
  for (size_t c = 0; c < channels; ++c) {
    const size_t from = spec_.order == ChannelOrder::kBgr ? channels - 1 - c : c;
    const uint8_t* in = levels.pixels.data() + from;
    const size_t first = planes ? c * pixels : c;
    const size_t step = planes ? 1 : channels;
    if (is_float) {
      const std::array<float, 256>& values = values_[c];
      for (size_t i = 0; i < pixels; ++i) {
        floats[first + i * step] = values[in[i * channels]];
      }
    } else {
      for (size_t i = 0; i < pixels; ++i) {
        bytes[first + i * step] = in[i * channels];
      }
    }
  }
}

}  // namespace ptq

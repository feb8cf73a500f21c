#pragma once
// From a decoded image to the tensor that an image spec asks for. Free functions on values; any
// thread.

#include <cstddef>
#include <span>
#include <string_view>

#include "data/image.h"
#include "data/image_spec.h"

namespace ptq {

// Where an image of given size goes: `source` of it is resized to width × height, `window` of that
// lands in the tensor at (left, top).
struct ImageFit {
  PixelWindow source{};
  int width = 0;
  int height = 0;
  PixelWindow window{};
  int left = 0;
  int top = 0;
};

// Throws Error{kInput} (without a file name) when the spec does not resize and the size is another,
// or when the aspect ratio is so extreme that the resized image would exceed a million pixels a
// side.
ImageFit fit_image(const ImageSpec& spec, int width, int height);

// Levels as the tensor holds them before scaling: R, G, B (or gray), spec.width × spec.height,
// padding included. `image` is R, G, B and already oriented.
Image arrange_image(const Image& image, const ImageSpec& spec);

// Writes one image of the tensor: channel order, layout, scale, mean, std. `levels` comes from
// arrange_image; `out` has the bytes of tensor_shape(1).
class PixelWriter {
 public:
  explicit PixelWriter(const ImageSpec& spec);
  void write(const Image& levels, std::span<std::byte> out) const;

 private:
  ImageSpec spec_;
  std::array<std::array<float, 256>, 3> values_{};  // by channel of the tensor and level
};

}  // namespace ptq

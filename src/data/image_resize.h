#pragma once
// Resizing of 8-bit images. Free functions on values; any thread.
//
// With antialiasing the result equals that of Pillow's Image.resize (version 13) level for level:
// the filter is widened by the factor of reduction (nearest excepted), weights of each output pixel
// add up to 1 in fixed point of 22 bits, and levels are rounded to 8 bits between both axes.
// Without antialiasing, bilinear interpolates between the nearest pixels with weights of 11 bits,
// as OpenCV's INTER_LINEAR does, level for level too.

#include <string_view>

#include "data/image.h"

namespace ptq {

enum class ResizeFilter { kNearest, kBox, kBilinear, kHamming, kBicubic, kLanczos };

// The part of the resized image that is wanted: only this much is computed.
struct PixelWindow {
  int x = 0;
  int y = 0;
  int width = 0;
  int height = 0;
};

// Pixels `window` of `image` resized to width × height (all at least 1; the window lies inside).
// `antialias` = false is for kBilinear and kNearest, which knows no antialiasing.
Image resize_image(const Image& image, int width, int height, const PixelWindow& window,
                   ResizeFilter filter, bool antialias);

}  // namespace ptq

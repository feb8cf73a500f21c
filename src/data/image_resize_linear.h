#pragma once
// Bilinear interpolation between the nearest pixels, without antialiasing. Called by
// resize_image(), which checks the arguments. Any thread.

#include "data/image_resize.h"

namespace ptq {

Image interpolate_linear(const Image& image, int width, int height, const PixelWindow& window);

}  // namespace ptq

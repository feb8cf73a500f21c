#pragma once
// The two decoders behind decode_image, and what they share. Any thread.

#include <string_view>

#include "data/image_decode.h"

namespace ptq {

// Throws Error{kInput}: "WHERE: what [PTQ-S030]".
[[noreturn]] void refuse_image(const EncodedImage& file, std::string_view what);

// Sizes as the header gives them, against the caps.
void check_image_size(const EncodedImage& file, int64_t width, int64_t height);

struct DecodedImage {
  Image image;
  int orientation = 1;
};

ImageHead read_jpeg_head(const EncodedImage& file);
DecodedImage decode_jpeg(const EncodedImage& file);
ImageHead read_png_head(const EncodedImage& file);
DecodedImage decode_png(const EncodedImage& file);

}  // namespace ptq

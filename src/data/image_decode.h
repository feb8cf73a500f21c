#pragma once
// JPEG and PNG files as 8-bit images, told by their content. The pixels are those of Pillow's
// Image.open(file).convert("RGB"): transparency is dropped, not blended; CMYK becomes RGB by
// Adobe's convention; gray becomes three equal channels; colour profiles and gamma are not applied.
// Refused are files that are damaged or cut off (every warning of libjpeg counts), more than
// kMaxImagePixels or a side above kMaxImageSide, both before memory is taken, and 16-bit gray,
// which programs read in different ways. Free functions; any thread.
//
// image_jpeg.cpp alone knows libjpeg, image_png.cpp alone libpng.

#include <cstdint>
#include <span>
#include <string_view>

#include "data/image.h"

namespace ptq {

constexpr int64_t kMaxImagePixels = int64_t{1} << 26;  // 8192 × 8192: 192 MiB as RGB
constexpr int64_t kMaxImageSide = 65535;

// An encoded image: its bytes, and the file's name for messages. Both outlive the call.
struct EncodedImage {
  std::span<const uint8_t> bytes;
  std::string_view where;
};

struct ImageHead {
  int width = 0;  // as stored, before the orientation is applied
  int height = 0;
  int orientation = 1;  // EXIF, 1..8; 1 when there is none that can be read
};

// Size and orientation from what stands before the pixels (the orientation of a PNG file may also
// follow them: decode_image sees it). Throws Error{kInput} for what decode_image would refuse as
// far as that is known without decoding.
ImageHead read_image_head(const EncodedImage& file);

// R, G, B. With `orient`, turned as EXIF says. Throws Error{kInput} naming the file.
Image decode_image(const EncodedImage& file, bool orient);

// 0.299 R + 0.587 G + 0.114 B in fixed point of 16 bits, rounded: Pillow's convert("L").
Image to_gray(const Image& image);

}  // namespace ptq

#include "data/image_orientation.h"

#include <algorithm>
#include <utility>

namespace ptq {
namespace {

constexpr uint16_t kOrientationTag = 0x0112;
constexpr uint16_t kTypeShort = 3;
constexpr size_t kEntryBytes = 12;

// Numbers of a TIFF structure, in its byte order. Outside of the bytes all is 0.
class TiffBytes {
 public:
  TiffBytes(std::span<const uint8_t> bytes, bool big_endian)
      : bytes_(bytes), big_endian_(big_endian) {}

  uint16_t u16(size_t at) const { return static_cast<uint16_t>(number(at, 2)); }
  uint32_t u32(size_t at) const { return number(at, 4); }

 private:
  uint32_t number(size_t at, size_t count) const {
    if (at > bytes_.size() || bytes_.size() - at < count) {
      return 0;
    }
    uint32_t value = 0;
    for (size_t i = 0; i < count; ++i) {
      value = value << 8 | bytes_[at + (big_endian_ ? i : count - 1 - i)];
    }
    return value;
  }

  std::span<const uint8_t> bytes_;
  bool big_endian_;
};

}  // namespace

int exif_orientation(std::span<const uint8_t> exif) {
  if (exif.size() < 8 || exif[0] != exif[1] || (exif[0] != 'I' && exif[0] != 'M')) {
    return 1;
  }
  const TiffBytes tiff(exif, exif[0] == 'M');
  if (tiff.u16(2) != 42) {
    return 1;
  }
  const size_t directory = tiff.u32(4);
  const size_t entries = tiff.u16(directory);
  for (size_t i = 0; i < entries; ++i) {
    const size_t entry = directory + 2 + i * kEntryBytes;
    if (tiff.u16(entry) == kOrientationTag) {
      const int value = tiff.u16(entry + 8);
      const bool is_valid =
          tiff.u16(entry + 2) == kTypeShort && tiff.u32(entry + 4) == 1 && value >= 1 && value <= 8;
      return is_valid ? value : 1;
    }
  }
  return 1;
}

Image apply_orientation(Image image, int orientation) {
  if (orientation <= 1 || orientation > 8) {
    return image;
  }
  // Where the output's x runs along the input's y, and whether either input axis runs backwards.
  const bool transpose = orientation >= 5;
  const bool flip_x = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool flip_y = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  Image out(transpose ? image.height : image.width, transpose ? image.width : image.height,
            image.channels);
  for (int y = 0; y < out.height; ++y) {
    uint8_t* pixel = out.row(y);
    for (int x = 0; x < out.width; ++x) {
      const int along_x = transpose ? y : x;
      const int along_y = transpose ? x : y;
      const int in_x = flip_x ? image.width - 1 - along_x : along_x;
      const int in_y = flip_y ? image.height - 1 - along_y : along_y;
      pixel = std::copy_n(image.row(in_y) + static_cast<ptrdiff_t>(in_x) * image.channels,
                          image.channels, pixel);
    }
  }
  return out;
}

}  // namespace ptq

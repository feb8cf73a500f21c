#include "data/image_decode.h"

#include <array>
#include <utility>

#include <fmt/format.h>

#include "data/byte_stream.h"
#include "data/findings.h"
#include "data/image_codec.h"
#include "data/image_orientation.h"
#include "ptq/error.h"

namespace ptq {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kJpegMagic = "\xff\xd8\xff"sv;
constexpr std::string_view kPngMagic = "\x89PNG\r\n\x1a\n"sv;

struct OtherFormat {
  std::string_view magic;
  std::string_view name;
};

// Other images that lie in folders under the wrong name. Bytes 4.. of HEIF files are in `ftyp`.
constexpr std::array<OtherFormat, 10> kOthers = {{
    {"GIF87a"sv, "a GIF image"sv},
    {"GIF89a"sv, "a GIF image"sv},
    {"BM"sv, "a BMP image"sv},
    {"II*\0"sv, "a TIFF image"sv},
    {"MM\0*"sv, "a TIFF image"sv},
    {"RIFF"sv, "a WebP image or other RIFF file"sv},
    {"\0\0\0\x0c"
     "JXL "sv,
     "a JPEG XL image"sv},
    {"\0\0\0\x0cjP  "sv, "a JPEG 2000 image"sv},
    {"8BPS"sv, "a Photoshop image"sv},
    {"%PDF"sv, "a PDF document"sv},
}};

std::string_view as_text(std::span<const uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string_view name_content(std::span<const uint8_t> bytes) {
  const std::string_view text = as_text(bytes);
  for (const OtherFormat& other : kOthers) {
    if (text.starts_with(other.magic)) {
      return other.name;
    }
  }
  if (text.size() >= 12 && text.substr(4, 4) == "ftyp") {
    return "an AVIF or HEIF image or an MP4 file";
  }
  return guess_content(std::as_bytes(bytes));
}

bool is_jpeg(const EncodedImage& file) {
  return as_text(file.bytes).starts_with(kJpegMagic);
}

bool is_png(const EncodedImage& file) {
  return as_text(file.bytes).starts_with(kPngMagic);
}

[[noreturn]] void refuse_content(const EncodedImage& file) {
  const std::string_view content = name_content(file.bytes);
  refuse_image(file, fmt::format("expected a JPEG or PNG image, found {} (the content decides, not "
                                 "the name); convert it to PNG, move it away, or leave such files "
                                 "out with --skip-bad",
                                 file.bytes.empty() ? "an empty file"sv
                                 : content.empty()  ? "neither of them"sv
                                                    : content));
}

}  // namespace

void refuse_image(const EncodedImage& file, std::string_view what) {
  refuse_data(DataFinding::kBadImage, printable(file.where), what);
}

void check_image_size(const EncodedImage& file, int64_t width, int64_t height) {
  if (width <= 0 || height <= 0) {
    refuse_image(file, fmt::format("the image has no pixels ({}x{})", width, height));
  }
  if (width > kMaxImageSide || height > kMaxImageSide || width * height > kMaxImagePixels) {
    refuse_image(file, fmt::format("expected at most {} pixels and {} a side, found {}x{}; "
                                   "reduce the image",
                                   kMaxImagePixels, kMaxImageSide, width, height));
  }
}

ImageHead read_image_head(const EncodedImage& file) {
  if (is_jpeg(file)) {
    return read_jpeg_head(file);
  }
  if (is_png(file)) {
    return read_png_head(file);
  }
  refuse_content(file);
}

Image decode_image(const EncodedImage& file, bool orient) {
  if (!is_jpeg(file) && !is_png(file)) {
    refuse_content(file);
  }
  DecodedImage decoded = is_jpeg(file) ? decode_jpeg(file) : decode_png(file);
  return apply_orientation(std::move(decoded.image), orient ? decoded.orientation : 1);
}

Image to_gray(const Image& image) {
  PTQ_CHECK(image.channels == 3);
  Image gray(image.width, image.height, 1);
  for (size_t i = 0; i < gray.pixels.size(); ++i) {
    const uint8_t* rgb = image.pixels.data() + 3 * i;
    const uint32_t sum = rgb[0] * 19595U + rgb[1] * 38470U + rgb[2] * 7471U;
    gray.pixels[i] = static_cast<uint8_t>((sum + 0x8000U) >> 16);
  }
  return gray;
}

}  // namespace ptq

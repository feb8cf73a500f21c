// PNG by libpng. Its errors leave by longjmp, so functions that call it hold no objects with
// destructors; what they fill lies in PngDecoder.

#include <algorithm>
#include <csetjmp>
#include <cstring>
#include <vector>

#include <fmt/format.h>
#include <png.h>

#include "data/image_codec.h"
#include "data/image_orientation.h"
#include "ptq/error.h"

namespace ptq {
namespace {

constexpr size_t kSignatureBytes = 8;

// The orientation of the eXIf chunk. Found here, since libpng takes as much memory as a chunk says
// that it holds.
int find_orientation(std::span<const uint8_t> file) {
  const auto u32 = [](std::span<const uint8_t> bytes) {
    return uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 | uint32_t{bytes[2]} << 8 | bytes[3];
  };
  constexpr uint32_t kExifChunk = 0x65584966;  // "eXIf"
  std::span<const uint8_t> rest = file.subspan(std::min(kSignatureBytes, file.size()));
  while (rest.size() >= 12) {  // length, type, checksum
    const size_t length = u32(rest);
    if (length > rest.size() - 12) {
      return 1;
    }
    if (u32(rest.subspan(4)) == kExifChunk) {
      return exif_orientation(rest.subspan(8, length));
    }
    rest = rest.subspan(12 + length);
  }
  return 1;
}

class PngDecoder {
 public:
  explicit PngDecoder(const EncodedImage& file) : file_(file) {
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, &on_error, &on_warning);
    info_ = png_ == nullptr ? nullptr : png_create_info_struct(png_);
    if (info_ == nullptr) {
      png_destroy_read_struct(&png_, &info_, nullptr);
      throw Error(ErrorCode::kEnvironment,
                  "libpng cannot start: no memory, or another version than "
                  "the one that ptq was built with");
    }
    if (!open()) {
      fail();
    }
  }
  ~PngDecoder() { png_destroy_read_struct(&png_, &info_, nullptr); }
  PngDecoder(const PngDecoder&) = delete;
  PngDecoder& operator=(const PngDecoder&) = delete;

  ImageHead head() const {
    const png_uint_32 width = png_get_image_width(png_, info_);
    const png_uint_32 height = png_get_image_height(png_, info_);
    check_image_size(file_, width, height);
    const int colour = png_get_color_type(png_, info_);
    if (png_get_bit_depth(png_, info_) == 16 && (colour & PNG_COLOR_MASK_COLOR) == 0) {
      refuse_image(file_,
                   "expected 8 bits a channel, found 16-bit gray, which programs scale or "
                   "clip in different ways; convert it to 8 bits");
    }
    return {static_cast<int>(width), static_cast<int>(height), find_orientation(file_.bytes)};
  }

  // R, G, B.
  Image pixels() {
    const ImageHead sizes = head();
    const bool indexed = png_get_color_type(png_, info_) == PNG_COLOR_TYPE_PALETTE;
    Image image(sizes.width, sizes.height, indexed ? 1 : 3);
    std::vector<png_bytep> rows;
    rows.reserve(static_cast<size_t>(image.height));
    for (int y = 0; y < image.height; ++y) {
      rows.push_back(image.row(y));
    }
    if (!fill(rows.data(), image.row_bytes())) {
      fail();
    }
    return indexed ? look_up(image) : image;
  }

 private:
  [[noreturn]] static void on_error(png_structp png, png_const_charp message) {
    auto* self = static_cast<PngDecoder*>(png_get_error_ptr(png));
    std::strncpy(self->message_, message, sizeof(self->message_) - 1);
    png_longjmp(png, 1);
  }

  // About chunks that change no pixel; damaged pixels are errors.
  static void on_warning(png_structp /*png*/, png_const_charp /*message*/) {}

  static void read_bytes(png_structp png, png_bytep out, size_t count) {
    auto* self = static_cast<PngDecoder*>(png_get_io_ptr(png));
    const std::span<const uint8_t> rest = self->file_.bytes.subspan(self->position_);
    if (rest.size() < count) {
      png_error(png, "the file ends too early");
    }
    std::memcpy(out, rest.data(), count);
    self->position_ += count;
  }

  bool open() {
    if (setjmp(png_jmpbuf(png_)) != 0) {
      return false;
    }
    png_set_read_fn(png_, this, &read_bytes);
    // No chunk that changes no pixel: some unpack to far more than they hold.
    png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
    png_set_user_limits(png_, PNG_UINT_31_MAX, PNG_UINT_31_MAX);  // head() has limits of its own
    png_set_chunk_malloc_max(png_, file_.bytes.size());
    png_read_info(png_, info_);
    return true;
  }

  bool fill(png_bytepp rows, size_t row_bytes) {
    if (setjmp(png_jmpbuf(png_)) != 0) {
      return false;
    }
    if (png_get_color_type(png_, info_) == PNG_COLOR_TYPE_PALETTE) {
      png_set_packing(png_);  // one index a byte
    } else {
      png_set_expand_gray_1_2_4_to_8(png_);
      png_set_strip_16(png_);  // the upper byte, as Pillow does
      png_set_strip_alpha(png_);
      png_set_gray_to_rgb(png_);
    }
    png_set_interlace_handling(png_);
    png_read_update_info(png_, info_);
    if (png_get_rowbytes(png_, info_) != row_bytes) {
      png_error(png_, "a row has another size than its header says");
    }
    png_read_image(png_, rows);
    png_read_end(png_, info_);
    return true;
  }

  // libpng itself would read beyond the palette without a word.
  Image look_up(const Image& indices) const {
    png_colorp palette = nullptr;
    int colours = 0;
    png_get_PLTE(png_, info_, &palette, &colours);
    Image image(indices.width, indices.height, 3);
    uint8_t* pixel = image.pixels.data();
    for (const uint8_t index : indices.pixels) {
      if (index >= colours) {
        refuse_image(file_, fmt::format("the PNG image is damaged: a pixel has colour {} of a "
                                        "palette of {}",
                                        index, colours));
      }
      *pixel++ = palette[index].red;
      *pixel++ = palette[index].green;
      *pixel++ = palette[index].blue;
    }
    return image;
  }

  [[noreturn]] void fail() {
    const std::string message = printable(message_);
    png_destroy_read_struct(&png_, &info_, nullptr);
    refuse_image(file_, fmt::format("the PNG image is damaged or cut off: {}; replace it, or leave "
                                    "such files out with --skip-bad",
                                    message));
  }

  EncodedImage file_;
  size_t position_ = 0;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  char message_[200] = {};
};

}  // namespace

ImageHead read_png_head(const EncodedImage& file) {
  return PngDecoder(file).head();
}

DecodedImage decode_png(const EncodedImage& file) {
  return {PngDecoder(file).pixels(), find_orientation(file.bytes)};
}

}  // namespace ptq

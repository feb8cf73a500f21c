// JPEG by libjpeg. Its errors leave by longjmp, so functions that call it hold no objects with
// destructors; what they fill lies in JpegDecoder.

#include <csetjmp>
#include <cstddef>
#include <cstdio>  // jpeglib.h needs it

#include <fmt/format.h>
#include <jpeglib.h>

#include "data/image_codec.h"
#include "data/image_orientation.h"
#include "ptq/error.h"

namespace ptq {
namespace {

// Progressive files have about ten; each costs a pass over all pixels, with next to no bytes if the
// author so wishes.
constexpr int kMaxScans = 100;

struct Trap {
  jpeg_error_mgr manager;  // first: libjpeg hands back a pointer to it
  jmp_buf jump;
  char message[JMSG_LENGTH_MAX];
};

[[noreturn]] void leave(j_common_ptr info) {
  auto* trap = reinterpret_cast<Trap*>(info->err);
  info->err->format_message(info, trap->message);
  longjmp(trap->jump, 1);
}

// Negative levels are warnings of damage, others are chatter.
void on_message(j_common_ptr info, int level) {
  if (level < 0) {
    leave(info);
  }
}

void count_scans(j_common_ptr info) {
  if (reinterpret_cast<j_decompress_ptr>(info)->input_scan_number > kMaxScans) {
    auto* trap = reinterpret_cast<Trap*>(info->err);
    std::snprintf(trap->message, sizeof(trap->message), "more than %d scans", kMaxScans);
    longjmp(trap->jump, 1);
  }
}

// Channels that libjpeg gives for a file; 0 for colour spaces that mean nothing here.
int output_channels(J_COLOR_SPACE stored) {
  switch (stored) {
    case JCS_GRAYSCALE:
      return 1;
    case JCS_RGB:
    case JCS_YCbCr:
      return 3;
    case JCS_CMYK:
    case JCS_YCCK:
      return 4;
    default:
      return 0;
  }
}

class JpegDecoder {
 public:
  explicit JpegDecoder(const EncodedImage& file) : file_(file) {
    info_.err = jpeg_std_error(&trap_.manager);
    trap_.manager.error_exit = &leave;
    trap_.manager.emit_message = &on_message;
    progress_.progress_monitor = &count_scans;
    if (!open()) {
      fail();
    }
  }
  ~JpegDecoder() { jpeg_destroy_decompress(&info_); }
  JpegDecoder(const JpegDecoder&) = delete;
  JpegDecoder& operator=(const JpegDecoder&) = delete;

  ImageHead head() const {
    check_image_size(file_, info_.image_width, info_.image_height);
    if (output_channels(info_.jpeg_color_space) == 0) {
      refuse_image(file_, fmt::format("expected a gray, RGB, YCbCr, CMYK or YCCK JPEG image, found "
                                      "{} channels of another kind; convert it",
                                      info_.num_components));
    }
    return {static_cast<int>(info_.image_width), static_cast<int>(info_.image_height),
            orientation()};
  }

  // Gray, RGB or CMYK as stored.
  Image pixels() {
    const ImageHead sizes = head();
    const int channels = output_channels(info_.jpeg_color_space);
    info_.out_color_space = channels == 1 ? JCS_GRAYSCALE : channels == 3 ? JCS_RGB : JCS_CMYK;
    Image image(sizes.width, sizes.height, channels);
    if (!fill(image.pixels.data(), image.row_bytes())) {
      fail();
    }
    return image;
  }

 private:
  bool open() {
    if (setjmp(trap_.jump) != 0) {
      return false;
    }
    jpeg_create_decompress(&info_);
    info_.progress = &progress_;
    jpeg_mem_src(&info_, file_.bytes.data(), static_cast<unsigned long>(file_.bytes.size()));
    jpeg_save_markers(&info_, JPEG_APP0 + 1, 0xffff);
    jpeg_read_header(&info_, TRUE);
    return true;
  }

  bool fill(uint8_t* pixels, size_t row_bytes) {
    if (setjmp(trap_.jump) != 0) {
      return false;
    }
    jpeg_start_decompress(&info_);
    while (info_.output_scanline < info_.output_height) {
      JSAMPROW row = pixels + row_bytes * info_.output_scanline;
      jpeg_read_scanlines(&info_, &row, 1);
    }
    jpeg_finish_decompress(&info_);
    return true;
  }

  int orientation() const {
    constexpr std::string_view kPrefix("Exif\0\0", 6);
    for (const jpeg_marker_struct* marker = info_.marker_list; marker != nullptr;
         marker = marker->next) {
      const std::span<const uint8_t> bytes(marker->data, marker->data_length);
      if (std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size())
              .starts_with(kPrefix)) {
        return exif_orientation(bytes.subspan(kPrefix.size()));
      }
    }
    return 1;
  }

  // Frees libjpeg's memory too: the constructor may call this.
  [[noreturn]] void fail() {
    jpeg_destroy_decompress(&info_);
    refuse_image(file_,
                 fmt::format("the JPEG image is damaged or cut off: {}; replace it, or leave "
                             "such files out with --skip-bad",
                             printable(trap_.message)));
  }

  EncodedImage file_;
  jpeg_decompress_struct info_{};
  jpeg_progress_mgr progress_{};
  Trap trap_{};
};

// Adobe stores inverted inks, so a stored value is 255 - ink; Pillow takes every CMYK file as such.
Image cmyk_to_rgb(const Image& stored) {
  Image rgb(stored.width, stored.height, 3);
  for (size_t i = 0; i < static_cast<size_t>(rgb.width) * static_cast<size_t>(rgb.height); ++i) {
    const uint8_t* in = stored.pixels.data() + 4 * i;
    const int white = in[3];  // 255 - black
    for (size_t c = 0; c < 3; ++c) {
      const int product = (255 - in[c]) * white + 128;
      const int ink = ((product >> 8) + product) >> 8;  // divided by 255, rounded
      rgb.pixels[3 * i + c] = static_cast<uint8_t>(white > ink ? white - ink : 0);
    }
  }
  return rgb;
}

Image gray_to_rgb(const Image& gray) {
  Image rgb(gray.width, gray.height, 3);
  for (size_t i = 0; i < gray.pixels.size(); ++i) {
    for (size_t c = 0; c < 3; ++c) {
      rgb.pixels[3 * i + c] = gray.pixels[i];
    }
  }
  return rgb;
}

}  // namespace

ImageHead read_jpeg_head(const EncodedImage& file) {
  return JpegDecoder(file).head();
}

DecodedImage decode_jpeg(const EncodedImage& file) {
  JpegDecoder decoder(file);
  const int orientation = decoder.head().orientation;
  Image stored = decoder.pixels();
  if (stored.channels == 4) {
    return {cmyk_to_rgb(stored), orientation};
  }
  return {stored.channels == 1 ? gray_to_rgb(stored) : std::move(stored), orientation};
}

}  // namespace ptq

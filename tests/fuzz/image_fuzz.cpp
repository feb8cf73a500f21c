// Image files and image specs from hostile bytes: they end in an image of the size that the head
// gives, or in an Error of one line.

#include <cstdint>
#include <span>
#include <string_view>

#include "data/image_decode.h"
#include "data/image_spec.h"
#include "data/image_tensor.h"
#include "ptq/error.h"

namespace ptq {

int fuzz_image(std::span<const uint8_t> bytes) {
  const EncodedImage file{bytes, "fuzz"};
  try {
    const ImageHead head = read_image_head(file);
    constexpr int64_t kEnough = int64_t{1} << 20;  // larger ones only cost time
    if (int64_t{head.width} * head.height > kEnough) {
      return 0;
    }
    const Image image = decode_image(file, true);
    PTQ_CHECK(image.pixels.size() == static_cast<size_t>(head.width) *
                                         static_cast<size_t>(head.height) * 3);
    for (const ImagePreset& preset : image_presets()) {
      ImageSpec spec = preset.spec;
      spec.width = spec.height = 32;
      spec.shortest_side = 40;
      arrange_image(image, spec);
    }
  } catch (const Error& error) {
    PTQ_CHECK(error.code() == ErrorCode::kInput);
    PTQ_CHECK(std::string_view(error.what()).find('\n') == std::string_view::npos);
  }
  return 0;
}

int fuzz_image_spec(std::span<const uint8_t> bytes) {
  try {
    canonical_text(parse_image_spec(
        {reinterpret_cast<const char*>(bytes.data()), bytes.size()}, "fuzz"));
  } catch (const Error& error) {
    PTQ_CHECK(error.code() == ErrorCode::kUsage);
    PTQ_CHECK(std::string_view(error.what()).find('\n') == std::string_view::npos);
  }
  return 0;
}

}  // namespace ptq

// Image files, and the specs that say how to prepare them.

#include "data/image_decode.h"
#include "data/image_spec.h"
#include "data/image_tensor.h"
#include "fuzz/as_file.h"
#include "fuzz/targets.h"
#include "ptq/error.h"

namespace ptq::fuzz {
namespace {

void require_one_line(const Error& error, ErrorCode code) {
  PTQ_REQUIRE(error.code() == code);
  PTQ_REQUIRE(std::string_view(error.what()).find('\n') == std::string_view::npos);
}

}  // namespace

void image(std::span<const uint8_t> bytes) {
  const EncodedImage file{bytes, "fuzz"};
  try {
    const ImageHead head = read_image_head(file);
    constexpr int64_t kEnough = int64_t{1} << 20;  // larger ones only cost time
    if (int64_t{head.width} * head.height > kEnough) {
      return;
    }
    const Image decoded = decode_image(file, true);
    PTQ_REQUIRE(int64_t{decoded.width} * decoded.height == int64_t{head.width} * head.height);
    PTQ_REQUIRE(decoded.pixels.size() == decoded.row_bytes() * static_cast<size_t>(decoded.height));
    for (const ImagePreset& preset : image_presets()) {
      ImageSpec spec = preset.spec;
      spec.width = spec.height = 32;
      spec.shortest_side = 40;
      const Image arranged = arrange_image(decoded, spec);
      PTQ_REQUIRE(arranged.width == 32 && arranged.height == 32);
    }
  } catch (const Error& error) {
    require_one_line(error, ErrorCode::kInput);
  }
}

void image_spec(std::span<const uint8_t> bytes) {
  try {
    const ImageSpec spec =
        parse_image_spec({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, "fuzz");
    check_image_spec(spec, "fuzz");
    PTQ_REQUIRE(canonical_text(spec).starts_with("images/1 "));
  } catch (const Error& error) {
    require_one_line(error, ErrorCode::kUsage);
  }
}

}  // namespace ptq::fuzz

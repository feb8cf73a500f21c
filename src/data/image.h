#pragma once
// A decoded picture: 8-bit samples, interleaved, rows from the top. Plain value; any thread.

#include <cstddef>
#include <cstdint>
#include <vector>

namespace ptq {

struct Image {
  int width = 0;
  int height = 0;
  int channels = 3;               // 3 = R, G, B; 1 = gray
  std::vector<uint8_t> pixels{};  // height × width × channels

  Image() = default;
  Image(int image_width, int image_height, int image_channels)
      : width(image_width), height(image_height), channels(image_channels) {
    pixels.resize(row_bytes() * static_cast<size_t>(height));
  }

  size_t row_bytes() const { return static_cast<size_t>(width) * static_cast<size_t>(channels); }
  const uint8_t* row(int y) const { return pixels.data() + row_bytes() * static_cast<size_t>(y); }
  uint8_t* row(int y) { return pixels.data() + row_bytes() * static_cast<size_t>(y); }
};

}  // namespace ptq

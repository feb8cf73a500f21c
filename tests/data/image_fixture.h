#pragma once
// The pictures of tests/data/images and what Pillow 13 and OpenCV 5 make of them (see
// make_image_fixtures.py).

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "data/array_file.h"
#include "data/image.h"
#include "data/image_decode.h"

namespace ptq::testing {

inline std::filesystem::path image_folder() {
  return std::filesystem::path(PTQ_SOURCE_DIR) / "tests/data/images";
}

inline std::vector<uint8_t> bytes_of(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  EXPECT_TRUE(stream.good()) << path;
  return {std::istreambuf_iterator<char>(stream), {}};
}

inline std::vector<uint8_t> fixture_bytes(const std::string& name) {
  return bytes_of(image_folder() / name);
}

inline Image fixture(const std::string& name, bool orient = true) {
  return decode_image({fixture_bytes(name), name}, orient);
}

// An array [height, width] or [height, width, 3] of expected.npz.
inline Image expected_image(const std::string& key) {
  static const std::unique_ptr<ArrayFile> file = open_array_file(image_folder() / "expected.npz");
  const Tensor tensor = file->open_array(key)->read_whole();
  Image image(static_cast<int>(tensor.shape()[1]), static_cast<int>(tensor.shape()[0]),
              tensor.rank() == 3 ? 3 : 1);
  EXPECT_EQ(image.pixels.size(), static_cast<size_t>(tensor.size()));
  std::memcpy(image.pixels.data(), tensor.bytes().data(), image.pixels.size());
  return image;
}

// The keys of expected.npz that begin with `prefix`, without it.
inline std::vector<std::string> expected_keys(const std::string& prefix) {
  std::vector<std::string> keys;
  const std::unique_ptr<ArrayFile> file = open_array_file(image_folder() / "expected.npz");
  for (const std::string& key : file->keys()) {
    if (key.starts_with(prefix)) {
      keys.push_back(key.substr(prefix.size()));
    }
  }
  return keys;
}

// Largest difference of two levels; 256 when sizes differ.
inline int max_difference(const Image& a, const Image& b) {
  if (a.width != b.width || a.height != b.height || a.channels != b.channels) {
    return 256;
  }
  int worst = 0;
  for (size_t i = 0; i < a.pixels.size(); ++i) {
    worst = std::max(worst, std::abs(a.pixels[i] - b.pixels[i]));
  }
  return worst;
}

}  // namespace ptq::testing

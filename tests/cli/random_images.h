#pragma once
// Noise in the form of the images that the networks of data/ take, as .npz files.

#include <algorithm>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "data/npy_writer.h"

namespace ptq::testing {

inline constexpr int64_t kPixels = int64_t{28} * 28;

inline std::vector<float> random_images(int64_t count) {
  std::mt19937 generator(11);
  std::uniform_int_distribution<int> pixel(0, 255);
  std::vector<float> values(static_cast<size_t>(count * kPixels));
  for (float& value : values) {
    value = static_cast<float>(pixel(generator));
  }
  return values;
}

// `images` split into .npz files of `rows` images each.
inline void write_batches(const std::string& folder, const std::vector<float>& images,
                          int64_t rows) {
  std::filesystem::create_directory(folder);
  const int64_t count = static_cast<int64_t>(images.size()) / kPixels;
  for (int64_t first = 0; first < count; first += rows) {
    const int64_t size = std::min(rows, count - first);
    const std::vector<float> part(images.begin() + first * kPixels,
                                  images.begin() + (first + size) * kPixels);
    const std::string number = std::to_string(1000 + first);
    write_npz(folder + "/" + number + ".npz", {{"image", npy<float>({size, 1, 28, 28}, part)}});
  }
}

}  // namespace ptq::testing

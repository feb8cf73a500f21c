#include "data/formats.h"

#include <algorithm>

#include "data/byte_stream.h"
#include "data/data_listing.h"

namespace ptq {
namespace {

constexpr std::array<DataFormat, 6> kFormats = {{
    {.name = ".npz", .extensions = {".npz"}, .open = &read_array_files},
    {.name = ".npy", .extensions = {".npy"}, .open = &read_array_files},
    {.name = ".safetensors", .extensions = {".safetensors"}, .open = &read_array_files},
    {.name = ".jsonl", .extensions = {".jsonl"}, .tokens = true, .open = &read_token_files},
    {.name = "images (.jpg, .png)",
     .extensions = {".jpg", ".jpeg", ".png"},
     .images = true,
     .open = &read_images},
    {.name = "test_data_set_N folders",
     .extensions = {},
     .is_folder = true,
     .open = &read_test_sets},
}};

}  // namespace

std::span<const DataFormat> data_formats() {
  return kFormats;
}

const DataFormat* format_of_file(const std::filesystem::path& path) {
  const std::string extension = lower_extension(path);
  if (extension.empty()) {
    return nullptr;
  }
  const auto* row = std::ranges::find_if(kFormats, [&](const DataFormat& format) {
    return std::ranges::find(format.extensions, extension) != format.extensions.end();
  });
  return row == kFormats.end() ? nullptr : row;
}

const DataFormat* format_of_folder(const std::filesystem::path& folder) {
  if (!is_test_set(folder)) {
    return nullptr;
  }
  return std::ranges::find_if(kFormats, &DataFormat::is_folder);
}

const DataFormat* image_format() {
  return std::ranges::find_if(kFormats, &DataFormat::images);
}

std::string format_names() {
  std::string text;
  for (size_t i = 0; i < kFormats.size(); ++i) {
    text += (i == 0 ? "" : i + 1 == kFormats.size() ? " or " : ", ");
    text += kFormats[i].name;
  }
  return text;
}

}  // namespace ptq

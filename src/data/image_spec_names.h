#pragma once
// The words of an image spec and their values, one row each: for the parser and the canonical text.

#include <array>
#include <string_view>

#include "data/image_spec.h"

namespace ptq {

template <typename T>
struct NamedValue {
  std::string_view name;
  T value;
};

inline constexpr std::array<NamedValue<ResizeMode>, 5> kResizeModes = {{
    {"none", ResizeMode::kNone},
    {"stretch", ResizeMode::kStretch},
    {"shortest-side", ResizeMode::kShortestSide},
    {"center-crop", ResizeMode::kCenterCrop},
    {"letterbox", ResizeMode::kLetterbox},
}};
inline constexpr std::array<NamedValue<ResizeFilter>, 6> kResizeFilters = {{
    {"nearest", ResizeFilter::kNearest},
    {"box", ResizeFilter::kBox},
    {"bilinear", ResizeFilter::kBilinear},
    {"hamming", ResizeFilter::kHamming},
    {"bicubic", ResizeFilter::kBicubic},
    {"lanczos", ResizeFilter::kLanczos},
}};
inline constexpr std::array<NamedValue<Placement>, 2> kPlacements = {{
    {"center", Placement::kCenter},
    {"top-left", Placement::kTopLeft},
}};
inline constexpr std::array<NamedValue<Rounding>, 2> kRoundings = {{
    {"nearest", Rounding::kNearest},
    {"down", Rounding::kDown},
}};
inline constexpr std::array<NamedValue<ChannelOrder>, 3> kChannelOrders = {{
    {"rgb", ChannelOrder::kRgb},
    {"bgr", ChannelOrder::kBgr},
    {"gray", ChannelOrder::kGray},
}};
inline constexpr std::array<NamedValue<ImageLayout>, 2> kLayouts = {{
    {"nchw", ImageLayout::kNchw},
    {"nhwc", ImageLayout::kNhwc},
}};
inline constexpr std::array<NamedValue<DType>, 2> kImageDtypes = {{
    {"float32", DType::kFloat},
    {"uint8", DType::kUint8},
}};

template <typename T, size_t kSize>
std::string_view name_of(const std::array<NamedValue<T>, kSize>& table, T value) {
  for (const NamedValue<T>& row : table) {
    if (row.value == value) {
      return row.name;
    }
  }
  return {};
}

}  // namespace ptq

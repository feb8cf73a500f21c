#pragma once
// How images become the tensor that a model wants: a value that the user declares, by the name of a
// preset or in a TOML file (docs/images.md). Nothing in it is guessed from the model or the images.
// Plain value and free functions; any thread.

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/image_resize.h"
#include "data/sample_source.h"
#include "ptq/dtype.h"

namespace ptq {

enum class ResizeMode {
  kNone,          // images have the right size already; others are refused
  kStretch,       // to size, whatever the aspect
  kShortestSide,  // shorter side to shortest_side, then the central part of size
  kCenterCrop,    // a central square of crop_fraction × shorter side, stretched to size
  kLetterbox      // as large as fits into size, the rest filled with pad_color
};
enum class ChannelOrder { kRgb, kBgr, kGray };
enum class ImageLayout { kNchw, kNhwc };
enum class Placement { kCenter, kTopLeft };
enum class Rounding { kNearest, kDown };

struct ImageSpec {
  std::string input{};  // of the model; empty: its only one
  int width = 0;        // of the tensor
  int height = 0;
  ResizeMode resize = ResizeMode::kNone;
  int shortest_side = 0;       // kShortestSide
  double crop_fraction = 0.0;  // kCenterCrop, in (0, 1]
  ResizeFilter filter = ResizeFilter::kNearest;
  bool antialias = true;
  // kLetterbox
  std::array<uint8_t, 3> pad_color{};  // in the channel order of the tensor; the first one if gray
  Placement placement = Placement::kCenter;
  Rounding fit_rounding = Rounding::kNearest;  // of the resized sides; a half goes to even
  bool enlarge = true;                         // also images that are smaller than size
  bool exif_orientation = true;
  ChannelOrder order = ChannelOrder::kRgb;
  ImageLayout layout = ImageLayout::kNchw;
  DType dtype = DType::kFloat;  // or kUint8: levels as they are
  // kFloat: (level · scale - mean) / std, mean and std by channel in the tensor's order.
  double scale = 1.0;
  std::array<double, 3> mean{};
  std::array<double, 3> std{1.0, 1.0, 1.0};

  int channels() const { return order == ChannelOrder::kGray ? 1 : 3; }
  // [batch, channels, height, width] or [batch, height, width, channels].
  Shape tensor_shape(int64_t batch) const;
};

struct ImagePreset {
  std::string_view name;
  std::string_view summary;
  ImageSpec spec;
};
std::span<const ImagePreset> image_presets();
std::string image_preset_names();                             // "imagenet-torch, imagenet-tf, yolo"
const ImagePreset* find_image_preset(std::string_view name);  // null for none

// The preset of that name, else the file of that path. Throws Error{kUsage}, with line and column
// for what the file says.
ImageSpec load_image_spec(const std::string& preset_or_path);

// `text` in TOML; `where` begins each message.
ImageSpec parse_image_spec(std::string_view text, std::string_view where);

// Throws Error{kUsage}: "WHERE: WHAT [PTQ-S031]".
[[noreturn]] void refuse_image_spec(std::string_view where, std::string_view what);

// What only all keys together tell. Throws Error{kUsage}.
void check_image_spec(const ImageSpec& spec, std::string_view where);

// All that decides about values, defaults written out, on one line: equal texts mean equal tensors
// from equal files. Begins with its version, "images/1 size=224x224 …" (width × height).
std::string canonical_text(const ImageSpec& spec);

// The model's input that images go to, and how many images make one sample. `name` of the spec is
// for messages. Throws Error{kUsage} when the spec does not give what the input wants, or when the
// model has further inputs (beside `optional_inputs`) that images cannot feed.
struct ImageInput {
  std::string name;
  int64_t batch = 1;
};
ImageInput match_image_input(const ImageSpec& spec, std::string_view name,
                             std::span<const InputSpec> inputs,
                             std::span<const std::string> optional_inputs);

}  // namespace ptq

#include "data/image_spec.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <system_error>

#include <fmt/format.h>

#include "core/nearest_name.h"
#include "data/array_fit.h"
#include "data/byte_stream.h"
#include "data/findings.h"
#include "data/image_spec_names.h"
#include "ptq/error.h"

namespace ptq {
namespace {

constexpr ImageSpec imagenet_torch() {
  ImageSpec spec;
  spec.width = spec.height = 224;
  spec.resize = ResizeMode::kShortestSide;
  spec.shortest_side = 256;
  spec.filter = ResizeFilter::kBilinear;
  spec.scale = 1.0 / 255.0;
  spec.mean = {0.485, 0.456, 0.406};
  spec.std = {0.229, 0.224, 0.225};
  return spec;
}

constexpr ImageSpec imagenet_tf() {
  ImageSpec spec;
  spec.width = spec.height = 224;
  spec.resize = ResizeMode::kCenterCrop;
  spec.crop_fraction = 0.875;
  spec.filter = ResizeFilter::kBilinear;
  spec.antialias = false;
  spec.layout = ImageLayout::kNhwc;
  spec.mean = {127.5, 127.5, 127.5};
  spec.std = {127.5, 127.5, 127.5};
  return spec;
}

constexpr ImageSpec yolo() {
  ImageSpec spec;
  spec.width = spec.height = 640;
  spec.resize = ResizeMode::kLetterbox;
  spec.filter = ResizeFilter::kBilinear;
  spec.antialias = false;
  spec.pad_color = {114, 114, 114};
  spec.scale = 1.0 / 255.0;
  return spec;
}

const std::array<ImagePreset, 3>& presets() {
  static const std::array<ImagePreset, 3> kPresets = {{
      {"imagenet-torch", "torchvision classifiers: shorter side 256, center 224, NCHW",
       imagenet_torch()},
      {"imagenet-tf", "TensorFlow MobileNets: center 87.5 % to 224, -1..1, NHWC", imagenet_tf()},
      {"yolo", "Ultralytics YOLOv5, v8, 11: letterbox 640 on 114, 0..1, NCHW", yolo()},
  }};
  return kPresets;
}

constexpr size_t kMaxFileBytes = size_t{64} << 10;

std::string read_spec_file(const std::filesystem::path& path) {
  const uint64_t size = regular_file_size(path);
  if (size > kMaxFileBytes) {
    refuse_image_spec(path_text(path),
                      fmt::format("expected at most {} bytes, found {}", kMaxFileBytes, size));
  }
  std::string text(size, '\0');
  text.resize(open_file_stream(path)->read(std::as_writable_bytes(std::span(text))));
  return text;
}

std::string channel_values(const ImageSpec& spec, std::span<const double> values) {
  return fmt::format("{}", fmt::join(values.first(static_cast<size_t>(spec.channels())), ","));
}

bool shape_fits(const Shape& wanted, const Shape& given) {
  return wanted.size() == given.size() &&
         std::equal(wanted.begin(), wanted.end(), given.begin(),
                    [](int64_t want, int64_t have) { return want < 0 || want == have; });
}

}  // namespace

std::span<const ImagePreset> image_presets() {
  return presets();
}

std::string image_preset_names() {
  std::string names;
  for (const ImagePreset& preset : presets()) {
    names += fmt::format("{}{}", names.empty() ? "" : ", ", preset.name);
  }
  return names;
}

const ImagePreset* find_image_preset(std::string_view name) {
  const auto row = std::ranges::find(presets(), name, &ImagePreset::name);
  return row == presets().end() ? nullptr : row;
}

void refuse_image_spec(std::string_view where, std::string_view what) {
  throw Error(ErrorCode::kUsage,
              with_code(DataFinding::kBadImageSpec, fmt::format("{}: {}", where, what)));
}

ImageSpec load_image_spec(const std::string& preset_or_path) {
  if (const ImagePreset* preset = find_image_preset(preset_or_path)) {
    return preset->spec;
  }
  std::error_code failure;
  if (!std::filesystem::exists(preset_or_path, failure)) {
    std::vector<std::string> names;
    for (const ImagePreset& preset : presets()) {
      names.emplace_back(preset.name);
    }
    const std::string hint = nearest_name(preset_or_path, names);
    refuse_image_spec("--image-spec",
                      fmt::format("expected a preset ({}) or a TOML file, found '{}'{}",
                                  image_preset_names(), printable(preset_or_path),
                                  hint.empty() ? "" : fmt::format("; did you mean '{}'?", hint)));
  }
  try {
    return parse_image_spec(read_spec_file(preset_or_path), path_text(preset_or_path));
  } catch (const Error& error) {
    throw Error(ErrorCode::kUsage, error.what());  // what cannot be read is an option's fault here
  }
}

void check_image_spec(const ImageSpec& spec, std::string_view where) {
  const auto refuse = [&](const std::string& what) { refuse_image_spec(where, what); };
  const int longer = std::max(spec.width, spec.height);
  if (spec.resize == ResizeMode::kShortestSide && spec.shortest_side < longer) {
    refuse(
        fmt::format("expected a shortest_side of at least {} (the larger number of size), found "
                    "{}: the image would be smaller than the part that is cut out",
                    longer, spec.shortest_side));
  }
  if (spec.resize != ResizeMode::kNone && !spec.antialias &&
      spec.filter != ResizeFilter::kBilinear && spec.filter != ResizeFilter::kNearest) {
    refuse(
        fmt::format("antialias = false goes with filter \"bilinear\" or \"nearest\", found "
                    "\"{}\"",
                    name_of(kResizeFilters, spec.filter)));
  }
  for (size_t c = 0; c < static_cast<size_t>(spec.channels()); ++c) {
    for (const double level : {0.0, 255.0}) {
      const double value = (level * spec.scale - spec.mean[c]) / spec.std[c];
      if (!(std::abs(value) <= std::numeric_limits<float>::max())) {
        refuse(
            fmt::format("scale, mean and std of channel {} turn level {} into {}, which is no "
                        "float32",
                        c, level, value));
      }
    }
  }
}

Shape ImageSpec::tensor_shape(int64_t batch) const {
  if (layout == ImageLayout::kNchw) {
    return {batch, channels(), height, width};
  }
  return {batch, height, width, channels()};
}

std::string canonical_text(const ImageSpec& spec) {
  std::string text = fmt::format("images/1 size={}x{} resize={}", spec.width, spec.height,
                                 name_of(kResizeModes, spec.resize));
  if (spec.resize == ResizeMode::kShortestSide) {
    text += fmt::format(" shortest_side={}", spec.shortest_side);
  }
  if (spec.resize == ResizeMode::kCenterCrop) {
    text += fmt::format(" crop_fraction={}", spec.crop_fraction);
  }
  if (spec.resize != ResizeMode::kNone) {
    text += fmt::format(" filter={} antialias={}", name_of(kResizeFilters, spec.filter),
                        spec.antialias);
  }
  if (spec.resize == ResizeMode::kLetterbox) {
    text += fmt::format(
        " pad_color={} placement={} fit_rounding={} enlarge={}",
        fmt::join(std::span(spec.pad_color).first(static_cast<size_t>(spec.channels())), ","),
        name_of(kPlacements, spec.placement), name_of(kRoundings, spec.fit_rounding), spec.enlarge);
  }
  text += fmt::format(" exif_orientation={} order={} layout={} dtype={}", spec.exif_orientation,
                      name_of(kChannelOrders, spec.order), name_of(kLayouts, spec.layout),
                      name_of(kImageDtypes, spec.dtype));
  if (spec.dtype == DType::kFloat) {
    text += fmt::format(" scale={} mean={} std={}", spec.scale, channel_values(spec, spec.mean),
                        channel_values(spec, spec.std));
  }
  return text;
}

ImageInput match_image_input(const ImageSpec& spec, std::string_view name,
                             std::span<const InputSpec> inputs,
                             std::span<const std::string> optional_inputs) {
  const InputSpec* input = nullptr;
  std::string others;
  for (const InputSpec& candidate : inputs) {
    const bool optional =
        std::ranges::find(optional_inputs, candidate.name) != optional_inputs.end();
    if (candidate.name == spec.input || (spec.input.empty() && input == nullptr && !optional)) {
      input = &candidate;
    } else if (!optional) {
      others += fmt::format("{}{}", others.empty() ? "" : ", ", spec_text(candidate));
    }
  }
  const std::string where = fmt::format("image spec '{}'", printable(name));
  if (input == nullptr) {
    refuse_image_spec(
        where, fmt::format("the model has no input '{}'; its inputs are {}", printable(spec.input),
                           others.empty() ? "fed otherwise" : others));
  }
  if (!others.empty()) {
    refuse_image_spec(
        where,
        fmt::format(
            "images feed one input ('{}'), but the model also takes {}; save all inputs as .npz",
            printable(input->name), others));
  }
  const int64_t batch =
      input->has_shape && !input->shape.empty() && input->shape[0] > 0 ? input->shape[0] : 1;
  const Shape given = spec.tensor_shape(batch);
  const bool dtype_fits = input->dtype == spec.dtype || input->dtype == DType::kUndefined;
  if (!dtype_fits || (input->has_shape && !shape_fits(input->shape, given))) {
    refuse_image_spec(
        where,
        fmt::format("gives {} {} ({}, height {}, width {}), but the model wants {}; correct size, "
                    "layout, order or dtype in a spec file (it may begin with preset = \"...\" and "
                    "override keys), or use .npz samples",
                    dtype_name(spec.dtype), shape_text(given), name_of(kLayouts, spec.layout),
                    spec.height, spec.width, spec_text(*input)));
  }
  return {input->name, batch};
}

}  // namespace ptq

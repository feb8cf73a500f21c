#include "calib/moment_rows.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <string>

#include <fmt/format.h>

#include "calib/gram_kernel.h"
#include "ptq/error.h"

namespace ptq {
namespace {

// |x · 2^exponent| up to here rounds to kMaxGramCode.
constexpr float kLargest = static_cast<float>(kMaxGramCode) + 0.5F;

// `largest` is a pattern (CodeValues).
void check_largest(int32_t largest) {
  if (!(std::bit_cast<float>(largest) <= kLargest)) {
    throw Error(ErrorCode::kInput,
                "second moments: expected values within the ranges of the first pass, found a "
                "larger one or NaN; give both passes the same model and data");
  }
}

[[noreturn]] void refuse(const ObservedTensor& tensor, const std::string& expected) {
  throw Error(ErrorCode::kInput, fmt::format("second moments: expected {}, found shape {}",
                                             expected, shape_text(tensor.shape)));
}

std::vector<float> scales_of(std::span<const int> exponents, size_t count) {
  std::vector<float> scales(count, 0.0F);  // 0 for the padding of a channel block
  for (size_t c = 0; c < exponents.size(); ++c) {
    scales[c] = exponents[c] == kZeroChannel ? 0.0F : std::ldexp(1.0F, exponents[c]);
  }
  return scales;
}

// A tensor as [images][channel blocks][height][width][lanes]; lanes = 1 in the plain layout.
struct Planes {
  size_t images = 0;
  size_t channels = 0;
  size_t blocks = 0;
  size_t height = 1;
  size_t width = 1;
  size_t lanes = 1;
};

// `axis` is not negative. Axes before it become images, axes behind it width.
Planes planes_of(const ObservedTensor& tensor, size_t axis) {
  Planes out;
  const auto size = [&](size_t k) { return static_cast<size_t>(tensor.shape[k]); };
  out.images = 1;
  for (size_t k = 0; k < axis; ++k) {
    out.images *= size(k);
  }
  for (size_t k = axis + 1; k < tensor.shape.size(); ++k) {
    out.width *= size(k);
  }
  out.lanes = tensor.block == 0 ? 1 : static_cast<size_t>(tensor.block);
  out.channels = tensor.block == 0 ? size(axis) : static_cast<size_t>(tensor.channels);
  out.blocks = size(axis) / out.lanes;
  return out;
}

// Where a channel begins inside an image whose planes have `area` positions.
size_t channel_offset(const Planes& planes, size_t area, size_t channel) {
  return channel / planes.lanes * area * planes.lanes + channel % planes.lanes;
}

struct Pads {
  std::array<size_t, 2> begin = {0, 0};
  std::array<size_t, 2> end = {0, 0};
};

Pads pads_of(const PatchShape& shape, const std::array<size_t, 2>& input) {
  Pads out;
  for (size_t k = 0; k < 2; ++k) {
    if (shape.auto_pad == PatchShape::AutoPad::kNotSet) {
      out.begin[k] = static_cast<size_t>(shape.pads_begin[k]);
      out.end[k] = static_cast<size_t>(shape.pads_end[k]);
      continue;
    }
    const auto in = static_cast<int64_t>(input[k]);
    const int64_t outputs = (in + shape.strides[k] - 1) / shape.strides[k];
    const int64_t reach = (shape.kernel[k] - 1) * shape.dilations[k] + 1;
    const auto total =
        static_cast<size_t>(std::max<int64_t>(0, (outputs - 1) * shape.strides[k] + reach - in));
    const bool upper = shape.auto_pad == PatchShape::AutoPad::kSameUpper;
    out.begin[k] = upper ? total / 2 : total - total / 2;
    out.end[k] = total - out.begin[k];
  }
  return out;
}

// Codes with a border of zeros around each plane.
std::vector<int16_t> padded_codes(const ObservedTensor& tensor, const Planes& planes,
                                  const Pads& pads, std::span<const int> exponents) {
  const size_t height = planes.height + pads.begin[0] + pads.end[0];
  const size_t width = planes.width + pads.begin[1] + pads.end[1];
  const size_t run = planes.width * planes.lanes;
  const std::vector<float> scales = scales_of(exponents, planes.blocks * planes.lanes);
  std::vector<int16_t> codes(planes.images * planes.blocks * height * width * planes.lanes);
  std::vector<float> row_scales(run);
  const CodeValues code_values = gram_kernels().back().code_values;
  int32_t largest = 0;
  const float* values = tensor.stored.data();
  for (size_t plane = 0; plane < planes.images * planes.blocks; ++plane) {
    const float* const plane_scales = scales.data() + plane % planes.blocks * planes.lanes;
    for (size_t x = 0; x < run; x += planes.lanes) {
      for (size_t lane = 0; lane < planes.lanes; ++lane) {
        row_scales[x + lane] = plane_scales[lane];
      }
    }
    for (size_t y = 0; y < planes.height; ++y, values += run) {
      int16_t* const out =
          codes.data() +
          ((plane * height + y + pads.begin[0]) * width + pads.begin[1]) * planes.lanes;
      largest = std::max(largest, code_values(values, row_scales.data(), run, out));
    }
  }
  check_largest(largest);
  return codes;
}

// Reads an attribute of one number for each spatial dimension into [first, 2), or leaves it.
void read_dimensions(const Node& conv, std::string_view name, size_t first, int64_t least,
                     std::array<int64_t, 2>& out) {
  const std::vector<int64_t> values = conv.ints_attribute(name);
  if (values.empty()) {
    return;
  }
  if (values.size() != 2 - first || *std::min_element(values.begin(), values.end()) < least) {
    throw Error(ErrorCode::kInput, fmt::format("Conv {}: expected {} numbers from {} in {}",
                                               printable(conv.name), 2 - first, least, name));
  }
  std::copy(values.begin(), values.end(), out.begin() + static_cast<ptrdiff_t>(first));
}

void read_pads(const Node& conv, size_t first, PatchShape& shape) {
  const std::string auto_pad = conv.string_attribute("auto_pad", "NOTSET");
  if (auto_pad == "SAME_UPPER" || auto_pad == "SAME_LOWER") {
    shape.auto_pad = auto_pad == "SAME_UPPER" ? PatchShape::AutoPad::kSameUpper
                                              : PatchShape::AutoPad::kSameLower;
    return;
  }
  std::vector<int64_t> pads = conv.ints_attribute("pads");
  if (pads.empty() || auto_pad == "VALID") {
    return;
  }
  const size_t spatial = 2 - first;
  if (pads.size() != 2 * spatial || *std::min_element(pads.begin(), pads.end()) < 0) {
    throw Error(ErrorCode::kInput, fmt::format("Conv {}: expected {} numbers from 0 in pads",
                                               printable(conv.name), 2 * spatial));
  }
  for (size_t k = 0; k < spatial; ++k) {
    shape.pads_begin[first + k] = pads[k];
    shape.pads_end[first + k] = pads[spatial + k];
  }
}

}  // namespace

PatchShape patch_shape(const Node& conv, const Shape& weight) {
  if (weight.size() < 3 || weight.size() > 4) {
    throw Error(ErrorCode::kInput,
                fmt::format("Conv {}: expected one or two spatial dimensions, found a weight {}",
                            printable(conv.name), shape_text(weight)));
  }
  const size_t first = 4 - weight.size();  // 1 for one dimension, which is W
  PatchShape shape;
  std::copy(weight.begin() + 2, weight.end(), shape.kernel.begin() + static_cast<ptrdiff_t>(first));
  const std::array<int64_t, 2> kernel = shape.kernel;
  read_dimensions(conv, "kernel_shape", first, 1, shape.kernel);
  shape.groups = conv.int_attribute("group", 1);
  if (shape.kernel != kernel || shape.kernel[0] < 1 || shape.kernel[1] < 1 || shape.groups < 1) {
    throw Error(ErrorCode::kInput,
                fmt::format("Conv {}: kernel_shape or group do not fit its weight {}",
                            printable(conv.name), shape_text(weight)));
  }
  read_dimensions(conv, "strides", first, 1, shape.strides);
  read_dimensions(conv, "dilations", first, 1, shape.dilations);
  read_pads(conv, first, shape);
  return shape;
}

int code_exponent(float absmax) {
  if (absmax == 0.0F) {
    return kZeroChannel;
  }
  // absmax · 2^exponent is in [2^11, 2^12). The bound keeps 2^exponent a float; codes of a channel
  // below 2^−115 are smaller than they might be.
  return std::min(11 - std::ilogb(absmax), 126);
}

std::vector<int> patch_exponents(const PatchShape& shape, std::span<const int> exponents) {
  const auto taps = static_cast<size_t>(shape.kernel[0] * shape.kernel[1]);
  std::vector<int> out;
  for (const int exponent : exponents) {
    out.insert(out.end(), taps, exponent);
  }
  return out;
}

MomentRows rows_along(const ObservedTensor& tensor, int64_t channel_axis,
                      std::span<const int> exponents) {
  const auto rank = static_cast<int64_t>(tensor.shape.size());
  const int64_t axis = channel_axis < 0 ? channel_axis + rank : channel_axis;
  if (axis < 0 || axis >= rank || (tensor.block != 0 && axis != 1)) {
    refuse(tensor, fmt::format("a tensor with channels along axis {}", channel_axis));
  }
  const Planes planes = planes_of(tensor, static_cast<size_t>(axis));
  if (planes.channels != exponents.size()) {
    refuse(tensor, fmt::format("{} channels along axis {}", exponents.size(), channel_axis));
  }
  MomentRows out;
  if (axis == rank - 1) {  // channels last: the runs are rows
    const std::vector<float> scales = scales_of(exponents, planes.channels);
    out.codes.resize(tensor.stored.size());
    const CodeValues code_values = gram_kernels().back().code_values;
    int32_t largest = 0;
    for (size_t at = 0; at < tensor.stored.size(); at += planes.channels) {
      largest = std::max(largest, code_values(tensor.stored.data() + at, scales.data(),
                                              planes.channels, out.codes.data() + at));
    }
    check_largest(largest);
  } else {
    out.codes = padded_codes(tensor, planes, {}, exponents);
  }
  const size_t image = planes.blocks * planes.lanes * planes.width;
  for (size_t n = 0; n < planes.images; ++n) {
    for (size_t i = 0; i < planes.width; ++i) {
      out.row_offsets.push_back(n * image + i * planes.lanes);
    }
  }
  for (size_t c = 0; c < planes.channels; ++c) {
    out.column_offsets.push_back(channel_offset(planes, planes.width, c));
  }
  return out;
}

MomentRows patch_rows(const ObservedTensor& tensor, const PatchShape& shape,
                      std::span<const int> exponents) {
  const size_t rank = tensor.shape.size();
  if (rank < 3 || rank > 4) {
    refuse(tensor, "the input of a convolution [N,C,W] or [N,C,H,W]");
  }
  Planes planes = planes_of(tensor, 1);
  planes.height = rank == 4 ? static_cast<size_t>(tensor.shape[2]) : 1;
  planes.width = static_cast<size_t>(tensor.shape.back());
  const auto groups = static_cast<size_t>(shape.groups);
  if (planes.channels != exponents.size() || planes.channels % groups != 0) {
    refuse(tensor, fmt::format("{} channels in {} groups", exponents.size(), groups));
  }
  const Pads pads = pads_of(shape, {planes.height, planes.width});
  MomentRows out;
  out.groups = groups;
  out.codes = padded_codes(tensor, planes, pads, exponents);

  const std::array<size_t, 2> padded = {planes.height + pads.begin[0] + pads.end[0],
                                        planes.width + pads.begin[1] + pads.end[1]};
  std::array<size_t, 2> outputs = {0, 0};
  std::array<size_t, 2> step = {0, 0};
  std::array<size_t, 2> tap = {0, 0};
  for (size_t k = 0; k < 2; ++k) {
    const auto reach = static_cast<size_t>((shape.kernel[k] - 1) * shape.dilations[k] + 1);
    step[k] = static_cast<size_t>(shape.strides[k]) * planes.lanes * (k == 0 ? padded[1] : 1);
    tap[k] = static_cast<size_t>(shape.dilations[k]) * planes.lanes * (k == 0 ? padded[1] : 1);
    outputs[k] =
        padded[k] < reach ? 0 : (padded[k] - reach) / static_cast<size_t>(shape.strides[k]) + 1;
  }
  const size_t area = padded[0] * padded[1];
  for (size_t n = 0; n < planes.images; ++n) {
    for (size_t y = 0; y < outputs[0]; ++y) {
      for (size_t x = 0; x < outputs[1]; ++x) {
        out.row_offsets.push_back(n * planes.blocks * area * planes.lanes + y * step[0] +
                                  x * step[1]);
      }
    }
  }
  for (size_t c = 0; c < planes.channels; ++c) {
    for (size_t y = 0; y < static_cast<size_t>(shape.kernel[0]); ++y) {
      for (size_t x = 0; x < static_cast<size_t>(shape.kernel[1]); ++x) {
        out.column_offsets.push_back(channel_offset(planes, area, c) + y * tap[0] + x * tap[1]);
      }
    }
  }
  return out;
}

}  // namespace ptq

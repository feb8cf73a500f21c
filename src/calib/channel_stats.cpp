#include "calib/channel_stats.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "calib/lane_kernel.h"
#include "ptq/error.h"
#include "ptq/tensor.h"

namespace ptq {
namespace {

// Where the values of one sample are. Value i of channel c in row o is at
//   o · outer_stride + (c / block) · block_stride + c % block + i · inner_stride
struct Layout {
  size_t channels = 0;
  size_t outer = 1;
  size_t inner = 1;
  size_t block = 1;
  size_t outer_stride = 0;
  size_t block_stride = 0;
  size_t inner_stride = 1;
};

// What one sample adds to its channels.
struct SampleSums {
  std::vector<double> sum;
  std::vector<double> abs_sum;
  std::vector<float> min;
  std::vector<float> max;

  explicit SampleSums(size_t channels)
      : sum(channels),
        abs_sum(channels),
        min(channels, std::numeric_limits<float>::infinity()),
        max(channels, -std::numeric_limits<float>::infinity()) {}

  LaneSums lanes(size_t channel, size_t count) const {
    LaneSums out;
    std::copy_n(sum.begin() + static_cast<ptrdiff_t>(channel), count, out.sum.begin());
    std::copy_n(abs_sum.begin() + static_cast<ptrdiff_t>(channel), count, out.abs_sum.begin());
    std::copy_n(min.begin() + static_cast<ptrdiff_t>(channel), count, out.min.begin());
    std::copy_n(max.begin() + static_cast<ptrdiff_t>(channel), count, out.max.begin());
    return out;
  }
  void set_lanes(size_t channel, size_t count, const LaneSums& lanes) {
    std::copy_n(lanes.sum.begin(), count, sum.begin() + static_cast<ptrdiff_t>(channel));
    std::copy_n(lanes.abs_sum.begin(), count, abs_sum.begin() + static_cast<ptrdiff_t>(channel));
    std::copy_n(lanes.min.begin(), count, min.begin() + static_cast<ptrdiff_t>(channel));
    std::copy_n(lanes.max.begin(), count, max.begin() + static_cast<ptrdiff_t>(channel));
  }
};

// Channels side by side, up to kLanes at a time: each is a lane.
void add_side_by_side(const float* values, const Layout& layout, AddLanes add_lanes,
                      SampleSums& sums) {
  const size_t rows = layout.inner;
  for (size_t o = 0; o < layout.outer; ++o) {
    for (size_t c = 0; c < layout.channels;) {
      const size_t lane = c % layout.block;
      const size_t lanes = std::min({kLanes, layout.block - lane, layout.channels - c});
      LaneSums part = sums.lanes(c, lanes);
      add_lanes(values + o * layout.outer_stride + c / layout.block * layout.block_stride + lane,
                rows, layout.inner_stride, lanes, part);
      sums.set_lanes(c, lanes, part);
      c += lanes;
    }
  }
}

// The values of a channel of a row in one piece.
void add_in_runs(const float* values, const Layout& layout, SumRun sum_run, SampleSums& sums) {
  for (size_t o = 0; o < layout.outer; ++o) {
    for (size_t c = 0; c < layout.channels; ++c) {
      const RunSums run =
          sum_run(values + o * layout.outer_stride + c * layout.block_stride, layout.inner);
      sums.sum[c] += run.sum;
      sums.abs_sum[c] += run.abs_sum;
      sums.min[c] = std::min(sums.min[c], run.min);
      sums.max[c] = std::max(sums.max[c], run.max);
    }
  }
}

// Widens the range and counts; + 0.0F turns −0 into +0, so that the result does not depend on
// order.
void widen(ChannelStats& stats, size_t c, float low, float high, uint64_t count) {
  const bool is_first = stats.count[c] == 0;
  stats.min[c] = (is_first ? low : std::min(stats.min[c], low)) + 0.0F;
  stats.max[c] = (is_first ? high : std::max(stats.max[c], high)) + 0.0F;
  stats.count[c] += count;
}

// Rare, so simple: a channel of a sample that holds an Inf or a NaN.
void add_finite_values(const float* values, const Layout& layout, size_t c, ChannelStats& stats) {
  double sum = 0.0;
  double abs_sum = 0.0;
  for (size_t o = 0; o < layout.outer; ++o) {
    for (size_t i = 0; i < layout.inner; ++i) {
      const float x = values[o * layout.outer_stride + c / layout.block * layout.block_stride +
                             c % layout.block + i * layout.inner_stride];
      if (std::isfinite(x)) {
        sum += static_cast<double>(x);
        abs_sum += static_cast<double>(std::fabs(x));
        widen(stats, c, x, x, 1);
      } else {
        ++stats.nonfinite[c];
      }
    }
  }
  stats.sum[c].add(sum);
  stats.abs_sum[c].add(abs_sum);
}

void add_sample(const float* values, const Layout& layout, ChannelStats& stats) {
  const LaneKernel& kernel = lane_kernels().back();
  SampleSums sums(layout.channels);
  if (layout.block == 1) {
    add_in_runs(values, layout, kernel.sum_run, sums);
  } else {
    add_side_by_side(values, layout, kernel.add_lanes, sums);
  }
  for (size_t c = 0; c < layout.channels; ++c) {
    if (std::isfinite(sums.abs_sum[c])) {
      stats.sum[c].add(sums.sum[c]);
      stats.abs_sum[c].add(sums.abs_sum[c]);
      widen(stats, c, sums.min[c], sums.max[c], layout.outer * layout.inner);
    } else {
      add_finite_values(values, layout, c, stats);
    }
  }
}

size_t product(std::span<const int64_t> dimensions) {
  size_t out = 1;
  for (const int64_t dimension : dimensions) {
    out *= static_cast<size_t>(dimension);
  }
  return out;
}

[[noreturn]] void refuse(const ObservedTensor& tensor, const std::string& expected) {
  throw Error(ErrorCode::kInput, fmt::format("statistics of channels: expected {}, found shape {}",
                                             expected, shape_text(tensor.shape)));
}

// The layout of one of `stacked` samples.
Layout layout_of(const ObservedTensor& tensor, int64_t channel_axis, int64_t stacked) {
  const auto rank = static_cast<int64_t>(tensor.shape.size());
  const int64_t axis = channel_axis < 0 ? channel_axis + rank : channel_axis;
  if (axis < 0 || axis >= rank) {
    refuse(tensor, fmt::format("a tensor with axis {}", channel_axis));
  }
  if (tensor.block != 0 && axis != 1) {
    refuse(tensor, fmt::format("channels along axis 1 of a convolution's tensor, not {}", axis));
  }
  if (stacked < 1 || (stacked > 1 && (axis == 0 || tensor.shape[0] % stacked != 0))) {
    refuse(tensor, fmt::format("{} samples along axis 0", stacked));
  }
  const auto at = static_cast<size_t>(axis);
  Layout layout;
  layout.outer = product(tensor.shape.first(at)) / static_cast<size_t>(stacked);
  layout.inner = product(tensor.shape.subspan(at + 1));
  layout.channels = static_cast<size_t>(tensor.block != 0 ? tensor.channels : tensor.shape[at]);
  layout.outer_stride = static_cast<size_t>(tensor.shape[at]) * layout.inner;
  layout.block_stride = layout.inner;
  if (tensor.block != 0) {
    layout.block = static_cast<size_t>(tensor.block);
    layout.block_stride = layout.inner * layout.block;
    layout.inner_stride = layout.block;
  } else if (layout.inner == 1) {  // channels last: rows become the inner loop
    layout.block = std::max<size_t>(layout.channels, 2);
    layout.inner = layout.outer;
    layout.inner_stride = layout.outer_stride;
    layout.outer = 1;
  }
  return layout;
}

}  // namespace

float ChannelStats::absmax(size_t channel) const {
  return std::max(std::fabs(min[channel]), std::fabs(max[channel]));
}

double ChannelStats::mean(size_t channel) const {
  return count[channel] == 0 ? 0.0 : sum[channel].value() / static_cast<double>(count[channel]);
}

double ChannelStats::mean_abs(size_t channel) const {
  return count[channel] == 0 ? 0.0 : abs_sum[channel].value() / static_cast<double>(count[channel]);
}

void ChannelStats::merge(const ChannelStats& other) {
  if (other.channels() == 0) {
    return;
  }
  if (channels() == 0) {
    *this = other;
    return;
  }
  if (channels() != other.channels()) {
    throw Error(ErrorCode::kInput,
                fmt::format("statistics of channels: expected {} channels, found {}; the number of "
                            "channels must not change between samples",
                            channels(), other.channels()));
  }
  for (size_t c = 0; c < channels(); ++c) {
    if (other.count[c] != 0) {
      widen(*this, c, other.min[c], other.max[c], other.count[c]);
    }
    nonfinite[c] += other.nonfinite[c];
    sum[c].merge(other.sum[c]);
    abs_sum[c].merge(other.abs_sum[c]);
  }
}

void add_channels(const ObservedTensor& tensor, int64_t channel_axis, int64_t stacked,
                  ChannelStats& stats) {
  const Layout layout = layout_of(tensor, channel_axis, stacked);
  if (stats.channels() == 0) {
    stats.min.resize(layout.channels);
    stats.max.resize(layout.channels);
    stats.count.resize(layout.channels);
    stats.nonfinite.resize(layout.channels);
    stats.sum.resize(layout.channels);
    stats.abs_sum.resize(layout.channels);
  } else if (stats.channels() != layout.channels) {
    refuse(tensor, fmt::format("{} channels as before", stats.channels()));
  }
  if (tensor.stored.empty()) {
    return;
  }
  const size_t sample_size = tensor.stored.size() / static_cast<size_t>(stacked);
  for (size_t at = 0; at < tensor.stored.size(); at += sample_size) {
    add_sample(tensor.stored.data() + at, layout, stats);
  }
}

}  // namespace ptq

#pragma once
// Statistics of each channel of one value: extremes, and exact sums of x and |x| over samples. Bias
// correction takes the means of inputs and outputs of products from it, scaling of activations into
// weights (SmoothQuant, AWQ) the absolute maximum and the mean of |x|. A plain value; `merge` of
// any split of the samples in any order gives the statistics of the whole, to the bit. Not
// synchronized: one writer, or many readers.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "calib/exact_sum.h"
#include "runtime/observer_sink.h"

namespace ptq {

// All vectors have one entry a channel.
struct ChannelStats {
  std::vector<float> min{};           // exact, over finite values; 0 while count is 0
  std::vector<float> max{};           // as min
  std::vector<uint64_t> count{};      // finite values
  std::vector<uint64_t> nonfinite{};  // NaN and infinities, which nothing else counts
  std::vector<ExactSum> sum{};        // over samples of Σ x, each a float64
  std::vector<ExactSum> abs_sum{};    // the same of |x|

  size_t channels() const { return count.size(); }
  float absmax(size_t channel) const;
  double mean(size_t channel) const;      // 0 without values
  double mean_abs(size_t channel) const;  // 0 without values

  // Statistics without channels are those of no data and merge with any others. Throws
  // Error{kInput} for another number of channels.
  void merge(const ChannelStats& other);
  bool operator==(const ChannelStats&) const = default;
};

// Adds the values of one run. `channel_axis` counts from the back when negative; in the blocked
// layout it is axis 1. `stacked` samples lie one behind the other along axis 0, equally many rows
// each: a channel of a sample is summed in float64 in one fixed order, samples are added exactly,
// so how samples are stacked changes nothing. Throws Error{kInput} for a tensor without that axis,
// with another number of channels than before, or with rows that `stacked` does not divide.
void add_channels(const ObservedTensor& tensor, int64_t channel_axis, int64_t stacked,
                  ChannelStats& stats);

}  // namespace ptq

#pragma once
// Compares the weights that a quantized file holds with those of FP32, channel by channel, without
// running anything: one bad channel shows even where the outputs hide it. Pure; any thread.

#include <string>
#include <vector>

#include "ptq/graph.h"

namespace ptq {

struct DamagedChannel {
  std::string node{};           // name of the product or of its result
  std::string weight{};         // initializer that holds the codes
  int64_t channel = 0;          // along the output channels
  double sqnr_db = 0.0;         // of this channel
  double median_sqnr_db = 0.0;  // of the channels of this weight
};

struct WeightComparison {
  size_t compared = 0;  // weights that were found in both files
  std::vector<DamagedChannel> damaged{};
};

// `prepared` is the FP32 graph as quantize prepares it. Products are matched by their results' and
// their own names. A weight counts as the same when half of its channels reach 12 dB; a channel of
// it that carries at least 1 % of the mean energy and stays below 3 dB and 15 dB under the median
// is damaged.
WeightComparison compare_weights(const Graph& prepared, const Graph& quantized);

}  // namespace ptq

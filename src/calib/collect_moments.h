#pragma once
// What methods that look at more than a range need of the inputs and outputs of products: the
// statistics of channels (bias correction, SmoothQuant, AWQ) in one pass over the samples, and
// second moments (GPTQ, AWQ) in a second pass, whose steps follow from the first. Called by name
// from methods of quantization. One thread calls; the work is spread over RunOptions::threads, and
// no number of threads and no order of the samples changes a bit of the result.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "calib/channel_stats.h"
#include "calib/observed_run.h"
#include "calib/second_moment.h"
#include "data/sample_source.h"
#include "ptq/graph.h"

namespace ptq {

struct MomentRequest {
  std::string value{};        // a graph input or what observe_values accepts
  int64_t channel_axis = -1;  // from the back when negative; 1 for the tensors of convolutions
  enum class Rows {
    kNone,       // statistics of channels only
    kAlongAxis,  // rows_along(channel_axis)
    kPatches     // patch_rows(patches); channel_axis must be 1
  } rows = Rows::kNone;
  PatchShape patches{};
};

// For the input of a Conv, a MatMul or a Gemm (transA too) with a constant second operand of shape
// `weight`: statistics of its channels and second moments in the order of the weight's reduced
// axes. Throws Error{kInput} for other operators and for a Conv that patch_shape refuses.
MomentRequest product_input(const Node& product, const Shape& weight);
// For the output of such a node: statistics of its channels.
MomentRequest product_output(const Node& product);

struct ValueMoments {
  // Why there is nothing else here: not float32, never computed, or without a fixed number of
  // channels; for the second moments also NaN or infinite values. Empty when all is there.
  std::string missing{};
  ChannelStats channels{};
  std::vector<SecondMoment> groups{};  // one a group of a Conv, else one; none for Rows::kNone
};

// Requests for the same value are computed apart; products that read a value in the same way share
// one request.
//
// What the first pass leaves.
struct ChannelMoments {
  std::vector<ValueMoments> values{};  // for each request, in their order: `channels` and `missing`
  std::string data_fingerprint{};      // of the samples, in whatever order
};

// The first pass. Some hundred bytes a channel and thread.
ChannelMoments collect_channels(const Model& model, const std::vector<MomentRequest>& requests,
                                SampleSource& source, const RunOptions& options);

// The second pass over the same samples, or a part of them: fills `groups` and `missing` of what
// the first pass left for these requests. Memory: 4 · K² bytes for each matrix, all of them at a
// time, so callers with little memory ask for some of the values at a time. Throws Error{kInput}
// when a value exceeds the range of the first pass. Returns the fingerprint of the samples; "" when
// no request needs this pass.
std::string collect_second_moments(const Model& model, const std::vector<MomentRequest>& requests,
                                   SampleSource& source, const RunOptions& options,
                                   std::vector<ValueMoments>& moments);

// Both; the second pass only where a request needs it. `open` gives the samples from the start,
// each time the same. Throws Error{kInput} when they differ.
std::vector<ValueMoments> collect_moments(
    const Model& model, const std::vector<MomentRequest>& requests,
    const std::function<std::unique_ptr<SampleSource>()>& open, const RunOptions& options);

}  // namespace ptq

#include <algorithm>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "calib/collect_moments.h"
#include "diagnose/findings.h"
#include "graph/index.h"
#include "pipeline/open_samples.h"
#include "ptq/pipeline.h"

namespace ptq {
namespace {

// More channels than this are features of a flattened tensor rather than channels.
constexpr int64_t kMostChannels = 16384;
constexpr size_t kNamedChannels = 8;

// The axis of the reduced channels of what a product reads, and how many its weight reads at least.
struct ChannelAxis {
  int64_t axis = -1;
  int64_t channels = 0;
};

std::optional<ChannelAxis> channel_axis(const Node& node, const Shape& weight) {
  if (weight.size() < 2) {
    return {};
  }
  if (node.is("Conv")) {
    return ChannelAxis{1, weight[1] * std::max<int64_t>(1, node.int_attribute("group", 1))};
  }
  if (node.is("ConvTranspose")) {
    return ChannelAxis{1, weight[0]};
  }
  if (node.is("MatMul")) {
    return ChannelAxis{-1, weight[weight.size() - 2]};
  }
  if (node.is("Gemm")) {
    return ChannelAxis{node.int_attribute("transA", 0) != 0 ? 0 : 1,
                       weight[node.int_attribute("transB", 0) != 0 ? 1 : 0]};
  }
  return {};
}

std::vector<MomentRequest> read_by_products(const Graph& graph) {
  const GraphIndex index(graph);
  std::vector<MomentRequest> requests;
  std::set<std::string> seen;
  for (const Node& node : graph.nodes) {
    const Constant* weight = index.constant(node.input(1));
    if (weight == nullptr || index.constant(node.input(0)) != nullptr) {
      continue;
    }
    const auto axis = channel_axis(node, weight->tensor.shape());
    if (axis && axis->channels > 1 && axis->channels <= kMostChannels &&
        seen.emplace(node.input(0)).second) {
      requests.push_back({.value = std::string(node.input(0)), .channel_axis = axis->axis});
    }
  }
  return requests;
}

StillChannels still_channels(const std::string& value, const ChannelStats& stats) {
  StillChannels out{.value = value, .channels = static_cast<int64_t>(stats.channels())};
  for (size_t c = 0; c < stats.channels(); ++c) {
    if (stats.count[c] > 1 && stats.nonfinite[c] == 0 && stats.min[c] == stats.max[c]) {
      (stats.max[c] == 0.0F ? out.zero : out.constant).push_back(static_cast<int64_t>(c));
    }
  }
  return out;
}

// "12 (3, 7, 9 and 9 more) always zero"
std::string channels_text(const std::vector<int64_t>& channels, std::string_view what) {
  const size_t named = std::min(channels.size(), kNamedChannels);
  std::string out;
  for (size_t i = 0; i < named; ++i) {
    out += fmt::format("{}{}", i == 0 ? "" : ", ", channels[i]);
  }
  if (named < channels.size()) {
    out += fmt::format(" and {} more", channels.size() - named);
  }
  return fmt::format("{} {} ({})", channels.size(), what, out);
}

}  // namespace

ChannelActivity find_still_channels(const LoadedModel& model, const DataRequest& data) {
  ChannelActivity activity;
  const std::vector<MomentRequest> requests = read_by_products(model.model.graph);
  if (requests.empty()) {
    return activity;
  }
  DataRequest first = data;
  const int64_t most = first.options.max_samples;
  first.options.max_samples = most > 0 ? std::min(most, kChannelSamples) : kChannelSamples;
  const std::unique_ptr<SampleSource> source = open_samples(model.model, first);
  const ChannelMoments moments =
      collect_channels(model.model, requests, *source,
                       {.threads = data.threads, .progress = data.progress, .stop = data.stop});
  activity.samples = source->size();
  for (size_t i = 0; i < requests.size(); ++i) {
    if (moments.values[i].missing.empty()) {
      StillChannels still = still_channels(requests[i].value, moments.values[i].channels);
      if (!still.zero.empty() || !still.constant.empty()) {
        activity.values.push_back(std::move(still));
      }
    }
  }
  std::ranges::sort(activity.values, {}, &StillChannels::value);
  return activity;
}

void add_still_channels(ChannelActivity activity, ModelDiagnosis& diagnosis) {
  const DiagnosisRow& row = diagnosis_row(DiagnosisCode::kStillChannels);
  for (const StillChannels& still : activity.values) {
    std::string message =
        fmt::format("of {} channels over {} samples", still.channels, activity.samples);
    message += still.zero.empty() ? "" : ", " + channels_text(still.zero, "always zero");
    message += still.constant.empty() ? "" : ", " + channels_text(still.constant, "constant");
    diagnosis.findings.push_back(
        {std::string(row.code), std::string(row.severity), still.value, std::move(message)});
    for (LayerDiagnosis& layer : diagnosis.layers) {
      if (layer.tensor && layer.tensor->name == still.value) {
        layer.codes.emplace_back(row.code);
      }
    }
  }
  diagnosis.channels = std::move(activity);
}

}  // namespace ptq

#include "calib/state_feed.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "ptq/error.h"

namespace ptq {
namespace {

std::string names_text(const std::vector<ValueInfo>& values) {
  constexpr size_t kShown = 12;
  std::string text;
  for (size_t i = 0; i < std::min(values.size(), kShown); ++i) {
    text += (i == 0 ? "" : ", ") + printable(values[i].name, 60);
  }
  return text + (values.size() > kShown ? ", ..." : "");
}

size_t find_value(const std::vector<ValueInfo>& values, const std::string& name,
                  std::string_view kind) {
  const auto found = std::ranges::find(values, name, &ValueInfo::name);
  if (found == values.end()) {
    throw Error(ErrorCode::kUsage, fmt::format("--state OUTPUT=INPUT: the model has no {} '{}'; it "
                                               "has {}",
                                               kind, printable(name), names_text(values)));
  }
  return static_cast<size_t>(found - values.begin());
}

}  // namespace

StateFeed::StateFeed(const Graph& graph, std::vector<StateLink> links) {
  for (StateLink& link : links) {
    const size_t output = find_value(graph.outputs, link.output, "output");
    const ValueInfo& input = graph.inputs[find_value(graph.inputs, link.input, "input")];
    if (std::ranges::find(states_, link.input, &State::input) != states_.end()) {
      throw Error(ErrorCode::kUsage,
                  fmt::format("--state: input '{}' is given twice", printable(link.input)));
    }
    if (graph.outputs[output].dtype != input.dtype || !input.has_shape) {
      throw Error(ErrorCode::kUsage,
                  fmt::format("--state {}={}: expected one type and an input of known rank, found "
                              "{} and {}{}",
                              printable(link.output), printable(link.input),
                              dtype_name(graph.outputs[output].dtype), dtype_name(input.dtype),
                              input.has_shape ? "" : " of unknown rank"));
    }
    Shape shape = input.shape;
    std::ranges::replace_if(
        shape, [](int64_t size) { return size < 0; }, 1);
    states_.push_back({std::move(link.input), output, Tensor(input.dtype, shape), {}});
  }
}

void StateFeed::begin(int64_t sequence, std::map<std::string, Tensor>& inputs) {
  const bool first = sequence != sequence_;
  sequence_ = sequence;
  for (State& state : states_) {
    if (first) {
      inputs.emplace(state.input, state.zero);  // unless the data hold it
    } else {
      inputs.insert_or_assign(state.input, state.last);
    }
  }
}

void StateFeed::take(const std::vector<Tensor>& outputs) {
  for (State& state : states_) {
    state.last = outputs[state.output];
  }
}

}  // namespace ptq

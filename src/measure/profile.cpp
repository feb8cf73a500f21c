#include "measure/profile.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <map>
#include <sstream>
#include <tuple>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/temporary_folder.h"
#include "measure/quartiles.h"
#include "ptq/error.h"

namespace ptq {
namespace {

using Json = nlohmann::json;

// One execution of a node.
struct Event {
  std::string name;
  std::string op_type;
  std::string index;  // in its graph; names may be equal
  int64_t thread = 0;
  double start_us = 0.0;
  double duration_us = 0.0;
  double inner_us = 0.0;  // of the executions directly inside it
};

constexpr std::string_view kSuffix = "_kernel_time";

[[noreturn]] void refuse(const std::string& what) {
  throw Error(ErrorCode::kRuntime,
              fmt::format("expected a profile of ONNX Runtime, found {}; this version writes "
                          "another form",
                          printable(what, 200)));
}

std::vector<Event> read_events(std::string_view text) {
  std::vector<Event> events;
  try {
    const Json profile = Json::parse(text);
    for (const Json& entry : profile) {
      const std::string name = entry.at("name");
      if (entry.at("cat") != "Node" || !name.ends_with(kSuffix)) {
        continue;
      }
      events.push_back({.name = name.substr(0, name.size() - kSuffix.size()),
                        .op_type = entry.at("args").at("op_name"),
                        .index = entry.at("args").value("node_index", ""),
                        .thread = entry.at("tid"),
                        .start_us = entry.at("ts"),
                        .duration_us = entry.at("dur")});
    }
  } catch (const Json::exception& error) {
    refuse(error.what());
  }
  return events;
}

// A node with a graph inside it (If, Loop) lasts as long as the nodes of that graph, which have
// events of their own.
void subtract_inner(std::vector<Event>& events) {
  std::ranges::stable_sort(events, [](const Event& a, const Event& b) {
    return std::tuple(a.thread, a.start_us, -a.duration_us) <
           std::tuple(b.thread, b.start_us, -b.duration_us);
  });
  const auto holds_graphs = [](const Event& event) {
    return event.op_type == "If" || event.op_type == "Loop" || event.op_type == "Scan";
  };
  std::vector<Event*> around;
  for (Event& event : events) {
    while (!around.empty() &&
           (around.back()->thread != event.thread ||
            event.start_us >= around.back()->start_us + around.back()->duration_us)) {
      around.pop_back();
    }
    if (!around.empty()) {
      around.back()->inner_us += event.duration_us;
    }
    if (holds_graphs(event)) {
      around.push_back(&event);
    }
  }
}

}  // namespace

std::vector<NodeTime> parse_profile(std::string_view json, size_t runs, size_t skipped) {
  PTQ_CHECK(runs > skipped);
  std::vector<Event> events = read_events(json);
  if (events.empty()) {
    refuse("no execution of a node");
  }
  subtract_inner(events);
  using Key = std::pair<std::string, std::string>;
  std::map<Key, std::vector<const Event*>> by_node;
  std::vector<Key> order;
  for (const Event& event : events) {
    const Key key(event.name, event.index);
    if (by_node[key].empty()) {
      order.push_back(key);
    }
    by_node[key].push_back(&event);
  }
  std::vector<NodeTime> times;
  for (const Key& key : order) {
    const std::vector<const Event*>& executions = by_node[key];
    const size_t first = executions.size() * skipped / runs;
    std::vector<double> durations_us;
    for (size_t i = first; i < executions.size(); ++i) {
      durations_us.push_back(std::max(0.0, executions[i]->duration_us - executions[i]->inner_us));
    }
    const double a_run = static_cast<double>(executions.size()) / static_cast<double>(runs);
    times.push_back({.name = key.first,
                     .op_type = executions[0]->op_type,
                     .ms = quartiles(durations_us).median * a_run / 1000.0});
  }
  return times;
}

std::vector<NodeTime> profile_session(const std::function<Session(const SessionOptions&)>& open,
                                      const std::function<void(const Session&, size_t)>& run,
                                      SessionOptions options, size_t runs, size_t skipped) {
  const TemporaryFolder folder;
  options.profile_prefix = folder.path() / "profile";
  Session session = open(options);
  for (size_t i = 0; i < runs; ++i) {
    run(session, i);
  }
  std::ifstream in(session.end_profile(), std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return parse_profile(text.view(), runs, skipped);
}

std::string operator_kind(std::string_view op_type) {
  static constexpr std::array kOwnKinds = std::to_array<std::string_view>(
      {"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"});
  if (std::ranges::find(kOwnKinds, op_type) != kOwnKinds.end()) {
    return std::string(op_type);
  }
  if (op_type.starts_with("Reorder")) {
    return "Reorder";
  }
  for (const std::string_view prefix : {"Nhwc", "QLinear", "Fused"}) {
    if (op_type.starts_with(prefix) && op_type.size() > prefix.size()) {
      op_type.remove_prefix(prefix.size());
    }
  }
  for (const std::string_view product : {"MatMul", "Conv", "Gemm", "Attention"}) {
    const std::string integer = fmt::format("{}Integer", product);
    if (op_type.starts_with(integer) || op_type == fmt::format("Q{}", product) ||
        op_type == fmt::format("DynamicQuantize{}", product)) {
      return std::string(product);
    }
  }
  return std::string(op_type);
}

std::vector<KindTime> time_by_kind(const std::vector<NodeTime>& fp32,
                                   const std::vector<NodeTime>& quantized) {
  std::map<std::string, KindTime> kinds;
  for (const NodeTime& node : fp32) {
    KindTime& kind = kinds[operator_kind(node.op_type)];
    ++kind.fp32_nodes;
    kind.fp32_ms += node.ms;
  }
  for (const NodeTime& node : quantized) {
    KindTime& kind = kinds[operator_kind(node.op_type)];
    ++kind.quantized_nodes;
    kind.quantized_ms += node.ms;
  }
  std::vector<KindTime> rows;
  for (auto& [name, kind] : kinds) {
    kind.kind = name;
    rows.push_back(kind);
  }
  std::ranges::stable_sort(rows, std::greater(),
                           [](const KindTime& kind) { return kind.fp32_ms + kind.quantized_ms; });
  return rows;
}

}  // namespace ptq

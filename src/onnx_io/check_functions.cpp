#include <algorithm>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include <fmt/format.h>

#include "onnx/onnx_pb.h"
#include "onnx_io/check.h"
#include "ptq/error.h"

namespace ptq {
namespace {

constexpr int kMaxFunctions = 10'000;
constexpr int kMaxDepth = 100;             // calls within calls; libraries expand them recursively
constexpr double kMaxExpandedNodes = 1e7;  // of one function with all its calls expanded

[[noreturn]] void refuse(const std::string& message) {
  throw Error(ErrorCode::kInput, message);
}

std::string identity(const std::string& domain, const std::string& name,
                     const std::string& overload) {
  std::string key = domain == "ai.onnx" ? "" : domain;
  for (const std::string* part : {&name, &overload}) {
    key += '\0';
    key += *part;
  }
  return key;
}

struct Function {
  const onnx::FunctionProto* proto = nullptr;
  std::unordered_map<size_t, double> calls;  // callee -> how often
  double own_nodes = 0;
};

using Positions = std::unordered_map<std::string, size_t>;

std::vector<Function> find_calls(onnx::ModelProto& model, Positions& positions) {
  std::vector<Function> functions;
  for (const onnx::FunctionProto& proto : model.functions()) {
    if (proto.name().empty()) {
      refuse("a function has no name");
    }
    if (!positions
             .emplace(identity(proto.domain(), proto.name(), proto.overload()), functions.size())
             .second) {
      refuse(fmt::format("function '{}' is defined twice; remove one", printable(proto.name())));
    }
    functions.push_back({&proto, {}, 0});
  }
  for (size_t k = 0; k < functions.size(); ++k) {
    Function& function = functions[k];
    walk_messages(*model.mutable_functions(static_cast<int>(k)),
                  [&](google::protobuf::Message& message, const MessagePath&) {
                    const auto* node = dynamic_cast<const onnx::NodeProto*>(&message);
                    if (node == nullptr) {
                      return;
                    }
                    function.own_nodes += 1;
                    const auto callee =
                        positions.find(identity(node->domain(), node->op_type(), node->overload()));
                    if (callee != positions.end()) {
                      function.calls[callee->second] += 1;
                    }
                  });
  }
  return functions;
}

// Expanded size of each function, callees first; what is never ready is in a cycle.
std::vector<double> check_calls(const std::vector<Function>& functions) {
  std::vector<std::vector<size_t>> callers(functions.size());
  std::vector<size_t> missing(functions.size());
  std::vector<size_t> ready;
  for (size_t k = 0; k < functions.size(); ++k) {
    missing[k] = functions[k].calls.size();
    for (const auto& [callee, count] : functions[k].calls) {
      callers[callee].push_back(k);
    }
    if (missing[k] == 0) {
      ready.push_back(k);
    }
  }
  std::vector<int> depth(functions.size(), 1);
  std::vector<double> nodes(functions.size());
  size_t done = 0;
  for (; done < ready.size(); ++done) {
    const size_t k = ready[done];
    const std::string name = printable(functions[k].proto->name());
    nodes[k] = functions[k].own_nodes;
    for (const auto& [callee, count] : functions[k].calls) {
      depth[k] = std::max(depth[k], depth[callee] + 1);
      nodes[k] += count * nodes[callee];
    }
    if (depth[k] > kMaxDepth) {
      refuse(fmt::format("function '{}' calls functions more than {} deep; inline some of them",
                         name, kMaxDepth));
    }
    if (nodes[k] > kMaxExpandedNodes) {
      refuse(
          fmt::format("function '{}' expands to more than {:.0f} nodes", name, kMaxExpandedNodes));
    }
    for (const size_t caller : callers[k]) {
      if (--missing[caller] == 0) {
        ready.push_back(caller);
      }
    }
  }
  if (done < functions.size()) {
    size_t k = 0;
    while (missing[k] == 0) {
      ++k;
    }
    refuse(
        fmt::format("function '{}' calls itself or waits for one that does; functions must not be "
                    "recursive",
                    printable(functions[k].proto->name())));
  }
  return nodes;
}

}  // namespace

double expanded_node_count(onnx::ModelProto& model) {
  Positions positions;
  const std::vector<double> sizes = check_calls(find_calls(model, positions));
  double total = 0;
  walk_messages(
      *model.mutable_graph(), [&](google::protobuf::Message& message, const MessagePath&) {
        if (const auto* node = dynamic_cast<const onnx::NodeProto*>(&message); node != nullptr) {
          const auto callee =
              positions.find(identity(node->domain(), node->op_type(), node->overload()));
          total += callee != positions.end() ? sizes[callee->second] : 1.0;
        }
      });
  return total;
}

void check_functions(onnx::ModelProto& model) {
  if (model.functions_size() > kMaxFunctions) {
    refuse(fmt::format("the model has {} functions; expected at most {}", model.functions_size(),
                       kMaxFunctions));
  }
  Positions positions;
  check_calls(find_calls(model, positions));
  for (onnx::FunctionProto& function : *model.mutable_functions()) {
    check_function_body(function);
  }
}

}  // namespace ptq

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include <fmt/format.h>

#include "core/log.h"
#include "onnx/onnx_pb.h"
#include "onnx_io/check.h"
#include "ptq/error.h"

namespace ptq {
namespace {

[[noreturn]] void refuse(const std::string& message) {
  throw Error(ErrorCode::kInput, message);
}

std::string canonical_domain(const std::string& domain) {
  return domain == "ai.onnx" ? std::string() : domain;
}

void check_ir_version(const onnx::ModelProto& model) {
  if (model.ir_version() < 1) {
    refuse(
        fmt::format("expected an IR version of 1 to {}, found {}; this is no complete ONNX model",
                    static_cast<int>(onnx::Version::IR_VERSION), model.ir_version()));
  }
  if (model.ir_version() > onnx::Version::IR_VERSION) {
    refuse(
        fmt::format("the file format (IR version {}) is newer than ptq knows ({}); export the "
                    "model for an older IR version",
                    model.ir_version(), static_cast<int>(onnx::Version::IR_VERSION)));
  }
}

std::map<std::string, int64_t> read_imports(const onnx::ModelProto& model) {
  std::map<std::string, int64_t> imports;
  for (const onnx::OperatorSetIdProto& import : model.opset_import()) {
    const std::string domain = canonical_domain(import.domain());
    const auto [found, is_new] = imports.emplace(domain, import.version());
    if (!is_new && found->second != import.version()) {
      refuse(fmt::format("operator set '{}' is imported twice, as version {} and {}; keep one",
                         printable(domain), found->second, import.version()));
    }
    if (import.version() < 1) {
      refuse(fmt::format("operator set '{}' has version {}; expected 1 or more", printable(domain),
                         import.version()));
    }
  }
  return imports;
}

void check_opsets(onnx::ModelProto& model) {
  const std::map<std::string, int64_t> imports = read_imports(model);
  if (imports.empty()) {
    refuse("no operator set is imported; this is no complete ONNX model");
  }
  const auto standard = imports.find("");
  if (standard != imports.end() && (standard->second < kMinOpset || standard->second > kMaxOpset)) {
    const bool is_newer = standard->second > kMaxOpset;
    refuse(fmt::format("opset {} is {} than ptq reads ({} to {}); {}", standard->second,
                       is_newer ? "newer" : "older", kMinOpset, kMaxOpset,
                       is_newer ? "export the model with an older opset"
                                : "convert it with ONNX's version converter"));
  }
  std::set<std::string> missing;
  walk_messages(*model.mutable_graph(),
                [&](google::protobuf::Message& message, const MessagePath&) {
                  if (const auto* node = dynamic_cast<const onnx::NodeProto*>(&message)) {
                    const std::string domain = canonical_domain(node->domain());
                    if (!imports.contains(domain)) {
                      if (domain.empty()) {
                        refuse(
                            fmt::format("{} is of the standard operator set, which the model does "
                                        "not import",
                                        node_place(*node)));
                      }
                      missing.insert(domain);
                    }
                  }
                });
  for (const std::string& domain : missing) {
    log_warn(fmt::format("operator set '{}' is used but not imported", printable(domain)));
  }
}

void check_sparse_tensor(const onnx::SparseTensorProto& tensor) {
  const std::string name = printable(tensor.values().name());
  if (std::any_of(tensor.dims().begin(), tensor.dims().end(),
                  [](int64_t dim) { return dim < 0; })) {
    refuse(fmt::format("sparse tensor '{}' has a negative dimension", name));
  }
  if (tensor.indices().data_type() != onnx::TensorProto::INT64) {
    refuse(fmt::format("sparse tensor '{}': expected int64 indices", name));
  }
}

void check_all_tensors(onnx::ModelProto& model) {
  walk_messages(model, [](google::protobuf::Message& message, const MessagePath& path) {
    if (const auto* tensor = dynamic_cast<const onnx::TensorProto*>(&message)) {
      check_tensor(*tensor, tensor_place(*tensor, path));
    } else if (const auto* sparse = dynamic_cast<const onnx::SparseTensorProto*>(&message)) {
      check_sparse_tensor(*sparse);
    }
  });
}

}  // namespace

void check_model(onnx::ModelProto& model) {
  check_ir_version(model);
  if (!model.has_graph()) {
    refuse("the model has no graph");
  }
  check_opsets(model);
  check_all_tensors(model);
  check_functions(model);
  check_graph(*model.mutable_graph());
}

}  // namespace ptq

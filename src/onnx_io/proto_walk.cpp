#include "onnx_io/proto_walk.h"

#include <fmt/format.h>

#include "onnx/onnx_pb.h"
#include "ptq/error.h"

namespace ptq {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using Visit = std::function<void(Message&, const MessagePath&)>;

void walk(Message& message, MessagePath& path, const Visit& visit) {
  if (message.GetDescriptor() == onnx::TypeProto::descriptor()) {
    return;
  }
  visit(message, path);
  const Reflection& reflection = *message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  path.push_back(&message);
  for (const FieldDescriptor* field : fields) {
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
      continue;
    }
    if (field->is_repeated()) {
      const int size = reflection.FieldSize(message, field);
      for (int i = 0; i < size; ++i) {
        walk(*reflection.MutableRepeatedMessage(&message, field, i), path, visit);
      }
    } else {
      walk(*reflection.MutableMessage(&message, field), path, visit);
    }
  }
  path.pop_back();
}

}  // namespace

void walk_messages(Message& root, const Visit& visit) {
  MessagePath path;
  walk(root, path, visit);
}

void walk_tensors(Message& root,
                  const std::function<void(onnx::TensorProto&, const MessagePath&)>& visit) {
  walk_messages(root, [&](Message& message, const MessagePath& path) {
    if (auto* tensor = dynamic_cast<onnx::TensorProto*>(&message)) {
      visit(*tensor, path);
    }
  });
}

std::string node_place(const onnx::NodeProto& node) {
  const std::string op = printable(node.op_type(), 80);
  if (!node.name().empty()) {
    return fmt::format("node '{}' ({})", printable(node.name()), op);
  }
  for (const std::string& output : node.output()) {
    if (!output.empty()) {
      return fmt::format("the node that makes '{}' ({})", printable(output), op);
    }
  }
  return fmt::format("a node without a name ({})", op);
}

std::string tensor_place(const onnx::TensorProto& tensor, const MessagePath& path) {
  std::string place =
      tensor.name().empty() ? "tensor" : fmt::format("tensor '{}'", printable(tensor.name()));
  for (auto around = path.rbegin(); around != path.rend(); ++around) {
    if (const auto* attribute = dynamic_cast<const onnx::AttributeProto*>(*around)) {
      place = fmt::format("{} in attribute '{}'", place, printable(attribute->name()));
    } else if (const auto* node = dynamic_cast<const onnx::NodeProto*>(*around)) {
      return fmt::format("{} of {}", place, node_place(*node));
    } else if (dynamic_cast<const onnx::GraphProto*>(*around) != nullptr) {
      return place;
    }
  }
  return place;
}

void clear_remarks(Message& root) {
  walk_messages(root, [](Message& message, const MessagePath&) {
    for (const char* name : {"doc_string", "metadata_props"}) {
      if (const FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(name)) {
        message.GetReflection()->ClearField(&message, field);
      }
    }
  });
}

}  // namespace ptq

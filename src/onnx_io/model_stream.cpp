#include "onnx_io/model_stream.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include "onnx/onnx_pb.h"
#include "onnx_io/graph_to_proto.h"
#include "onnx_io/proto_walk.h"
#include "onnx_io/tensor_proto.h"
#include "ptq/error.h"

namespace ptq {
namespace {

using google::protobuf::io::CodedOutputStream;

constexpr uint64_t kPageBytes = 4096;  // lets a runtime map a large tensor by itself
constexpr uint64_t kPageAlignFrom = 1 << 20;
constexpr uint64_t kSmallAlignment = 64;

// Tag and length of a length-delimited field.
std::string field_prefix(int field, uint64_t length) {
  std::array<uint8_t, 20> buffer{};
  const uint32_t tag = static_cast<uint32_t>(field) << 3U | 2U;
  uint8_t* end = CodedOutputStream::WriteVarint32ToArray(tag, buffer.data());
  end = CodedOutputStream::WriteVarint64ToArray(length, end);
  return {buffer.data(), end};
}

std::string serialize(const google::protobuf::Message& message) {
  std::string bytes;
  // Inner graphs can hold more than one message may.
  if (message.ByteSizeLong() > std::numeric_limits<int32_t>::max() ||
      !message.SerializePartialToString(&bytes)) {
    throw Error(
        ErrorCode::kInput,
        "the model without its external tensors is larger than 2 GiB, more than an ONNX file "
        "holds; use a lower threshold for external data");
  }
  return bytes;
}

// Shapes, axes, pads and the like: runtimes read them during shape inference, from inline data
// only.
bool is_shape_like(const Tensor& tensor) {
  constexpr int64_t kMaxElements = 1024;
  return tensor.rank() <= 1 && tensor.size() <= kMaxElements &&
         (tensor.dtype() == DType::kInt64 || tensor.dtype() == DType::kInt32);
}

void send(const ByteSink& sink, std::string_view text) {
  sink(std::as_bytes(std::span(text)));
}

}  // namespace

struct ModelStream::Parts {
  struct Initializer {
    std::string head;                 // the message without the payload
    const Tensor* payload = nullptr;  // inline raw data, or none
    const Constant* constant = nullptr;
    uint64_t size = 0;  // of the message
  };
  struct External {
    const Tensor* tensor = nullptr;
    const Constant* initializer = nullptr;  // of the main graph, that it belongs to
    uint64_t offset = 0;
  };

  StreamOptions options;
  std::string model_head;
  std::string graph_head;
  uint64_t graph_size = 0;
  std::vector<Initializer> initializers;
  std::vector<External> externals;
  uint64_t data_end = 0;

  bool is_external(const Tensor& tensor) const {
    return options.external_threshold && tensor.bytes().size() >= *options.external_threshold &&
           !tensor.bytes().empty() && !is_shape_like(tensor);
  }
  void put_reference(const Tensor& tensor, const Constant* initializer, onnx::TensorProto& proto);
  void send_payload(const Tensor& tensor, const Constant* constant, const ByteSink& sink) const;
  void add_initializer(const Constant& constant);
};

void ModelStream::Parts::put_reference(const Tensor& tensor, const Constant* initializer,
                                       onnx::TensorProto& proto) {
  put_tensor(tensor, proto, false);
  const uint64_t size = tensor.bytes().size();
  const uint64_t alignment = size >= kPageAlignFrom ? kPageBytes : kSmallAlignment;
  const uint64_t offset = (data_end + alignment - 1) / alignment * alignment;
  proto.set_data_location(onnx::TensorProto::EXTERNAL);
  const auto add = [&](const char* key, const std::string& value) {
    onnx::StringStringEntryProto& entry = *proto.add_external_data();
    entry.set_key(key);
    entry.set_value(value);
  };
  add("location", options.data_location);
  add("offset", std::to_string(offset));
  add("length", std::to_string(size));
  externals.push_back({&tensor, initializer, offset});
  data_end = offset + size;
}

void ModelStream::Parts::send_payload(const Tensor& tensor, const Constant* constant,
                                      const ByteSink& sink) const {
  const bool is_there = tensor.bytes().empty() || tensor.bytes().data() != nullptr;
  if (is_there) {
    sink(tensor.bytes());
    return;
  }
  PTQ_CHECK(constant != nullptr && options.payload);
  const Tensor made = options.payload(*constant);
  PTQ_CHECK(made.bytes().size() == tensor.bytes().size());
  sink(made.bytes());
}

void ModelStream::Parts::add_initializer(const Constant& constant) {
  Initializer initializer;
  onnx::TensorProto proto;
  put_constant(
      constant,
      [&](const Tensor& tensor, onnx::TensorProto& target) {
        const bool chosen =
            options.external_names == nullptr || options.external_names->contains(constant.name);
        if (chosen && is_external(tensor)) {
          put_reference(tensor, &constant, target);
        } else {
          put_tensor(tensor, target, false);
          initializer.payload = &tensor;
          initializer.constant = &constant;
        }
      },
      proto);
  if (options.essence_only) {
    clear_remarks(proto);
  }
  initializer.head = serialize(proto);
  initializer.size = initializer.head.size();
  if (initializer.payload != nullptr) {
    const uint64_t payload = initializer.payload->bytes().size();
    initializer.size +=
        field_prefix(onnx::TensorProto::kRawDataFieldNumber, payload).size() + payload;
  }
  graph_size += field_prefix(onnx::GraphProto::kInitializerFieldNumber, initializer.size).size() +
                initializer.size;
  initializers.push_back(std::move(initializer));
}

ModelStream::ModelStream(const Model& model, const StreamOptions& options)
    : parts_(std::make_unique<Parts>()) {
  Parts& parts = *parts_;
  parts.options = options;
  {
    onnx::ModelProto proto;
    put_model_head(model, proto);
    if (options.essence_only) {
      proto.clear_producer_name();
      proto.clear_producer_version();
      proto.clear_model_version();
      clear_remarks(proto);
    }
    parts.model_head = serialize(proto);
  }
  {
    onnx::GraphProto proto;
    TensorWriters writers;
    // Constant nodes stay inline: runtimes expect external data in initializers.
    writers.attribute = [](const Tensor& tensor, onnx::TensorProto& target) {
      put_tensor(tensor, target);
    };
    writers.initializer = [&](const Tensor& tensor, onnx::TensorProto& target) {
      if (parts.is_external(tensor) && parts.options.external_names == nullptr) {
        parts.put_reference(tensor, nullptr, target);
      } else {
        put_tensor(tensor, target);
      }
    };
    put_graph_head(model.graph, writers, proto);
    if (options.essence_only) {
      proto.clear_name();
      proto.clear_value_info();
      clear_remarks(proto);
    }
    parts.graph_head = serialize(proto);
    parts.graph_size = parts.graph_head.size();
  }
  parts.initializers.reserve(model.graph.initializers.size());
  for (const Constant& constant : model.graph.initializers) {
    parts.add_initializer(constant);
  }
}

ModelStream::~ModelStream() = default;

uint64_t ModelStream::size_bytes() const {
  return parts_->model_head.size() + parts_->graph_size +
         field_prefix(onnx::ModelProto::kGraphFieldNumber, parts_->graph_size).size();
}

void ModelStream::write_model(const ByteSink& sink) const {
  send(sink, parts_->model_head);
  send(sink, field_prefix(onnx::ModelProto::kGraphFieldNumber, parts_->graph_size));
  send(sink, parts_->graph_head);
  for (const Parts::Initializer& initializer : parts_->initializers) {
    send(sink, field_prefix(onnx::GraphProto::kInitializerFieldNumber, initializer.size) +
                   initializer.head);
    if (initializer.payload != nullptr) {
      const std::span<const std::byte> payload = initializer.payload->bytes();
      send(sink, field_prefix(onnx::TensorProto::kRawDataFieldNumber, payload.size()));
      parts_->send_payload(*initializer.payload, initializer.constant, sink);
    }
  }
}

void ModelStream::write_data(const ByteSink& sink) const {
  const std::vector<std::byte> padding(kPageBytes);
  uint64_t end = 0;
  for (const Parts::External& external : parts_->externals) {
    sink(std::span(padding).first(external.offset - end));
    parts_->send_payload(*external.tensor, external.initializer, sink);
    end = external.offset + external.tensor->bytes().size();
  }
}

bool ModelStream::has_data() const {
  return !parts_->externals.empty();
}

std::vector<const Constant*> ModelStream::referenced() const {
  std::vector<const Constant*> constants;
  for (const Parts::External& external : parts_->externals) {
    if (external.initializer != nullptr) {
      constants.push_back(external.initializer);
    }
  }
  return constants;
}

uint64_t payload_bytes(const Graph& graph) {
  uint64_t total = 0;
  for (const Constant& constant : graph.initializers) {
    total += constant.tensor.bytes().size();
  }
  for (const Node& node : graph.nodes) {
    for (const Attribute& attribute : node.attributes) {
      total += attribute.t.bytes().size();
      for (const std::shared_ptr<Graph>& inner : attribute.graphs) {
        total += payload_bytes(*inner);
      }
    }
  }
  return total;
}

}  // namespace ptq

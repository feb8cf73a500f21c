#pragma once
// The model as ptq sees it: plain values, names as edges, as in ONNX. What ptq does not understand
// stays beside it as `verbatim` bytes (a serialized protobuf message without the fields that are
// modelled here), so that reading and writing loses nothing. Copyable; tensors are shared handles.
// Not synchronized: one writer, or many readers.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ptq/dtype.h"
#include "ptq/tensor.h"

namespace ptq {

struct Graph;

enum class AttributeKind {
  kInt,
  kFloat,
  kString,
  kTensor,
  kGraph,
  kInts,
  kFloats,
  kStrings,
  kGraphs,
  kOther
};

struct Attribute {
  std::string name{};
  AttributeKind kind = AttributeKind::kOther;
  int64_t i = 0;
  float f = 0.0F;
  std::string s{};
  Tensor t{};
  std::vector<int64_t> ints{};
  std::vector<float> floats{};
  std::vector<std::string> strings{};
  std::vector<std::shared_ptr<Graph>> graphs{};  // one for kGraph; deep-copied by copy_graph
  std::string verbatim{};  // kOther: the whole message; else what is not modelled, also of `t`
};

struct Node {
  std::string name{};    // may be empty
  std::string domain{};  // "" is the standard domain; "ai.onnx" is read as ""
  std::string op_type{};
  std::vector<std::string> inputs{};  // "" = optional input that is absent
  std::vector<std::string> outputs{};
  std::vector<Attribute> attributes{};
  std::string verbatim{};

  bool is(std::string_view op) const { return op_type == op && domain.empty(); }
  const Attribute* find_attribute(std::string_view wanted) const;
  int64_t int_attribute(std::string_view wanted, int64_t fallback) const;
  float float_attribute(std::string_view wanted, float fallback) const;
  std::string string_attribute(std::string_view wanted, std::string_view fallback) const;
  std::vector<int64_t> ints_attribute(std::string_view wanted) const;  // empty when absent
  void set_attribute(std::string_view wanted, int64_t value);
  void set_attribute(std::string_view wanted, std::vector<int64_t> values);
  void set_attribute(std::string_view wanted, std::string value);
  void set_attribute(std::string_view wanted, float value);
  void erase_attribute(std::string_view wanted);
  // Input k, or "" when the node has fewer inputs.
  std::string_view input(size_t k) const;
};

// Declared type of a graph input, a graph output or an inner value.
struct ValueInfo {
  std::string name{};
  DType dtype =
      DType::kUndefined;  // kUndefined: unknown, or not a tensor (sequence, map, optional)
  bool has_shape = false;
  Shape shape{};                       // -1 = unknown or symbolic
  std::vector<std::string> symbols{};  // same length as shape; "" where the dimension has no name
  // The serialized ValueInfoProto as read. Written back as it is while it is not empty: clear it
  // after a change of name, type or shape.
  std::string verbatim{};
};

// An initializer.
struct Constant {
  std::string name{};
  Tensor tensor{};
  // Rest of the TensorProto; the whole of it where bit_width(dtype) is 0 (strings, 8-bit floats):
  // such a tensor has type and shape, but no bytes.
  std::string verbatim{};
};

struct Graph {
  std::string name{};
  std::vector<Node> nodes{};  // topological order
  std::vector<ValueInfo> inputs{};
  std::vector<ValueInfo> outputs{};
  std::vector<ValueInfo> value_infos{};
  std::vector<Constant> initializers{};
  std::string verbatim{};  // sparse initializers, annotations, doc string, metadata
};

struct OpsetImport {
  std::string domain{};
  int64_t version = 0;
};

struct Model {
  Graph graph{};
  int64_t ir_version = 0;
  std::vector<OpsetImport> opset_imports{};
  std::string verbatim{};        // producer, functions, metadata, training info, unknown fields
  bool has_functions = false;    // the model defines local functions (kept verbatim)
  std::filesystem::path path{};  // where it was read from; empty for a model made in memory

  // Version of `domain` ("" = standard), 0 when it is not imported.
  int64_t opset(std::string_view domain = {}) const;
  void set_opset(std::string_view domain, int64_t version);
};

// A graph that shares no inner graph with `graph`.
Graph copy_graph(const Graph& graph);

}  // namespace ptq

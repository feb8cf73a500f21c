#pragma once
// Names of the ONNX messages, so that headers of this room need not include the generated code.

namespace google::protobuf {
class Message;
}

namespace onnx {
class AttributeProto;
class FunctionProto;
class GraphProto;
class ModelProto;
class NodeProto;
class TensorProto;
class ValueInfoProto;
}  // namespace onnx

#include "onnx_io/proto_tools.h"

#include <cstring>
#include <fstream>
#include <iterator>
#include <vector>

#include <google/protobuf/util/field_comparator.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "onnx/defs/parser.h"
#include "onnx_io/proto_walk.h"
#include "onnx_io/read.h"
#include "ptq/error.h"

namespace ptq::testing_tools {
namespace {

template <typename Narrow, typename Values>
std::string pack(const Values& values) {
  std::string bytes;
  for (const auto value : values) {
    const auto narrow = static_cast<Narrow>(value);
    char buffer[sizeof(Narrow)];
    std::memcpy(buffer, &narrow, sizeof(Narrow));
    bytes.append(buffer, sizeof(Narrow));
  }
  return bytes;
}

void make_raw(onnx::TensorProto& tensor) {
  std::string raw;
  switch (tensor.data_type()) {
    case onnx::TensorProto::FLOAT:
      raw = pack<float>(tensor.float_data());
      break;
    case onnx::TensorProto::DOUBLE:
      raw = pack<double>(tensor.double_data());
      break;
    case onnx::TensorProto::INT64:
      raw = pack<int64_t>(tensor.int64_data());
      break;
    case onnx::TensorProto::INT32:
      raw = pack<int32_t>(tensor.int32_data());
      break;
    case onnx::TensorProto::FLOAT16:
    case onnx::TensorProto::BFLOAT16:
    case onnx::TensorProto::INT16:
    case onnx::TensorProto::UINT16:
      raw = pack<uint16_t>(tensor.int32_data());
      break;
    case onnx::TensorProto::BOOL:
    case onnx::TensorProto::INT4:
    case onnx::TensorProto::UINT4:
    case onnx::TensorProto::INT8:
    case onnx::TensorProto::UINT8:
      raw = pack<uint8_t>(tensor.int32_data());
      break;
    case onnx::TensorProto::UINT64:
      raw = pack<uint64_t>(tensor.uint64_data());
      break;
    case onnx::TensorProto::UINT32:
      raw = pack<uint32_t>(tensor.uint64_data());
      break;
    default:
      return;
  }
  if (!raw.empty()) {
    tensor.set_raw_data(raw);
  }
  tensor.clear_float_data();
  tensor.clear_double_data();
  tensor.clear_int64_data();
  tensor.clear_int32_data();
  tensor.clear_uint64_data();
}

// Optional fields that hold their default value are as good as absent. In a oneof they are not: a
// dimension of 0 is not an unknown one.
void clear_defaults(google::protobuf::Message& message) {
  using google::protobuf::FieldDescriptor;
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->is_repeated() || field->containing_oneof() != nullptr) {
      continue;
    }
    bool is_default = false;
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_STRING:
        is_default = reflection.GetString(message, field).empty();
        break;
      case FieldDescriptor::CPPTYPE_INT64:
        is_default = reflection.GetInt64(message, field) == 0;
        break;
      case FieldDescriptor::CPPTYPE_ENUM:
        is_default = reflection.GetEnumValue(message, field) == 0;
        break;
      default:
        break;
    }
    if (is_default) {
      reflection.ClearField(&message, field);
    }
  }
}

}  // namespace

onnx::ModelProto proto_from_text(std::string_view text) {
  onnx::ModelProto proto;
  onnx::OnnxParser parser(text);
  const auto status = parser.Parse(proto);
  EXPECT_TRUE(status.IsOK()) << status.ErrorMessage();
  return proto;
}

std::string bytes_of(const onnx::ModelProto& proto) {
  std::string bytes;
  EXPECT_TRUE(proto.SerializePartialToString(&bytes));
  return bytes;
}

onnx::ModelProto proto_of(const std::string& bytes) {
  onnx::ModelProto proto;
  EXPECT_TRUE(proto.ParsePartialFromString(bytes));
  return proto;
}

void normalize(onnx::ModelProto& proto) {
  for (onnx::OperatorSetIdProto& import : *proto.mutable_opset_import()) {
    import.set_domain(import.domain() == "ai.onnx" ? "" : import.domain());
  }
  walk_messages(proto, [](google::protobuf::Message& message, const MessagePath&) {
    if (auto* tensor = dynamic_cast<onnx::TensorProto*>(&message)) {
      make_raw(*tensor);
    } else if (auto* node = dynamic_cast<onnx::NodeProto*>(&message)) {
      node->set_domain(node->domain() == "ai.onnx" ? "" : node->domain());
    }
    clear_defaults(message);
  });
}

std::string difference(onnx::ModelProto a, onnx::ModelProto b) {
  normalize(a);
  normalize(b);
  google::protobuf::util::DefaultFieldComparator comparator;
  comparator.set_treat_nan_as_equal(true);
  google::protobuf::util::MessageDifferencer differencer;
  differencer.set_field_comparator(&comparator);
  std::string report;
  differencer.ReportDifferencesToString(&report);
  const bool are_equal = differencer.Compare(a, b);
  return are_equal ? "" : "differs: " + report.substr(0, 2000);
}

std::string refusal_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInput) << error.what();
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    return error.what();
  }
  return "";
}

std::string refusal_of(const onnx::ModelProto& proto) {
  return refusal_of([&] { parse_model(bytes_of(proto), {}); });
}

TemporaryFolder::TemporaryFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "ptq_onnx_io_XXXXXX").string();
  EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
  path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::filesystem::path TemporaryFolder::write(const std::filesystem::path& name,
                                             std::string_view bytes) const {
  const std::filesystem::path path = path_ / name;
  std::filesystem::create_directories(path.parent_path());
  std::ofstream file(path, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  EXPECT_TRUE(file.flush().good()) << path;
  return path;
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.good()) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

onnx::ModelProto small_model() {
  return proto_from_text(R"(
    <ir_version: 8, opset_import: ["" : 17]>
    small (float[1,4] x) => (float[1,2] y)
    <float[4,2] w = {1, 2, 3, 4, 5, 6, 7, 8}, float[2] b = {0.5, -0.5}>
    {
      m = MatMul (x, w)
      s = Add (m, b)
      y = Relu (s)
    })");
}

}  // namespace ptq::testing_tools

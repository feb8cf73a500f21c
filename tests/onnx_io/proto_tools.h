#pragma once
// What the tests of this room share: protobuf messages from text, comparison of messages, the
// message of an expected refusal, and a folder that vanishes with the test.

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "onnx/onnx_pb.h"

namespace ptq::testing_tools {

// The message of ONNX's text syntax, not checked by ptq.
onnx::ModelProto proto_from_text(std::string_view text);

std::string bytes_of(const onnx::ModelProto& proto);
onnx::ModelProto proto_of(const std::string& bytes);

// Says differently what means the same: tensor values as raw data, "ai.onnx" as "",
// defaults as absent fields.
void normalize(onnx::ModelProto& proto);

// What differs between two messages after `normalize`; "" when nothing does.
std::string difference(onnx::ModelProto a, onnx::ModelProto b);

// Message of the Error{kInput} that `action` throws; "" when it throws none.
std::string refusal_of(const std::function<void()>& action);

// Of parsing the bytes of `proto`.
std::string refusal_of(const onnx::ModelProto& proto);

class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path write(const std::filesystem::path& name, std::string_view bytes) const;

 private:
  std::filesystem::path path_;
};

std::string read_file(const std::filesystem::path& path);

// (float[1,4] x) => y = Relu(MatMul(x, w) + b), both initializers of float.
onnx::ModelProto small_model();

}  // namespace ptq::testing_tools

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "onnx_io/check.h"
#include "onnx_io/proto_tools.h"

namespace ptq {
namespace {

using testing::HasSubstr;
using testing_tools::bytes_of;
using testing_tools::refusal_of;
using testing_tools::small_model;
using namespace std::string_literals;

std::string refusal(const std::string& bytes) {
  return refusal_of([&] { check_bytes(bytes); });
}

TEST(CheckBytes, AcceptsAModel) {
  EXPECT_EQ(refusal(bytes_of(small_model())), "");
}

TEST(CheckBytes, SaysWhatAnotherFileLooksLike) {
  EXPECT_THAT(refusal(""), HasSubstr("the file is empty"));
  EXPECT_THAT(refusal("version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 7\n"),
              HasSubstr("git lfs pull"));
  EXPECT_THAT(refusal("\n\n<!DOCTYPE html><html></html>"), HasSubstr("a web page"));
  EXPECT_THAT(refusal("PK\x03\x04rest"), HasSubstr("ZIP"));
  EXPECT_THAT(refusal("{\"a\": 1}"), HasSubstr("JSON"));
  EXPECT_THAT(refusal("\x1c\0\0\0TFL3rest"s), HasSubstr("TensorFlow Lite"));
  EXPECT_THAT(refusal("\x24\0\0\0ORTMrest"s), HasSubstr("ONNX Runtime's own format"));
  EXPECT_THAT(refusal("\x89HDF\r\n"), HasSubstr("HDF5"));
  EXPECT_THAT(refusal("plain words of no meaning"), HasSubstr("expected an ONNX model"));
  EXPECT_THAT(refusal("\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8\xf7\xf6\xf5"), HasSubstr("(at byte 0)"));
}

TEST(CheckBytes, TellsATensorFromAModel) {
  onnx::TensorProto tensor;
  for (const int dim : {1, 3, 224}) {
    tensor.add_dims(dim);
  }
  tensor.set_data_type(onnx::TensorProto::FLOAT);
  EXPECT_THAT(refusal(tensor.SerializeAsString()), HasSubstr("another message"));
}

// The graph is the last large field of a file, so every cut falls into a field or between two.
TEST(CheckBytes, RefusesEveryTruncation) {
  const std::string bytes = bytes_of(small_model());
  for (size_t size = 0; size < bytes.size(); ++size) {
    const std::string message =
        refusal_of([&] { check_bytes(std::string_view(bytes).substr(0, size)); });
    // Behind the graph only the opset import is missing, which check_model notices.
    if (size > bytes.find("small") + 20 && message.empty()) {
      EXPECT_GE(size, bytes.size() - 8) << size;
      continue;
    }
    EXPECT_NE(message, "") << size;
  }
  EXPECT_THAT(refusal(bytes.substr(0, bytes.size() / 2)), HasSubstr("truncated"));
}

TEST(CheckBytes, RefusesWhatFollowsTheModel) {
  const std::string bytes = bytes_of(small_model());
  EXPECT_THAT(refusal(bytes + bytes),
              HasSubstr("a second model begins at byte " + std::to_string(bytes.size())));
  EXPECT_THAT(refusal(bytes + "\0\0\0\0"s), HasSubstr("4 more bytes follow"));
  EXPECT_THAT(refusal(bytes + "\xff\xff\xff"), HasSubstr("3 more bytes follow"));
}

TEST(CheckBytes, RefusesAFileWithoutGraph) {
  onnx::ModelProto proto = small_model();
  proto.clear_graph();
  EXPECT_THAT(refusal(bytes_of(proto)), HasSubstr("no graph"));
}

TEST(CheckBytes, RefusesMoreEntriesThanMemoryHolds) {
  std::string graph;
  for (int k = 0; k < 1'100'000; ++k) {
    graph += "\x2a\0"s;  // an empty initializer
  }
  std::string bytes = "\x08\x08\x3a"s;
  for (size_t size = graph.size(); true; size >>= 7U) {
    bytes += static_cast<char>((size & 0x7FU) | (size > 0x7FU ? 0x80U : 0U));
    if (size <= 0x7FU) {
      break;
    }
  }
  EXPECT_THAT(refusal(bytes + graph), HasSubstr("more than 1000000 entries"));
}

}  // namespace
}  // namespace ptq

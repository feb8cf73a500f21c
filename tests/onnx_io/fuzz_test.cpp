// Damaged models must end in a Model or in an Error, never in a crash. Seeds are fixed.

#include <random>
#include <string>

#include <gtest/gtest.h>

#include "onnx_io/fingerprint.h"
#include "onnx_io/infer_shapes.h"
#include "onnx_io/proto_tools.h"
#include "onnx_io/read.h"
#include "onnx_io/text_model.h"
#include "onnx_io/write.h"
#include "ptq/error.h"

namespace ptq {
namespace {

using testing_tools::bytes_of;

std::string seed_model() {
  const Model model = parse_text_model(R"(
    <ir_version: 9, opset_import: ["" : 21, "local" : 1]>
    g (bool c, float[N, 2] x) => (float[N, 2] y)
    <float[2, 2] w = {1, 2, 3, 4}, int4[3] q = {1, 2, 3}, float16[2] h = {15360, 0},
     int64[2] s = {-1, 2}>
    {
      k = Constant <value = int8[2] {-1, 1}> ()
      m = MatMul (x, w)
      r = Reshape (m, s)
      b = If (c) <then_branch = g1 () => (float[N, 2] a) { a = Relu (r) },
                  else_branch = g2 () => (float[N, 2] a) <float z = {1}> { a = Add (r, z) }>
      y = local.twice (b)
    }
    <domain: "local", opset_import: ["" : 21]> twice (a) => (b) { b = Add (a, a) })");
  onnx::ModelProto proto = testing_tools::proto_of(serialize_model(model));
  // Typed values and a declaration, which writing and the text do not give.
  onnx::TensorProto& tensor = *proto.mutable_graph()->add_initializer();
  tensor.set_name("typed");
  tensor.set_data_type(onnx::TensorProto::FLOAT16);
  tensor.add_dims(2);
  tensor.add_int32_data(15360);
  tensor.add_int32_data(0);
  proto.mutable_graph()->add_value_info()->set_name("m");
  return bytes_of(proto);
}

// What was wrong with the bytes; "" when they are a model.
std::string try_everything(const std::string& bytes) {
  try {
    Model model = parse_model(bytes, {});
    infer_shapes(model);
    const std::string written = serialize_model(model);
    EXPECT_EQ(model_fingerprint(parse_model(written, {})), model_fingerprint(model));
    return "";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInput) << error.what();
    return error.what();
  }
}

class Fuzz : public testing::Test {
 protected:
  // Warnings about damaged models are of no interest here.
  void SetUp() override { testing::internal::CaptureStderr(); }
  void TearDown() override { testing::internal::GetCapturedStderr(); }
};

TEST_F(Fuzz, TheSeedIsAModel) {
  EXPECT_EQ(try_everything(seed_model()), "");
}

TEST_F(Fuzz, Truncations) {
  const std::string bytes = seed_model();
  for (size_t size = 0; size < bytes.size(); ++size) {
    try_everything(bytes.substr(0, size));
  }
}

TEST_F(Fuzz, ChangedBytes) {
  const std::string bytes = seed_model();
  std::mt19937 random(1);
  int models = 0;
  for (int round = 0; round < 4000; ++round) {
    std::string damaged = bytes;
    const int changes = 1 + round % 4;
    for (int k = 0; k < changes; ++k) {
      char& byte = damaged[random() % damaged.size()];
      byte = round % 2 == 0 ? static_cast<char>(random())
                            : static_cast<char>(byte ^ (1 << random() % 8));
    }
    models += try_everything(damaged).empty() ? 1 : 0;
  }
  EXPECT_GT(models, 100);  // else the mutations reach only the parser
  EXPECT_LT(models, 3900);
}

TEST_F(Fuzz, MovedAndRepeatedPieces) {
  const std::string bytes = seed_model();
  std::mt19937 random(2);
  for (int round = 0; round < 2000; ++round) {
    std::string damaged = bytes;
    const size_t begin = random() % bytes.size();
    const size_t size = random() % 40;
    const std::string piece = bytes.substr(begin, size);
    switch (round % 3) {
      case 0:
        damaged.insert(random() % damaged.size(), piece);
        break;
      case 1:
        damaged.erase(begin, size);
        break;
      default:
        damaged.replace(random() % damaged.size(), size, piece);
        break;
    }
    try_everything(damaged);
  }
}

// Fields of the parsed message change, so that the damage passes the parser.
TEST_F(Fuzz, ChangedNumbersInTensors) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 1000; ++round) {
    onnx::ModelProto proto;
    ASSERT_TRUE(proto.ParseFromString(seed_model()));
    auto& tensor = *proto.mutable_graph()->mutable_initializer(static_cast<int>(random() % 4));
    const int64_t number = static_cast<int64_t>(random()) >> (random() % 64);
    switch (round % 4) {
      case 0:
        tensor.set_dims(0, number);
        break;
      case 1:
        tensor.set_data_type(static_cast<int32_t>(random() % 32));
        break;
      case 2:
        tensor.add_dims(number);
        break;
      default:
        tensor.set_raw_data(std::string(random() % 64, 'r'));
        break;
    }
    try_everything(bytes_of(proto));
  }
}

}  // namespace
}  // namespace ptq

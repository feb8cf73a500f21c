#include "onnx_io/fingerprint.h"

#include <functional>

#include <gtest/gtest.h>

#include "onnx_io/infer_shapes.h"
#include "onnx_io/proto_tools.h"
#include "onnx_io/read.h"
#include "onnx_io/write.h"

namespace ptq {
namespace {

using testing_tools::bytes_of;
using testing_tools::small_model;

std::string fingerprint(const std::function<void(onnx::ModelProto&)>& change) {
  onnx::ModelProto proto = small_model();
  change(proto);
  return model_fingerprint(parse_model(bytes_of(proto), {}));
}

const std::string kBase = fingerprint([](onnx::ModelProto&) {});

TEST(Fingerprint, IsASha256) {
  EXPECT_EQ(kBase.size(), 64U);
  EXPECT_EQ(fingerprint([](onnx::ModelProto&) {}), kBase);
}

TEST(Fingerprint, IgnoresRemarksAndStorage) {
  EXPECT_EQ(fingerprint([](onnx::ModelProto& proto) {
              proto.set_producer_name("someone");
              proto.set_producer_version("2");
              proto.set_model_version(3);
              proto.set_doc_string("text");
              proto.add_metadata_props()->set_key("k");
              proto.mutable_graph()->set_name("other");
              proto.mutable_graph()->set_doc_string("text");
              proto.mutable_graph()->mutable_node(0)->set_doc_string("text");
              proto.mutable_graph()->mutable_input(0)->set_doc_string("text");
              proto.mutable_graph()->mutable_initializer(0)->set_doc_string("text");
              proto.mutable_graph()->add_value_info()->set_name("m");
            }),
            kBase);
  EXPECT_EQ(fingerprint([](onnx::ModelProto& proto) { testing_tools::normalize(proto); }), kBase);
  Model model = parse_model(bytes_of(small_model()), {});
  model.path = "/some/where.onnx";
  infer_shapes(model);
  EXPECT_EQ(model_fingerprint(model), kBase);
  const testing_tools::TemporaryFolder folder;
  write_model(model, folder.path() / "m.onnx", {.external_data_threshold = 0});
  EXPECT_EQ(model_fingerprint(read_model(folder.path() / "m.onnx")), kBase);
}

TEST(Fingerprint, SeesWhatTheModelComputes) {
  EXPECT_NE(fingerprint([](onnx::ModelProto& proto) {
              proto.mutable_graph()->mutable_initializer(0)->set_float_data(7, 8.000001F);
            }),
            kBase);
  EXPECT_NE(fingerprint([](onnx::ModelProto& proto) {
              proto.mutable_graph()->mutable_node(2)->set_op_type("Sigmoid");
            }),
            kBase);
  EXPECT_NE(fingerprint([](onnx::ModelProto& proto) {
              auto& attribute = *proto.mutable_graph()->mutable_node(2)->add_attribute();
              attribute.set_name("a");
              attribute.set_type(onnx::AttributeProto::INT);
            }),
            kBase);
  EXPECT_NE(
      fingerprint([](onnx::ModelProto& proto) { proto.mutable_opset_import(0)->set_version(18); }),
      kBase);
  EXPECT_NE(fingerprint([](onnx::ModelProto& proto) {
              proto.mutable_graph()->mutable_initializer(0)->mutable_dims()->SwapElements(0, 1);
            }),
            kBase);
}

}  // namespace
}  // namespace ptq

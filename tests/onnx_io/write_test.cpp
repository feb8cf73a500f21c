#include "onnx_io/write.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "onnx_io/fingerprint.h"
#include "onnx_io/proto_tools.h"
#include "onnx_io/read.h"
#include "ptq/error.h"

namespace ptq {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing_tools::bytes_of;
using testing_tools::difference;
using testing_tools::proto_from_text;
using testing_tools::proto_of;
using testing_tools::read_file;
using testing_tools::small_model;
using testing_tools::TemporaryFolder;

constexpr std::string_view kNested = R"(
  <ir_version: 8, opset_import: ["" : 17]>
  g (bool c, float[2] x) => (float[2] y)
  <float[2] w = {1, 2}, int64[1] axes = {0}>
  {
    y = If (c) <
      then_branch = g1 () => (float[2] a) { a = Add (x, w) },
      else_branch = g2 () => (float[2] a) <float[2] w2 = {3, 4}> {
        k = Constant <value = float[2] {5, 6}> ()
        s = Mul (x, k)
        a = Add (s, w2)
      }
    >
  })";

TEST(WriteModel, WritesWhatSerializeGives) {
  const TemporaryFolder folder;
  const Model model = parse_model(bytes_of(small_model()), {});
  write_model(model, folder.path() / "m.onnx");
  EXPECT_EQ(read_file(folder.path() / "m.onnx"), serialize_model(model));
  EXPECT_FALSE(fs::exists(folder.path() / "m.onnx.data"));
}

TEST(WriteModel, PutsLargeTensorsIntoADataFile) {
  const TemporaryFolder folder;
  const Model model = parse_model(bytes_of(small_model()), {});
  write_model(model, folder.path() / "m.onnx", {.external_data_threshold = 16});
  const onnx::ModelProto written = proto_of(read_file(folder.path() / "m.onnx"));
  const onnx::TensorProto& w = written.graph().initializer(0);
  EXPECT_EQ(w.data_location(), onnx::TensorProto::EXTERNAL);
  EXPECT_EQ(w.external_data(0).value(), "m.onnx.data");
  EXPECT_EQ(written.graph().initializer(1).data_location(), onnx::TensorProto::DEFAULT);
  EXPECT_EQ(fs::file_size(folder.path() / "m.onnx.data"), 32U);
  const Model again = read_model(folder.path() / "m.onnx");
  EXPECT_EQ(model_fingerprint(again), model_fingerprint(model));
  EXPECT_EQ(difference(small_model(), proto_of(serialize_model(again))), "");
}

TEST(WriteModel, PutsInitializersOfInnerGraphsThereToo) {
  const TemporaryFolder folder;
  const onnx::ModelProto proto = proto_from_text(kNested);
  const Model model = parse_model(bytes_of(proto), {});
  write_model(model, folder.path() / "m.onnx", {.external_data_threshold = 1});
  const onnx::ModelProto written = proto_of(read_file(folder.path() / "m.onnx"));
  const onnx::GraphProto& inner = written.graph().node(0).attribute(1).g();
  EXPECT_EQ(inner.initializer(0).data_location(), onnx::TensorProto::EXTERNAL);
  EXPECT_EQ(inner.node(0).attribute(0).t().data_location(), onnx::TensorProto::DEFAULT);
  // Each tensor begins at a multiple of 64; those that runtimes read as shapes stay.
  EXPECT_EQ(inner.initializer(0).external_data(1).value(), "0");
  EXPECT_EQ(written.graph().initializer(0).external_data(1).value(), "64");
  EXPECT_EQ(written.graph().initializer(1).data_location(), onnx::TensorProto::DEFAULT);
  const Model again = read_model(folder.path() / "m.onnx");
  EXPECT_EQ(difference(proto, proto_of(serialize_model(again))), "");
}

// Bytes that are made while they are written, in one file and beside it, give the same files.
TEST(WriteModel, AsksForPayloadsThatAreNotThere) {
  const TemporaryFolder folder;
  const Model model = parse_model(bytes_of(small_model()), {});
  Model promised = model;
  std::vector<std::string> wanted;
  for (Constant& constant : promised.graph.initializers) {
    wanted.push_back(constant.name);
    constant.tensor = Tensor::view(constant.tensor.dtype(), constant.tensor.shape(), nullptr,
                                   nullptr, constant.tensor.bytes().size());
  }
  for (const bool beside : {false, true}) {
    WriteOptions options;
    if (beside) {
      options.external_data_threshold = 1;
    }
    write_model(model, folder.path() / "m.onnx", options);
    const std::string whole = read_file(folder.path() / "m.onnx");
    const std::string data = beside ? read_file(folder.path() / "m.onnx.data") : "";
    std::vector<std::string> asked;
    options.payload = [&](const Constant& constant) {
      asked.push_back(constant.name);
      for (const Constant& original : model.graph.initializers) {
        if (original.name == constant.name) {
          return original.tensor;
        }
      }
      return Tensor();
    };
    write_model(promised, folder.path() / "m.onnx", options);
    EXPECT_EQ(read_file(folder.path() / "m.onnx"), whole);
    EXPECT_EQ(beside ? read_file(folder.path() / "m.onnx.data") : "", data);
    EXPECT_THAT(asked, ::testing::UnorderedElementsAreArray(wanted));
  }
}

TEST(WriteModel, AlignsLargeTensorsToPages) {
  const TemporaryFolder folder;
  Model model = parse_model(bytes_of(small_model()), {});
  Constant large;
  large.name = "large";
  large.tensor = Tensor(DType::kUint8, {(1 << 20) + 1});
  large.tensor.mutable_data<uint8_t>()[1 << 20] = 7;
  model.graph.initializers.push_back(large);
  write_model(model, folder.path() / "m.onnx", {.external_data_threshold = 0});
  const onnx::ModelProto written = proto_of(read_file(folder.path() / "m.onnx"));
  EXPECT_EQ(written.graph().initializer(2).external_data(1).value(), "4096");
  const Model again = read_model(folder.path() / "m.onnx");
  EXPECT_EQ(again.graph.initializers[2].tensor.data<uint8_t>()[1 << 20], 7);
  EXPECT_EQ(again.graph.initializers[0].tensor.data<float>()[7], 8.0F);
}

TEST(WriteModel, SwitchesToADataFileWhenOneFileIsTooSmall) {
  const TemporaryFolder folder;
  Model model = parse_model(bytes_of(small_model()), {});
  Constant large;
  large.name = "large";
  large.tensor = Tensor(DType::kFloat, {4096});
  model.graph.initializers.push_back(large);
  write_model(model, folder.path() / "m.onnx", {.max_inline_bytes = 10'000});
  EXPECT_EQ(fs::file_size(folder.path() / "m.onnx.data"), 16384U);
  EXPECT_LT(fs::file_size(folder.path() / "m.onnx"), 1000U);
  const onnx::ModelProto written = proto_of(read_file(folder.path() / "m.onnx"));
  EXPECT_EQ(written.graph().initializer(0).data_location(), onnx::TensorProto::DEFAULT);
}

TEST(WriteModel, SaysWhyAModelCannotBeSplit) {
  const TemporaryFolder folder;
  const Model model = parse_model(bytes_of(small_model()), {});
  EXPECT_THAT(testing_tools::refusal_of(
                  [&] { write_model(model, folder.path() / "m.onnx", {.max_inline_bytes = 100}); }),
              HasSubstr("without its external tensors"));
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

// 2 GiB that are never touched: the tensor views a single page-aligned reservation of zeros.
TEST(SerializeModel, RefusesMoreThanAFileHolds) {
  Model model = parse_model(bytes_of(small_model()), {});
  const std::vector<std::byte> page(4096);
  const Tensor tensor = Tensor::view(DType::kUint8, {4096}, nullptr, page.data(), page.size());
  for (int k = 0; k < (1 << 19) + 1; ++k) {
    Constant constant;
    constant.name = std::to_string(k);
    constant.tensor = tensor;
    model.graph.initializers.push_back(std::move(constant));
  }
  EXPECT_THAT(testing_tools::refusal_of([&] { serialize_model(model); }),
              HasSubstr("external data"));
}

TEST(WriteModel, NeverReplacesItsSources) {
  const TemporaryFolder folder;
  const auto path = folder.write("m.onnx", bytes_of(small_model()));
  write_model(read_model(path), folder.path() / "split.onnx", {.external_data_threshold = 16});
  const Model model = read_model(folder.path() / "split.onnx");
  const auto code_of = [&](const fs::path& target) {
    try {
      write_model(model, target, {.external_data_threshold = 16});
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::kInternal;
  };
  EXPECT_EQ(code_of(folder.path() / "split.onnx"), ErrorCode::kUsage);
  EXPECT_EQ(code_of(folder.path() / "split.onnx.data"), ErrorCode::kUsage);
  fs::create_symlink("split.onnx.data", folder.path() / "other.onnx.data");
  EXPECT_EQ(code_of(folder.path() / "other.onnx"), ErrorCode::kUsage);
  EXPECT_EQ(model_fingerprint(read_model(folder.path() / "split.onnx")), model_fingerprint(model));
}

TEST(WriteModel, ReplacesOtherFilesWhole) {
  const TemporaryFolder folder;
  folder.write("m.onnx", "old");
  write_model(parse_model(bytes_of(small_model()), {}), folder.path() / "m.onnx");
  EXPECT_EQ(read_model(folder.path() / "m.onnx").graph.nodes.size(), 3U);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 1);  // no temporary is left
}

}  // namespace
}  // namespace ptq

#include "onnx_io/external_data.h"

#include <cstring>
#include <filesystem>
#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "onnx_io/proto_tools.h"
#include "onnx_io/read.h"
#include "onnx_io/source_files.h"
#include "onnx_io/write.h"

namespace ptq {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing_tools::bytes_of;
using testing_tools::proto_of;
using testing_tools::refusal_of;
using testing_tools::small_model;
using testing_tools::TemporaryFolder;

// The values of w: 1 to 8 behind `skip` bytes.
std::string weight_bytes(size_t skip = 0) {
  std::string bytes(skip, '#');
  for (int k = 1; k <= 8; ++k) {
    const auto value = static_cast<float>(k);
    char buffer[sizeof(float)];
    std::memcpy(buffer, &value, sizeof(float));
    bytes.append(buffer, sizeof(float));
  }
  return bytes;
}

void set_entry(onnx::TensorProto& tensor, const std::string& key, const std::string& value) {
  onnx::StringStringEntryProto& entry = *tensor.add_external_data();
  entry.set_key(key);
  entry.set_value(value);
}

// small_model with w in `location`.
onnx::ModelProto external_model(const std::string& location,
                                const std::optional<std::string>& offset = {},
                                const std::optional<std::string>& length = {}) {
  onnx::ModelProto proto = small_model();
  onnx::TensorProto& w = *proto.mutable_graph()->mutable_initializer(0);
  w.clear_float_data();
  w.set_data_location(onnx::TensorProto::EXTERNAL);
  set_entry(w, "location", location);
  if (offset) {
    set_entry(w, "offset", *offset);
  }
  if (length) {
    set_entry(w, "length", *length);
  }
  return proto;
}

std::string refusal(const fs::path& path) {
  return refusal_of([&] { read_model(path); });
}

void expect_weights(const Model& model) {
  EXPECT_THAT(model.graph.initializers[0].tensor.data<float>(),
              ElementsAre(1, 2, 3, 4, 5, 6, 7, 8));
}

TEST(ExternalData, ReadsAlignedAndUnalignedTensors) {
  const TemporaryFolder folder;
  for (const size_t skip : {0, 64, 3}) {
    folder.write("w.bin", weight_bytes(skip) + "tail");
    expect_weights(read_model(
        folder.write("m.onnx", bytes_of(external_model("w.bin", std::to_string(skip), "32")))));
  }
  folder.write("deep/down/w.bin", weight_bytes());
  expect_weights(read_model(folder.write("m.onnx", bytes_of(external_model("./deep/down/w.bin")))));
}

TEST(ExternalData, ReadsBesideAModelNamedWithoutFolder) {
  const TemporaryFolder folder;
  folder.write("w.bin", weight_bytes());
  folder.write("m.onnx", bytes_of(external_model("w.bin")));
  const fs::path before = fs::current_path();
  fs::current_path(folder.path());
  expect_weights(read_model("m.onnx"));
  fs::current_path(before);
}

TEST(ExternalData, MapsLargeTensors) {
  const TemporaryFolder folder;
  folder.write("big.bin", std::string(1 << 20, 'z'));
  onnx::ModelProto proto = small_model();
  onnx::TensorProto& big = *proto.mutable_graph()->add_initializer();
  big.set_name("big");
  big.set_data_type(onnx::TensorProto::UINT8);
  big.add_dims(1 << 20);
  big.set_data_location(onnx::TensorProto::EXTERNAL);
  set_entry(big, "location", "big.bin");
  const Model model = read_model(folder.write("m.onnx", bytes_of(proto)));
  fs::remove(folder.path() / "big.bin");  // the mapping lives on
  EXPECT_EQ(model.graph.initializers[2].tensor.data<uint8_t>()[(1 << 20) - 1], 'z');
}

TEST(ExternalData, RefusesPathsThatLeaveTheFolder) {
  const TemporaryFolder folder;
  folder.write("w.bin", weight_bytes());
  folder.write("secret", weight_bytes());
  fs::create_directories(folder.path() / "model/a");
  const auto message = [&](const std::string& location) {
    return refusal(folder.write("model/m.onnx", bytes_of(external_model(location))));
  };
  EXPECT_THAT(message("../w.bin"), HasSubstr("has a '..'"));
  EXPECT_THAT(message("a/../../w.bin"), HasSubstr("has a '..'"));
  EXPECT_THAT(message("a/../w.bin"), HasSubstr("has a '..'"));
  EXPECT_THAT(message(".."), HasSubstr("has a '..'"));
  EXPECT_THAT(message((folder.path() / "w.bin").string()), HasSubstr("is absolute"));
  EXPECT_THAT(message("//etc/passwd"), HasSubstr("is absolute"));
  EXPECT_THAT(message("..\\w.bin"), HasSubstr("backslash"));
  EXPECT_THAT(message("C:w.bin"), HasSubstr("drive letter"));
  EXPECT_THAT(message(std::string("w.bin\0.txt", 10)), HasSubstr("NUL"));
  EXPECT_THAT(message(""), HasSubstr("is empty"));
  EXPECT_THAT(message("*/_ORT_MEM_ADDR_/*"), HasSubstr("memory address"));
  EXPECT_THAT(message("nothing.bin"), HasSubstr("is missing beside the model"));
  EXPECT_THAT(message("."), HasSubstr("found a folder"));
}

TEST(ExternalData, FollowsLinksOnlyInside) {
  const TemporaryFolder folder;
  folder.write("outside/w.bin", weight_bytes());
  folder.write("model/real.bin", weight_bytes());
  const auto path = folder.write("model/m.onnx", bytes_of(external_model("w.bin")));
  fs::create_symlink("real.bin", folder.path() / "model/w.bin");
  expect_weights(read_model(path));
  fs::remove(folder.path() / "model/w.bin");
  fs::create_symlink("../outside/w.bin", folder.path() / "model/w.bin");
  EXPECT_THAT(refusal(path), HasSubstr("leads out of the folder"));
  fs::remove(folder.path() / "model/w.bin");
  fs::create_directory_symlink("../outside", folder.path() / "model/sub");
  EXPECT_THAT(refusal(folder.write("model/m.onnx", bytes_of(external_model("sub/w.bin")))),
              HasSubstr("leads out of the folder"));
}

TEST(ExternalData, ReadsTheLayoutOfHuggingFaceCaches) {
  const TemporaryFolder folder;
  folder.write("blobs/1111", bytes_of(external_model("m.onnx_data")));
  folder.write("blobs/2222", weight_bytes());
  fs::create_directories(folder.path() / "snapshots/rev");
  fs::create_symlink("../../blobs/1111", folder.path() / "snapshots/rev/m.onnx");
  fs::create_symlink("../../blobs/2222", folder.path() / "snapshots/rev/m.onnx_data");
  const fs::path path = folder.path() / "snapshots/rev/m.onnx";
  expect_weights(read_model(path));
  const std::vector<SourceFile> files = list_source_files(path);
  ASSERT_EQ(files.size(), 2U);
  EXPECT_EQ(files[0].path.filename(), "1111");
  EXPECT_EQ(files[1].path.filename(), "2222");
  // A link to somewhere else stays refused.
  folder.write("elsewhere/w.bin", weight_bytes());
  fs::remove(folder.path() / "snapshots/rev/m.onnx_data");
  fs::create_symlink("../../elsewhere/w.bin", folder.path() / "snapshots/rev/m.onnx_data");
  EXPECT_THAT(refusal(path), HasSubstr("leads out of the folder"));
}

TEST(ExternalData, WarnsOfHardLinksAndOverlaps) {
  const TemporaryFolder folder;
  folder.write("outside.bin", weight_bytes());
  fs::create_directories(folder.path() / "model");
  fs::create_hard_link(folder.path() / "outside.bin", folder.path() / "model/w.bin");
  onnx::ModelProto proto = external_model("w.bin");
  onnx::TensorProto& b = *proto.mutable_graph()->mutable_initializer(1);
  b.clear_float_data();
  b.set_data_location(onnx::TensorProto::EXTERNAL);
  set_entry(b, "location", "w.bin");
  set_entry(b, "offset", "8");
  testing::internal::CaptureStderr();
  const Model model = read_model(folder.write("model/m.onnx", bytes_of(proto)));
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_THAT(log, HasSubstr("is a hard link"));
  EXPECT_THAT(log, HasSubstr("tensors overlap at byte 8"));
  EXPECT_THAT(model.graph.initializers[1].tensor.data<float>(), ElementsAre(3, 4));
}

TEST(ExternalData, RefusesRangesOutsideTheFile) {
  const TemporaryFolder folder;
  folder.write("w.bin", weight_bytes());
  const auto message = [&](const std::string& offset, const std::string& length) {
    return refusal(folder.write("m.onnx", bytes_of(external_model("w.bin", offset, length))));
  };
  EXPECT_EQ(message("0", "32"), "");
  EXPECT_THAT(message("1", "32"), HasSubstr("ends at byte 32"));
  EXPECT_THAT(message("18446744073709551615", "32"), HasSubstr("ends at byte 32"));
  EXPECT_THAT(message("18446744073709551616", "32"), HasSubstr("expected a number"));
  EXPECT_THAT(message("-1", "32"), HasSubstr("expected a number"));
  EXPECT_THAT(message("0x10", "32"), HasSubstr("expected a number"));
  EXPECT_THAT(message("", "32"), HasSubstr("expected a number"));
  EXPECT_THAT(message(" 0", "32"), HasSubstr("expected a number"));
  EXPECT_THAT(message("0", "31"), HasSubstr("the length says 31"));
  EXPECT_THAT(message("0", "33"), HasSubstr("the length says 33"));
  EXPECT_THAT(message("0", "-32"), HasSubstr("expected a number"));
  folder.write("w.bin", "");
  EXPECT_THAT(message("0", "32"), HasSubstr("ends at byte 0"));
}

TEST(ExternalData, RefusesPipesAndDevices) {
  const TemporaryFolder folder;
  ASSERT_EQ(::mkfifo((folder.path() / "pipe").c_str(), 0600), 0);
  EXPECT_THAT(refusal(folder.write("m.onnx", bytes_of(external_model("pipe")))),
              HasSubstr("found a named pipe"));
  fs::create_symlink("/dev/zero", folder.path() / "zero");
  EXPECT_THAT(refusal(folder.write("m.onnx", bytes_of(external_model("zero")))),
              HasSubstr("leads out of the folder"));
}

TEST(ExternalData, NeedsAFolderWhenParsedFromMemory) {
  const TemporaryFolder folder;
  folder.write("w.bin", weight_bytes());
  const std::string bytes = bytes_of(external_model("w.bin"));
  expect_weights(parse_model(bytes, folder.path()));
  EXPECT_THAT(refusal_of([&] { parse_model(bytes, {}); }), HasSubstr("was not read from a file"));
}

TEST(ExternalData, WrittenElsewhereTheModelStandsAlone) {
  const TemporaryFolder folder;
  folder.write("in/w.bin", weight_bytes());
  onnx::ModelProto proto = external_model("w.bin");
  // Tensors in functions are kept verbatim and must be embedded too.
  onnx::FunctionProto& function = *proto.add_functions();
  function.set_name("f");
  function.set_domain("local");
  function.add_output("k");
  onnx::NodeProto& node = *function.add_node();
  node.set_op_type("Constant");
  node.add_output("k");
  onnx::AttributeProto& value = *node.add_attribute();
  value.set_name("value");
  value.set_type(onnx::AttributeProto::TENSOR);
  *value.mutable_t() = proto.graph().initializer(0);
  const Model model = read_model(folder.write("in/m.onnx", bytes_of(proto)));
  fs::create_directories(folder.path() / "out");
  write_model(model, folder.path() / "out/m.onnx");
  fs::remove_all(folder.path() / "in");
  const std::string bytes = testing_tools::read_file(folder.path() / "out/m.onnx");
  expect_weights(parse_model(bytes, {}));
  const onnx::TensorProto constant = proto_of(bytes).functions(0).node(0).attribute(0).t();
  EXPECT_EQ(constant.raw_data(), weight_bytes());
  EXPECT_EQ(constant.external_data_size(), 0);
}

}  // namespace
}  // namespace ptq

#include "onnx_io/read.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "onnx_io/proto_tools.h"
#include "onnx_io/source_files.h"

namespace ptq {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing_tools::bytes_of;
using testing_tools::refusal_of;
using testing_tools::small_model;
using testing_tools::TemporaryFolder;

std::string refusal(const std::filesystem::path& path) {
  return refusal_of([&] { read_model(path); });
}

TEST(ReadModel, KeepsThePath) {
  const TemporaryFolder folder;
  const auto path = folder.write("a model\n.onnx", bytes_of(small_model()));
  const Model model = read_model(path);
  EXPECT_EQ(model.path, path);
  EXPECT_EQ(model.graph.name, "small");
  EXPECT_THAT(model.graph.initializers[1].tensor.data<float>(), ElementsAre(0.5F, -0.5F));
}

TEST(ReadModel, NamesTheFileInEveryRefusal) {
  const TemporaryFolder folder;
  EXPECT_THAT(refusal(folder.path() / "missing.onnx"),
              AllOf(HasSubstr("missing.onnx: "), HasSubstr("no such file")));
  EXPECT_THAT(refusal(folder.write("empty.onnx", "")),
              AllOf(HasSubstr("empty.onnx: "), HasSubstr("the file is empty")));
  EXPECT_THAT(refusal(folder.path()), HasSubstr("found a folder"));
  EXPECT_THAT(refusal(folder.write("x.onnx", "a") / "y.onnx"), HasSubstr("no such file"));
  EXPECT_THAT(refusal("/dev/zero"), HasSubstr("found a device"));
  EXPECT_THAT(refusal(folder.write("broken\x1b.onnx", "\xff")), HasSubstr("broken?.onnx"));
}

TEST(ReadModel, DoesNotWaitForAPipe) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "pipe.onnx";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_THAT(refusal(path), HasSubstr("found a named pipe"));
}

TEST(ReadModel, RefusesDamageInsideTheGraph) {
  std::string bytes = bytes_of(small_model());
  bytes[bytes.find("MatMul") - 1] = '\x7f';  // the length of the operator's name
  EXPECT_THAT(refusal_of([&] { parse_model(bytes, {}); }), HasSubstr("damaged inside"));
}

TEST(SourceFiles, NoticesAChange) {
  const TemporaryFolder folder;
  const auto path = folder.write("m.onnx", bytes_of(small_model()));
  const std::vector<SourceFile> files = list_source_files(path);
  ASSERT_EQ(files.size(), 1U);
  EXPECT_NO_THROW(check_unchanged(files));
  folder.write("m.onnx", bytes_of(small_model()) + "x");
  EXPECT_THAT(refusal_of([&] { check_unchanged(files); }), HasSubstr("was changed"));
  std::filesystem::remove(path);
  EXPECT_THAT(refusal_of([&] { check_unchanged(files); }), HasSubstr("gone"));
}

}  // namespace
}  // namespace ptq

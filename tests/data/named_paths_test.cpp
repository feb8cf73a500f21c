#include "data/named_paths.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/npy_writer.h"

namespace ptq {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;

TEST(NamedPaths, AreThoseThatExistInEveryForm) {
  const testing::TempFolder folder;
  for (const char* name : {"a.npz", "b.bin", "c,d=e.npy"}) {
    testing::write_file(folder / name, "x");
  }
  const std::string base = folder.path().string() + "/";
  testing::write_file(folder / "list", "a.npz\nnone\n");
  EXPECT_THAT(named_paths({base + "a.npz", base + "none", base}),
              ElementsAre(fs::path(base + "a.npz"), fs::path(base)));
  EXPECT_THAT(named_paths({"@" + base + "list"}),
              ElementsAre(fs::path(base + "list"), fs::path(base + "a.npz")));
  EXPECT_THAT(named_paths({base + "*.bin"}), ElementsAre(fs::path(base + "b.bin")));
  EXPECT_THAT(named_paths({"x=" + base + "b.bin,f32,1x2", "n=m=" + base + "a.npz"}),
              ElementsAre(fs::path(base + "b.bin"), fs::path(base + "a.npz")));
  EXPECT_THAT(named_paths({"x=" + base + "c,d=e.npy", "x=,"}),
              ElementsAre(fs::path(base + "c,d=e.npy")));
}

TEST(NamedPaths, OfReportsDoNotFollowPatternsAndLists) {
  const testing::TempFolder folder;
  testing::write_file(folder / "a.npz", "x");
  testing::write_file(folder / "list", "a.npz\n");
  const std::string base = folder.path().string() + "/";
  EXPECT_THAT(argument_paths({"@" + base + "list", base + "*.npz", "x=" + base + "a.npz"}),
              ElementsAre(fs::path(base + "list"), fs::path(base + "a.npz")));
}

}  // namespace
}  // namespace ptq

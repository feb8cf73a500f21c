#include "core/temporary_folder.h"

#include <cstdlib>
#include <fstream>

#include <gtest/gtest.h>

#include "ptq/error.h"

namespace ptq {
namespace {

namespace fs = std::filesystem;

TEST(TemporaryFolder, IsPrivateAndGoneWithTheObject) {
  fs::path path;
  {
    const TemporaryFolder folder;
    path = folder.path();
    std::ofstream(path / "file") << "content";
    EXPECT_EQ(fs::status(path).permissions(), fs::perms::owner_all);
  }
  EXPECT_FALSE(fs::exists(path));
}

TEST(TemporaryFolder, WithoutAWritablePlaceSaysSo) {
  const char* const before = std::getenv("TMPDIR");
  const std::string kept = before != nullptr ? before : "";
  setenv("TMPDIR", "/proc/self", 1);
  try {
    const TemporaryFolder folder;
    ADD_FAILURE() << "made " << folder.path();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kEnvironment);
  }
  before != nullptr ? setenv("TMPDIR", kept.c_str(), 1) : unsetenv("TMPDIR");
}

}  // namespace
}  // namespace ptq

#include "core/atomic_file.h"

#include <csignal>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ptq/error.h"

namespace ptq {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

// A folder of its own for each test, removed at the end.
class AtomicFileTest : public testing::Test {
 protected:
  AtomicFileTest() {
    std::string pattern = (fs::temp_directory_path() / "ptq_atomic_XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~AtomicFileTest() override {
    std::error_code ignored;
    fs::permissions(folder_, fs::perms::owner_all, ignored);
    fs::remove_all(folder_, ignored);
  }

  fs::path path(const std::string& name) const { return folder_ / name; }
  void put(const std::string& name, const std::string& text) const {
    std::ofstream(path(name)) << text;
  }
  std::string text_of(const std::string& name) const {
    std::ostringstream out;
    out << std::ifstream(path(name)).rdbuf();
    return out.str();
  }
  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder_)) {
      out.push_back(entry.path().filename().string());
    }
    return out;
  }

  fs::path folder_;
};
using CheckOutputPath = AtomicFileTest;

template <typename Body>
Error error_of(Body body) {
  try {
    body();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "expected an Error";
  return {ErrorCode::kInterrupted, ""};
}

TEST_F(AtomicFileTest, AppearsWholeAtCommit) {
  AtomicFile file(path("out"));
  file.write("first ");
  file.write(std::as_bytes(std::span(std::string_view("second"))));
  EXPECT_FALSE(fs::exists(path("out")));
  EXPECT_EQ(file.temporary().parent_path(), folder_);
  EXPECT_EQ(text_of(file.temporary().filename().string()), "first second");
  file.commit();
  EXPECT_EQ(text_of("out"), "first second");
  EXPECT_THAT(names(), UnorderedElementsAre("out"));
}

TEST_F(AtomicFileTest, WithoutCommitNothingIsLeftAndTheOldFileStays) {
  put("out", "old");
  {
    AtomicFile file(path("out"));
    file.write("new");
    EXPECT_EQ(names().size(), 2U);
  }
  EXPECT_EQ(text_of("out"), "old");
  EXPECT_THAT(names(), UnorderedElementsAre("out"));
}

TEST_F(AtomicFileTest, CommitReplacesTheOldFile) {
  put("out", "something older and longer");
  AtomicFile file(path("out"));
  file.write("new");
  file.commit();
  EXPECT_EQ(text_of("out"), "new");
}

TEST_F(AtomicFileTest, ANewFileNeverReplacesAnother) {
  {
    AtomicFile file(path("a"));
    file.write(std::string_view("first"));
    EXPECT_TRUE(file.commit_new());
  }
  {
    AtomicFile file(path("a"));
    file.write(std::string_view("second"));
    EXPECT_FALSE(file.commit_new());
  }
  EXPECT_EQ(text_of("a"), "first");
  EXPECT_EQ(names(), std::vector<std::string>{"a"});
}

TEST_F(AtomicFileTest, HasThePermissionsOfAnyNewFile) {
  const mode_t before = ::umask(027);
  AtomicFile file(path("out"));
  file.commit();
  const mode_t after = ::umask(before);
  EXPECT_EQ(after, 027U);  // making the file did not change it
  struct stat status {};
  ASSERT_EQ(::stat(path("out").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0640U);
}

TEST_F(AtomicFileTest, TwoWritersOfOneTargetDoNotMeet) {
  AtomicFile first(path("out"));
  AtomicFile second(path("out"));
  EXPECT_NE(first.temporary(), second.temporary());
  first.write("first");
  second.write("second");
  first.commit();
  second.commit();
  EXPECT_EQ(text_of("out"), "second");
  EXPECT_THAT(names(), UnorderedElementsAre("out"));
}

TEST_F(AtomicFileTest, TakesTheLongestNames) {
  const std::string name(255, 'n');
  AtomicFile file(path(name));
  file.commit();
  EXPECT_THAT(names(), UnorderedElementsAre(name));
}

TEST_F(AtomicFileTest, TakesANameWithoutAFolder) {
  const fs::path before = fs::current_path();
  fs::current_path(folder_);
  AtomicFile file("out");
  file.write("here");
  file.commit();
  fs::current_path(before);
  EXPECT_EQ(text_of("out"), "here");
}

TEST_F(AtomicFileTest, ReplacesALinkInsteadOfFollowingIt) {
  put("precious", "keep");
  fs::create_symlink("precious", path("out"));
  AtomicFile file(path("out"));
  file.write("new");
  file.commit();
  EXPECT_EQ(text_of("precious"), "keep");
  EXPECT_EQ(text_of("out"), "new");
  EXPECT_FALSE(fs::is_symlink(path("out")));
}

TEST_F(AtomicFileTest, SaysThatTheFolderIsMissing) {
  const Error error = error_of([&] { AtomicFile file(path("no/such/out")); });
  EXPECT_EQ(error.code(), ErrorCode::kEnvironment);
  EXPECT_THAT(error.what(), HasSubstr("No such file or directory"));
  EXPECT_THAT(error.what(), HasSubstr("no/such/out"));
}

TEST_F(AtomicFileTest, RefusesTargetsThatCannotBeRenamedOver) {
  fs::create_directory(path("folder"));
  EXPECT_EQ(error_of([&] { AtomicFile file(path("folder")); }).code(), ErrorCode::kUsage);
  EXPECT_EQ(error_of([&] { AtomicFile file(path("folder/")); }).code(), ErrorCode::kUsage);
  EXPECT_EQ(error_of([&] { AtomicFile file(""); }).code(), ErrorCode::kUsage);
  EXPECT_EQ(error_of([&] { AtomicFile file(path("new/")); }).code(), ErrorCode::kUsage);
  // As root a rename would replace the device itself.
  EXPECT_EQ(error_of([&] { AtomicFile file("/dev/null"); }).code(), ErrorCode::kUsage);
  fs::create_symlink("/dev/null", path("link"));
  EXPECT_EQ(error_of([&] { AtomicFile file(path("link")); }).code(), ErrorCode::kUsage);
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  EXPECT_EQ(error_of([&] { AtomicFile file(path("pipe")); }).code(), ErrorCode::kUsage);
  EXPECT_THAT(names(), UnorderedElementsAre("folder", "link", "pipe"));
}

TEST_F(AtomicFileTest, MayNotBeWrittenAfterCommit) {
  AtomicFile file(path("out"));
  file.commit();
  EXPECT_EQ(error_of([&] { file.write("more"); }).code(), ErrorCode::kInternal);
  EXPECT_EQ(error_of([&] { file.commit(); }).code(), ErrorCode::kInternal);
}

TEST_F(AtomicFileTest, ATargetThatBecomesAFolderIsAnErrorOfTheRename) {
  AtomicFile file(path("out"));
  fs::create_directory(path("out"));
  EXPECT_EQ(error_of([&] { file.commit(); }).code(), ErrorCode::kEnvironment);
}

// A limit on the size of files fails the write as a full disk does, with another errno.
TEST_F(AtomicFileTest, AWriteThatFailsHalfwayLeavesTheOldFileAlone) {
  put("out", "old");
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{64 * 1024, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  Error error(ErrorCode::kInterrupted, "");
  {
    AtomicFile file(path("out"));
    error = error_of([&] { file.write(std::string(100 * 1024, 'x')); });
    EXPECT_EQ(fs::file_size(file.temporary()), 64U * 1024U);  // it did fail halfway
  }
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, old_handler);
  EXPECT_EQ(error.code(), ErrorCode::kEnvironment);
  EXPECT_THAT(error.what(), HasSubstr("cannot write"));
  EXPECT_THAT(error.what(), HasSubstr("File too large"));
  EXPECT_EQ(text_of("out"), "old");
  EXPECT_THAT(names(), UnorderedElementsAre("out"));
}

TEST_F(CheckOutputPath, AcceptsANewNameAndAnOldOneWithForce) {
  put("in", "model");
  put("old", "output");
  const std::vector<fs::path> inputs = {path("in"), path("missing"), ""};
  EXPECT_NO_THROW(check_output_path(path("new"), inputs, false));
  EXPECT_NO_THROW(check_output_path(path("old"), inputs, true));
  EXPECT_NO_THROW(check_output_path("new-in-the-current-folder", inputs, false));
  const Error error = error_of([&] { check_output_path(path("old"), inputs, false); });
  EXPECT_EQ(error.code(), ErrorCode::kUsage);
  EXPECT_THAT(error.what(), HasSubstr("--force"));
}

TEST_F(CheckOutputPath, RefusesAnInputByWhateverNameForceOrNot) {
  put("in", "model");
  fs::create_directory(path("sub"));
  fs::create_symlink("in", path("soft"));
  fs::create_hard_link(path("in"), path("hard"));
  fs::create_directory_symlink(folder_, path("here"));
  const std::vector<fs::path> inputs = {path("other"), path("in")};
  for (const char* name : {"in", "./in", "sub/../in", "soft", "hard", "here/in"}) {
    for (const bool force : {false, true}) {
      const Error error = error_of([&] { check_output_path(path(name), inputs, force); });
      EXPECT_EQ(error.code(), ErrorCode::kUsage) << name;
      EXPECT_THAT(error.what(), HasSubstr("never changed")) << name;
    }
  }
  // The other way round: the input is given by its link.
  const std::vector<fs::path> linked = {path("soft")};
  EXPECT_EQ(error_of([&] { check_output_path(path("in"), linked, true); }).code(),
            ErrorCode::kUsage);
}

TEST_F(CheckOutputPath, SaysBeforeTheWorkThatTheFolderIsMissing) {
  const Error error = error_of([&] { check_output_path(path("no/out"), {}, false); });
  EXPECT_EQ(error.code(), ErrorCode::kEnvironment);
  EXPECT_THAT(error.what(), HasSubstr("there is no folder"));
  put("file", "");
  EXPECT_EQ(error_of([&] { check_output_path(path("file/out"), {}, false); }).code(),
            ErrorCode::kEnvironment);
}

TEST_F(CheckOutputPath, SaysBeforeTheWorkThatTheFolderIsNotWritable) {
  fs::permissions(folder_, fs::perms::owner_read | fs::perms::owner_exec);
  const uid_t user = ::geteuid();
  constexpr uid_t kNobody = 65534;
  if (user == 0) {
    ASSERT_EQ(::seteuid(kNobody), 0);  // root may write everywhere
  }
  const Error error = error_of([&] { check_output_path(path("out"), {}, false); });
  const Error late = error_of([&] { AtomicFile file(path("out")); });
  ASSERT_EQ(::seteuid(user), 0);
  EXPECT_EQ(error.code(), ErrorCode::kEnvironment);
  EXPECT_THAT(error.what(), HasSubstr("Permission denied"));
  EXPECT_EQ(late.code(), ErrorCode::kEnvironment);
}

TEST_F(CheckOutputPath, RefusesFoldersAndDevices) {
  for (const bool force : {false, true}) {
    for (const fs::path& output : {folder_, path(""), fs::path("/dev/null"), fs::path()}) {
      EXPECT_EQ(error_of([&] { check_output_path(output, {}, force); }).code(), ErrorCode::kUsage)
          << output;
    }
  }
}

}  // namespace
}  // namespace ptq

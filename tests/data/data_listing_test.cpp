#include "data/data_listing.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/formats.h"
#include "data/npy_writer.h"
#include "ptq/error.h"

namespace ptq {
namespace {

namespace fs = std::filesystem;
using ::ptq::testing::error_of;
using ::ptq::testing::write_file;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class DataListingTest : public ::testing::Test {
 protected:
  // Makes a file below the folder, and the folders on the way.
  void make(const std::string& name) {
    const fs::path path = folder_ / name;
    fs::create_directories(path.parent_path());
    write_file(path, "x");
  }

  // "stratum:path below the folder" of every file.
  std::vector<std::string> list(const std::vector<std::string>& names) {
    std::vector<std::string> data;
    for (const std::string& name : names) {
      data.push_back((folder_ / name).string());
    }
    std::vector<std::string> found;
    for (const DataFile& file : list_data(data, {"x"}).files) {
      found.push_back(file.stratum + ":" +
                      file.path.lexically_relative(folder_.path()).generic_string());
    }
    return found;
  }

  std::string refusal(const std::vector<std::string>& names, ErrorCode code = ErrorCode::kInput) {
    return error_of([&] { list(names); }, code);
  }

  testing::TempFolder folder_;
};

TEST_F(DataListingTest, SubfoldersAreStrata) {
  make("d/b.npz");
  make("d/dogs/2.npz");
  make("d/dogs/10.npz");
  make("d/cats/1.npz");
  make("d/dogs/notes.txt");
  make("d/.hidden/3.npz");
  EXPECT_THAT(list({"d"}), ElementsAre(":d/b.npz", "cats:d/cats/1.npz", "dogs:d/dogs/10.npz",
                                       "dogs:d/dogs/2.npz"));
  make("d/dogs/young/4.npz");
  EXPECT_THAT(refusal({"d"}), AllOf(HasSubstr("dogs/young"), HasSubstr("one folder deep")));
}

TEST_F(DataListingTest, SortsTestDataSetsByNumber) {
  for (const char* name : {"test_data_set_10", "test_data_set_9", "test_data_set_010", "named"}) {
    make(std::string("z/") + name + "/input_0.pb");
  }
  EXPECT_THAT(list({"z"}), ElementsAre(":z/named", ":z/test_data_set_9", ":z/test_data_set_010",
                                       ":z/test_data_set_10"));
  EXPECT_THAT(list({"z/named"}), ElementsAre(":z/named"));
  EXPECT_EQ(list_data({(folder_ / "z").string()}, {}).format,
            format_of_folder(folder_ / "z/named"));
}

TEST_F(DataListingTest, KeepsTheOrderOfTheArguments) {
  make("b.npz");
  make("a.NPZ");
  make("d/x.npz");
  EXPECT_THAT(list({"b.npz", "d", "a.NPZ", "b.npz"}),
              ElementsAre(":b.npz", ":d/x.npz", ":a.NPZ", ":b.npz"));
}

TEST_F(DataListingTest, RefusesMixedFormatsAlsoAmongArguments) {
  make("b.npz");
  make("a.npy");
  make("c.npy");
  EXPECT_THAT(refusal({"b.npz", "a.npy", "c.npy"}), HasSubstr("found 1 .npz and 2 .npy"));
  make("d/x.npz");
  make("d/s/x.npy");
  EXPECT_THAT(refusal({"d"}), HasSubstr("found 1 .npz and 1 .npy"));
}

TEST_F(DataListingTest, RefusesWhatIsNoData) {
  EXPECT_THAT(refusal({}, ErrorCode::kUsage), HasSubstr("never invents"));
  EXPECT_THAT(refusal({"none"}), HasSubstr("no such file"));
  make("t.txt");
  EXPECT_THAT(refusal({"t.txt"}),
              HasSubstr("expected .npz, .npy, .safetensors, .jsonl, images (.jpg, .png) or test_"));
  make("d/e/t.txt");
  EXPECT_THAT(refusal({"d"}), HasSubstr("only such as 'e/t.txt'"));
}

TEST_F(DataListingTest, PatternsAreSortedAndKnowTheirStrata) {
  make("d/b/2.npz");
  make("d/b/10.npz");
  make("d/a/deep/er/1.npz");
  make("d/a/[x].npz");
  make("d/top.npz");
  make("d/top.txt");
  make("d/.hidden/3.npz");
  make("d/B/.h.npz");
  EXPECT_THAT(list({"d/*.npz"}), ElementsAre(":d/top.npz"));
  EXPECT_THAT(list({"d/*/*.npz"}), ElementsAre("a:d/a/[x].npz", "b:d/b/10.npz", "b:d/b/2.npz"));
  const auto all = ElementsAre(":d/top.npz", "a:d/a/[x].npz", "a:d/a/deep/er/1.npz", "b:d/b/10.npz",
                               "b:d/b/2.npz");
  EXPECT_THAT(list({"d/**/*.npz"}), all);
  EXPECT_THAT(list({"d/**/**/*.npz"}), all);
  EXPECT_THAT(list({"d/**"}), all);
  EXPECT_THAT(list({"d/b/[!2]*.npz"}), ElementsAre(":d/b/10.npz"));
  EXPECT_THAT(list({"*/b/?.npz"}), ElementsAre("d:d/b/2.npz"));
  // What exists under that very name is no pattern.
  EXPECT_THAT(list({"d/a/[x].npz"}), ElementsAre(":d/a/[x].npz"));
}

TEST_F(DataListingTest, APatternMustMatchSomething) {
  make("d/a.txt");
  EXPECT_THAT(refusal({"d/*.npz"}),
              AllOf(HasSubstr("nothing that the pattern matches"), HasSubstr("PTQ-S002")));
  EXPECT_THAT(refusal({"d/*"}), HasSubstr("only such as 'a.txt'"));
  EXPECT_THAT(refusal({"none/**/*.npz"}), HasSubstr("nothing that"));
}

TEST_F(DataListingTest, PatternsDoNotFollowLinksInCircles) {
  make("d/a/1.npz");
  fs::create_directory_symlink(folder_ / "d", folder_ / "d/a/loop");
  EXPECT_THAT(list({"d/**/*.npz"}), ElementsAre("a:d/a/1.npz"));
}

TEST_F(DataListingTest, ListsKeepTheirOrder) {
  make("l/b.npz");
  make("l/s/a.npz");
  make("other/c.npz");
  write_file(folder_ / "l/list.txt",
             "\xef\xbb\xbf# comment\r\n\n  \nb.npz\r\ns/a.npz\n../other/c.npz\n" +
                 (folder_ / "l/b.npz").string());
  std::vector<std::string> found;
  for (const DataFile& file : list_data({"@" + (folder_ / "l/list.txt").string()}, {}).files) {
    found.push_back(file.stratum + ":" + file.path.filename().string());
  }
  EXPECT_THAT(found, ElementsAre(":b.npz", "s:a.npz", ":c.npz", ":b.npz"));
}

TEST_F(DataListingTest, RefusesBadLists) {
  const auto list_refusal = [&](const std::string& text) {
    write_file(folder_ / "list.txt", text);
    return error_of([&] { list_data({"@" + (folder_ / "list.txt").string()}, {}); });
  };
  make("t.txt");
  EXPECT_THAT(list_refusal("\n# x\nnone.npz\n"), HasSubstr("list.txt: line 3: no such file"));
  EXPECT_THAT(list_refusal("t.txt"), HasSubstr("line 1: expected .npz"));
  EXPECT_THAT(list_refusal("# x\n\n"), HasSubstr("names no files"));
  EXPECT_THAT(list_refusal(std::string("a\0b", 3)), HasSubstr("zero byte"));
  EXPECT_THAT(list_refusal("."), HasSubstr("line 1: expected .npz"));
  EXPECT_THAT(error_of([&] { list_data({"@" + (folder_ / "none").string()}, {}); }),
              HasSubstr("no such file"));
}

TEST(DataFormats, HaveUniqueExtensionsAndNames) {
  std::set<std::string_view> seen;
  for (const DataFormat& format : data_formats()) {
    EXPECT_NE(format.open, nullptr);
    EXPECT_TRUE(seen.insert(format.name).second || format.name.starts_with('.')) << format.name;
    for (const std::string_view extension : format.extensions) {
      if (!extension.empty()) {
        EXPECT_TRUE(extension.starts_with('.'));
        EXPECT_EQ(format_of_file("x/y" + std::string(extension)), &format);
      }
    }
  }
  EXPECT_EQ(format_of_file("x/.npz"), nullptr);
  EXPECT_EQ(format_of_file("x/y"), nullptr);
}

}  // namespace
}  // namespace ptq

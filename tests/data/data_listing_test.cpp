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
    for (const DataFile& file : list_data(data).files) {
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
  EXPECT_EQ(list_data({(folder_ / "z").string()}).format, format_of_folder(folder_ / "z/named"));
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
  EXPECT_THAT(refusal({"t.txt"}), HasSubstr("expected .npz, .npy or"));
  make("d/e/t.txt");
  EXPECT_THAT(refusal({"d"}), HasSubstr("only such as 'e/t.txt'"));
}

TEST_F(DataListingTest, NamesThePathsThatExist) {
  make("a.npz");
  const std::string a = (folder_ / "a.npz").string();
  EXPECT_THAT(named_paths({a, a + "x"}), ElementsAre(fs::path(a)));
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

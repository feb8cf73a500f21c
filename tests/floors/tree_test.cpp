// The real tree against the real table.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "floors/floors.h"

namespace ptq::floors {
namespace {

namespace fs = std::filesystem;

const fs::path kRoot = PTQ_SOURCE_DIR;

std::string read_text(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

Floors real_floors() {
  return parse_floors(read_text(kRoot / "docs" / "design.md"));
}

// Paths relative to the repository, sorted.
std::vector<std::string> sources_in(const std::string& folder) {
  std::vector<std::string> out;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(kRoot / folder)) {
    const std::string extension = entry.path().extension().string();
    if (entry.is_regular_file() && extension != ".txt" && extension != ".md") {
      out.push_back(folder + "/" + fs::relative(entry.path(), kRoot / folder).generic_string());
    }
  }
  std::ranges::sort(out);
  return out;
}

TEST(Floors, NoFileIncludesWhatItMayNot) {
  const Floors floors = real_floors();
  size_t checked = 0;
  for (const char* folder : {"include/ptq", "src", "tools/ptq"}) {
    for (const std::string& path : sources_in(folder)) {
      ++checked;
      for (const Finding& finding : check_file(floors, path, read_text(kRoot / path))) {
        ADD_FAILURE() << finding_text(finding);
      }
    }
  }
  EXPECT_GE(checked, 50U) << "the tree was not found";
}

TEST(Floors, EveryRoomOfTheTableHasItsFolderAndEveryFolderItsRow) {
  const Floors floors = real_floors();
  std::set<std::string> rows;
  for (const Room& room : floors.rooms) {
    EXPECT_TRUE(rows.insert(room.name).second) << room.name << " stands twice in the table";
    const fs::path folder =
        room.name == "tools/ptq" ? kRoot / room.name : kRoot / "src" / room.name;
    EXPECT_TRUE(fs::is_directory(folder)) << folder;
  }
  for (const fs::directory_entry& entry : fs::directory_iterator(kRoot / "src")) {
    EXPECT_TRUE(rows.contains(entry.path().filename().string())) << entry.path();
  }
}

TEST(Floors, EveryPublicHeaderIsListedOnceAndExists) {
  std::set<std::string> listed;
  for (const Room& room : real_floors().rooms) {
    for (const std::string& header : room.public_headers) {
      EXPECT_TRUE(listed.insert(header).second) << header << " stands twice in the table";
      EXPECT_TRUE(fs::exists(kRoot / "include" / "ptq" / header)) << header;
    }
  }
  for (const std::string& path : sources_in("include/ptq")) {
    EXPECT_TRUE(listed.contains(fs::path(path).filename().string())) << path;
  }
}

}  // namespace
}  // namespace ptq::floors

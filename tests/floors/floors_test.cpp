// The checker finds what it is for: shown on made-up tables and files.
#include "floors/floors.h"

#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ptq::floors {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view kTable = R"(# Some text

| unrelated | table |
|---|---|
| 7 | `core` |

| floor | room | owns | public headers | third party |
|---|---|---|---|---|
| 0 | `core` | errors, `not this` | `error.h` `tensor.h` | `log/`, `fmt/` everywhere |
| 1 | `graph` | nodes | `graph.h` | – |
| 1 | `quant` | codes | | |
| 2 | `model_io` | files | – | `proto/` `zip.h` |
| 3 | `tools/ptq` | the program | | `CLI/` |

| 9 | `behind` | the table | | |
)";

std::vector<std::string> findings(const std::string& path, std::string_view text) {
  std::vector<std::string> out;
  for (const Finding& finding : check_file(parse_floors(kTable), path, text)) {
    out.push_back(finding_text(finding));
  }
  return out;
}

TEST(ParseFloors, ReadsNamesInBackticksFromTheRightColumns) {
  const Floors floors = parse_floors(kTable);
  ASSERT_EQ(floors.rooms.size(), 5U);
  EXPECT_EQ(floors.rooms[0].name, "core");
  EXPECT_THAT(floors.rooms[0].public_headers, ElementsAre("error.h", "tensor.h"));
  EXPECT_THAT(floors.rooms[0].third_party, ElementsAre("log/"));
  EXPECT_THAT(floors.shared, ElementsAre("fmt/"));
  EXPECT_EQ(floors.rooms[2].floor, 1);
  EXPECT_THAT(floors.rooms[2].public_headers, IsEmpty());
  EXPECT_THAT(floors.rooms[3].third_party, ElementsAre("proto/", "zip.h"));
  EXPECT_EQ(floors.rooms[4].name, "tools/ptq");
}

TEST(ParseFloors, RefusesATextWithoutTheTableOrWithABrokenRow) {
  const std::string header =
      "| floor | room | owns | public headers | third party |\n|---|---|---|---|---|\n";
  EXPECT_THROW(parse_floors("no table"), std::runtime_error);
  EXPECT_THROW(parse_floors(header), std::runtime_error);
  EXPECT_THROW(parse_floors(header + "| zero | `core` | | | |\n"), std::runtime_error);
  EXPECT_THROW(parse_floors(header + "| 0 | core | | | |\n"), std::runtime_error);
  EXPECT_THROW(parse_floors(header + "| 0 | `core` | | |\n"), std::runtime_error);
}

TEST(CheckFile, LetsLowerFloorsAndTheOwnRoomPass) {
  EXPECT_THAT(findings("src/model_io/read.cpp", R"(
#include "model_io/read.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <vector>
#include <fmt/format.h>
#include <proto/message.h>
#include "proto/other.h"
#include <zip.h>
#include "core/log.h"
#include "graph/edit.h"
#include "ptq/error.h"
#include "ptq/graph.h"
)"),
              IsEmpty());
  EXPECT_THAT(findings("tools/ptq/main.cpp", "#include <CLI/CLI.hpp>\n#include \"cli.h\"\n"),
              IsEmpty());
  EXPECT_THAT(findings("include/ptq/graph.h", "#include <string>\n#include \"ptq/tensor.h\"\n"),
              IsEmpty());
}

TEST(CheckFile, FindsAnIncludeOfAHigherFloorWithFileAndLine) {
  EXPECT_THAT(findings("src/graph/edit.cpp", "#include <set>\n\n#include \"model_io/read.h\"\n"),
              ElementsAre("src/graph/edit.cpp:3: graph (floor 1) includes model_io/read.h of "
                          "model_io (floor 2), which is not on a lower floor"));
}

TEST(CheckFile, FindsAnotherRoomOnTheSameFloor) {
  EXPECT_THAT(findings("src/quant/weights.h", "#include \"graph/edit.h\"\n"),
              ElementsAre(HasSubstr("not on a lower floor")));
  EXPECT_THAT(findings("src/quant/weights.h", "#include \"ptq/graph.h\"\n"),
              ElementsAre(HasSubstr("of graph (floor 1)")));
}

TEST(CheckFile, FindsUpwardIncludesOfPublicHeaders) {
  EXPECT_THAT(findings("src/core/error.cpp", "#include \"ptq/graph.h\"\n"),
              ElementsAre(HasSubstr("core (floor 0) includes ptq/graph.h of graph (floor 1)")));
  EXPECT_THAT(findings("include/ptq/tensor.h", "#include \"ptq/graph.h\"\n"),
              ElementsAre(HasSubstr("not on a lower floor")));
}

TEST(CheckFile, AThirdPartyHeaderMayBelongToSeveralRooms) {
  const Floors floors = parse_floors(
      "| floor | room | owns | public headers | third party |\n|---|---|---|---|---|\n"
      "| 0 | `core` | | | |\n| 1 | `measure` | | | `json/` |\n| 2 | `report` | | | `json/` |\n");
  EXPECT_THAT(check_file(floors, "src/measure/a.cpp", "#include <json/json.hpp>\n"), IsEmpty());
  EXPECT_THAT(check_file(floors, "src/report/a.cpp", "#include <json/json.hpp>\n"), IsEmpty());
  const std::vector<Finding> found =
      check_file(floors, "src/core/a.cpp", "#include <json/json.hpp>\n");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_THAT(found[0].message, HasSubstr("which only measure and report may"));
}

TEST(CheckFile, FindsThirdPartyHeadersOutsideTheirRoom) {
  for (const char* include : {"#include <proto/message.h>", "#include \"proto/message.h\"",
                              "  #  include  <zip.h>  // spaced", "#include<zip.h>"}) {
    EXPECT_THAT(findings("src/graph/graph.cpp", include),
                ElementsAre(HasSubstr("which only model_io may")))
        << include;
  }
  EXPECT_THAT(findings("src/model_io/read.cpp", "#include <log/log.h>\n"),
              ElementsAre(HasSubstr("which only core may")));
  EXPECT_THAT(findings("src/core/json.cpp", "#include <json/json.hpp>\n"),
              ElementsAre(HasSubstr("no room owns the third-party header json/json.hpp")));
  EXPECT_THAT(findings("src/core/json.cpp", "#include \"json/json.hpp\"\n"),
              ElementsAre(HasSubstr("no room owns")));
}

TEST(CheckFile, FindsThirdPartyAndPrivateHeadersInPublicOnes) {
  // Not even the library that all may include, nor the room's own.
  EXPECT_THAT(findings("include/ptq/error.h", "#include <fmt/format.h>\n#include <log/log.h>\n"),
              ElementsAre(HasSubstr("error.h:1: a public header includes"),
                          HasSubstr("error.h:2: a public header includes")));
  EXPECT_THAT(findings("include/ptq/graph.h", "#include \"core/log.h\"\n"),
              ElementsAre(HasSubstr("a public header includes the private header")));
  EXPECT_THAT(findings("include/ptq/graph.h", "#include \"tensor.h\"\n"),
              ElementsAre(HasSubstr("expected \"ptq/tensor.h\"")));
}

TEST(CheckFile, FindsWaysAroundTheTable) {
  EXPECT_THAT(findings("src/graph/edit.cpp", "#include \"../model_io/read.h\"\n"),
              ElementsAre(HasSubstr("expected \"<room>/<file>\"")));
  EXPECT_THAT(findings("src/graph/edit.cpp", "#include \"ptq/secret.h\"\n"),
              ElementsAre(HasSubstr("no room owns the public header")));
  EXPECT_THAT(findings("src/newroom/a.cpp", ""), ElementsAre(HasSubstr("belongs to no room")));
  EXPECT_THAT(findings("include/ptq/secret.h", ""), ElementsAre(HasSubstr("belongs to no room")));
}

TEST(CheckFile, ReadsNoIncludeOutOfComments) {
  EXPECT_THAT(findings("src/core/error.cpp",
                       "// #include \"model_io/read.h\"\n"
                       "#pragma once\n#includes \"model_io/read.h\n"),
              IsEmpty());
}

}  // namespace
}  // namespace ptq::floors

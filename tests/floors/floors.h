#pragma once
// Checks who includes whom against the table "Rooms and floors" of docs/design.md. Pure functions
// of text, so that tests can show that they find what they are for.

#include <string>
#include <string_view>
#include <vector>

namespace ptq::floors {

struct Room {
  std::string name;  // "core"; "tools/ptq" for the program
  int floor = 0;
  std::vector<std::string> public_headers;  // "error.h", in include/ptq
  std::vector<std::string> third_party;     // beginnings of header names, "onnx/"
};

struct Floors {
  std::vector<Room> rooms;
  std::vector<std::string> shared;  // beginnings of third-party header names that all may include
};

// Reads the table: the one whose header has the columns floor, room, public headers, third party.
// Names are the words in backticks; a third-party name followed by "everywhere" is for all rooms.
// Throws std::runtime_error when there is no such table or a row makes no sense.
Floors parse_floors(std::string_view markdown);

struct Finding {
  std::string path;
  int line = 0;  // from 1
  std::string message;
};
std::string finding_text(const Finding& finding);  // "path:line: message"

// The findings of one file. `path` is relative to the repository: "src/<room>/…", "tools/ptq/…" or
// "include/ptq/…".
std::vector<Finding> check_file(const Floors& floors, const std::string& path,
                                std::string_view text);

}  // namespace ptq::floors

#include "floors/floors.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>

namespace ptq::floors {
namespace {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(separator, begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

std::string_view trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

// The cells of "| a | b |"; empty when the line is no row of a table.
std::vector<std::string_view> cells_of(std::string_view line) {
  line = trim(line);
  if (line.size() < 2 || line.front() != '|' || line.back() != '|') {
    return {};
  }
  std::vector<std::string_view> cells = split(line.substr(1, line.size() - 2), '|');
  std::ranges::transform(cells, cells.begin(), trim);
  return cells;
}

struct Word {
  std::string name;
  bool everywhere = false;
};

// The words in backticks.
std::vector<Word> words_of(std::string_view cell) {
  const std::vector<std::string_view> parts = split(cell, '`');
  std::vector<Word> words;
  for (size_t i = 1; i + 1 < parts.size(); i += 2) {
    words.push_back({std::string(parts[i]), trim(parts[i + 1]).starts_with("everywhere")});
  }
  return words;
}

[[noreturn]] void fail(std::string_view what, std::string_view row) {
  throw std::runtime_error(std::string(what) + " in the row: " + std::string(row));
}

using Columns = std::map<std::string_view, size_t>;

Room parse_row(const Columns& columns, const std::vector<std::string_view>& cells,
               std::string_view line, std::vector<std::string>& shared) {
  if (cells.size() != columns.size()) {
    fail("another number of cells than the header has", line);
  }
  Room room;
  const std::string_view floor = cells[columns.at("floor")];
  const auto [end, error] = std::from_chars(floor.data(), floor.data() + floor.size(), room.floor);
  if (error != std::errc() || end != floor.data() + floor.size()) {
    fail("no number of a floor", line);
  }
  const std::vector<Word> names = words_of(cells[columns.at("room")]);
  if (names.size() != 1) {
    fail("expected one room in backticks", line);
  }
  room.name = names[0].name;
  for (Word& word : words_of(cells[columns.at("public headers")])) {
    room.public_headers.push_back(std::move(word.name));
  }
  for (Word& word : words_of(cells[columns.at("third party")])) {
    (word.everywhere ? shared : room.third_party).push_back(std::move(word.name));
  }
  return room;
}

struct Include {
  std::string_view name;
  bool is_quoted = false;
};

// The header that the line includes, if it is an include directive.
std::optional<Include> include_of(std::string_view line) {
  line = trim(line);
  if (!line.starts_with('#')) {
    return std::nullopt;
  }
  line = trim(line.substr(1));
  constexpr std::string_view kDirective = "include";
  if (!line.starts_with(kDirective)) {
    return std::nullopt;
  }
  line = trim(line.substr(kDirective.size()));
  const bool is_quoted = line.starts_with('"');
  if (!is_quoted && !line.starts_with('<')) {
    return std::nullopt;
  }
  const size_t end = line.find(is_quoted ? '"' : '>', 1);
  if (end == std::string_view::npos) {
    return std::nullopt;
  }
  return Include{line.substr(1, end - 1), is_quoted};
}

const Room* find_room(const Floors& floors, std::string_view name) {
  const auto found = std::ranges::find(floors.rooms, name, &Room::name);
  return found == floors.rooms.end() ? nullptr : &*found;
}

const Room* owner_of_public_header(const Floors& floors, std::string_view header) {
  for (const Room& room : floors.rooms) {
    if (std::ranges::find(room.public_headers, header) != room.public_headers.end()) {
      return &room;
    }
  }
  return nullptr;
}

bool begins_with_any(std::string_view name, const std::vector<std::string>& beginnings) {
  return std::ranges::any_of(beginnings, [&](const std::string& b) { return name.starts_with(b); });
}

// Names of the rooms that list the header, in order.
std::vector<std::string> owners_of_third_party(const Floors& floors, std::string_view header) {
  std::vector<std::string> owners;
  for (const Room& room : floors.rooms) {
    if (begins_with_any(header, room.third_party)) {
      owners.push_back(room.name);
    }
  }
  return owners;
}

// Headers of the standard library have no extension; those of the system are listed.
bool is_of_the_system(std::string_view header) {
  static const std::set<std::string_view> kSystem = {
      "arm_neon.h", "cpuid.h", "dlfcn.h",  "fcntl.h",  "immintrin.h", "poll.h",     "fnmatch.h",
      "pthread.h",  "sched.h", "signal.h", "stdint.h", "unistd.h",    "x86intrin.h"};
  return header.find_first_of("./") == std::string_view::npos || header.starts_with("sys/") ||
         kSystem.contains(header);
}

// The room that a file belongs to, or nullptr.
const Room* room_of_file(const Floors& floors, std::string_view path) {
  constexpr std::string_view kPublic = "include/ptq/";
  constexpr std::string_view kSource = "src/";
  constexpr std::string_view kProgram = "tools/ptq/";
  if (path.starts_with(kPublic)) {
    return owner_of_public_header(floors, path.substr(kPublic.size()));
  }
  if (path.starts_with(kSource)) {
    return find_room(floors, split(path.substr(kSource.size()), '/')[0]);
  }
  return path.starts_with(kProgram) ? find_room(floors, "tools/ptq") : nullptr;
}

std::string place(const Room& room) {
  return room.name + " (floor " + std::to_string(room.floor) + ")";
}

// What is wrong with `room` including a header of `other`; empty when nothing is.
std::string check_rooms(const Room& room, const Room& other, std::string_view header) {
  if (room.name == other.name || other.floor < room.floor) {
    return {};
  }
  return place(room) + " includes " + std::string(header) + " of " + place(other) +
         ", which is not on a lower floor";
}

std::string check_third_party(const Floors& floors, const Room& room, bool is_public,
                              std::string_view header) {
  const std::vector<std::string> owners = owners_of_third_party(floors, header);
  const bool is_shared = begins_with_any(header, floors.shared);
  if (owners.empty() && !is_shared) {
    return "no room owns the third-party header " + std::string(header);
  }
  if (is_public) {
    return "a public header includes the third-party header " + std::string(header);
  }
  if (!is_shared && std::ranges::find(owners, room.name) == owners.end()) {
    std::string names = owners[0];
    for (size_t i = 1; i < owners.size(); ++i) {
      names += " and " + owners[i];
    }
    return room.name + " includes " + std::string(header) + ", which only " + names + " may";
  }
  return {};
}

std::string check_include(const Floors& floors, const Room& room, bool is_public,
                          const Include& include) {
  const std::string header(include.name);
  if (!include.is_quoted) {
    return is_of_the_system(header) ? std::string()
                                    : check_third_party(floors, room, is_public, header);
  }
  const std::vector<std::string_view> parts = split(include.name, '/');
  if (std::ranges::find(parts, "..") != parts.end()) {
    return "expected \"<room>/<file>\", found " + header;
  }
  if (parts[0] == "ptq") {
    const Room* owner = owner_of_public_header(floors, include.name.substr(4));
    return owner == nullptr ? "no room owns the public header " + header
                            : check_rooms(room, *owner, header);
  }
  if (const Room* other = find_room(floors, parts[0])) {
    return is_public ? "a public header includes the private header " + header
                     : check_rooms(room, *other, header);
  }
  if (parts.size() == 1) {  // a file beside this one
    return is_public ? "expected \"ptq/" + header + "\", found " + header : std::string();
  }
  return check_third_party(floors, room, is_public, header);
}

}  // namespace

Floors parse_floors(std::string_view markdown) {
  Floors floors;
  Columns columns;
  for (const std::string_view line : split(markdown, '\n')) {
    const std::vector<std::string_view> cells = cells_of(line);
    if (columns.empty()) {
      Columns header;
      for (size_t i = 0; i < cells.size(); ++i) {
        header[cells[i]] = i;
      }
      if (header.contains("floor") && header.contains("room") &&
          header.contains("public headers") && header.contains("third party")) {
        columns = header;
      }
    } else if (cells.empty()) {
      break;
    } else if (cells[0].find_first_not_of("-: ") != std::string_view::npos) {
      floors.rooms.push_back(parse_row(columns, cells, line, floors.shared));
    }
  }
  if (floors.rooms.empty()) {
    throw std::runtime_error(
        "there is no table with the columns floor, room, public headers and "
        "third party");
  }
  return floors;
}

std::string finding_text(const Finding& finding) {
  return finding.path + ":" + std::to_string(finding.line) + ": " + finding.message;
}

std::vector<Finding> check_file(const Floors& floors, const std::string& path,
                                std::string_view text) {
  const Room* room = room_of_file(floors, path);
  if (room == nullptr) {
    return {{path, 1, "the file belongs to no room of the table"}};
  }
  const bool is_public = path.starts_with("include/");
  std::vector<Finding> findings;
  int number = 0;
  for (const std::string_view line : split(text, '\n')) {
    ++number;
    if (const std::optional<Include> include = include_of(line)) {
      std::string message = check_include(floors, *room, is_public, *include);
      if (!message.empty()) {
        findings.push_back({path, number, std::move(message)});
      }
    }
  }
  return findings;
}

}  // namespace ptq::floors

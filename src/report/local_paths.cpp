#include "report/local_paths.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>

#include "report/json_fields.h"

namespace ptq {
namespace {

// Options whose words are paths.
constexpr std::array<std::string_view, 7> kPathOptions = {
    "--data", "--stats", "-o", "--image-spec", "--pool", "--labels", "--state"};
// Keys whose texts are sentences, commands or names of samples, not names of a model.
constexpr std::array<std::string_view, 6> kProse = {"warnings", "message", "text",
                                                    "command",  "steps",   "samples"};
constexpr std::array<std::string_view, 13> kFileEndings = {
    ".onnx",  ".npz",         ".npy", ".json", ".ptqstats", ".csv", ".txt",
    ".jsonl", ".safetensors", ".png", ".jpeg", ".jpg",      ".toml"};

// What is put in place of a text when it stands alone or in front of "/…".
struct Known {
  std::string path;
  std::string shown;
};

bool begins_word(std::string_view text, size_t at) {
  return at == 0 || std::string_view(" '\"=(@").find(text[at - 1]) != std::string_view::npos;
}

bool ends_word(std::string_view text, size_t end) {
  return end >= text.size() ||
         std::string_view(" '\"/:[,;)").find(text[end]) != std::string_view::npos;
}

// Where the word that begins at `at` ends.
size_t word_end(std::string_view text, size_t at) {
  const size_t quote = at > 0 && text[at - 1] == '\'' ? text.find('\'', at) : std::string::npos;
  return std::min(
      {quote, quote == std::string::npos ? text.find_first_of(" '\",;[", at) : quote, text.size()});
}

void add_path(std::string_view text, std::set<std::string>& paths) {
  while (text.size() > 1 && text.back() == '/') {
    text.remove_suffix(1);
  }
  if (text.size() > 1 && text.front() == '/') {
    paths.emplace(text);
  }
}

// The words of a command behind its options for paths; "x=/a/b" and "@/a/b" hold one, too.
void add_paths_of_command(std::string_view command, std::set<std::string>& paths) {
  for (const std::string_view option : kPathOptions) {
    const std::string sought = std::string(option) + " ";
    for (size_t at = command.find(sought); at != std::string_view::npos;
         at = command.find(sought, at + 1)) {
      const size_t slash = command.find('/', at + sought.size());
      const size_t space = command.find(' ', at + sought.size());
      if (slash < std::min(space, command.size()) && begins_word(command, slash)) {
        add_path(command.substr(slash, word_end(command, slash) - slash), paths);
      }
    }
  }
}

std::vector<Known> known_paths(const std::vector<Json*>& documents) {
  std::set<std::string> paths;
  std::set<std::string> folders;
  const auto add_file = [&](std::string_view path) {
    add_path(path, paths);
    const std::string folder = std::filesystem::path(path).parent_path().string();
    if (std::ranges::count(folder, '/') > 1 && folder.front() == '/') {
      folders.insert(folder);
    }
  };
  for (const Json* document : documents) {
    for (const Json& input : rows_of(*document, "inputs")) {
      add_file(text_of(input, "path"));
    }
    add_file(text_of(*document, "output.path"));
    add_paths_of_command(text_of(*document, "verdict.command"), paths);
  }
  std::vector<Known> known;
  for (const std::string& path : paths) {
    known.push_back({path, std::filesystem::path(path).filename().string()});
  }
  for (const std::string& folder : folders) {
    if (!paths.contains(folder)) {
      known.push_back({folder + "/", ""});
    }
  }
  std::ranges::stable_sort(known, std::greater(), [](const Known& k) { return k.path.size(); });
  return known;
}

std::string with_known_names(std::string text, const std::vector<Known>& known) {
  for (const Known& each : known) {
    for (size_t at = text.find(each.path); at != std::string::npos;
         at = text.find(each.path, at + 1)) {
      if (begins_word(text, at) &&
          (each.path.back() == '/' || ends_word(text, at + each.path.size()))) {
        text.replace(at, each.path.size(), each.shown);
      }
    }
  }
  return text;
}

// Words that begin with "/" and end like a file lose their folders.
std::string without_folders(std::string text) {
  for (size_t at = text.find('/'); at != std::string::npos; at = text.find('/', at + 1)) {
    if (!begins_word(text, at)) {
      continue;
    }
    size_t end = word_end(text, at);
    while (end > at && text[end - 1] == ':') {
      --end;
    }
    const std::string_view word = std::string_view(text).substr(at, end - at);
    if (std::ranges::any_of(kFileEndings, [&](auto ending) { return word.ends_with(ending); })) {
      text.erase(at, word.rfind('/') + 1);
    }
  }
  return text;
}

// Documents are at most some dozen levels deep (report_documents.cpp).
// NOLINTNEXTLINE(misc-no-recursion)
void rewrite(Json& value, bool prose, const std::vector<Known>& known) {
  if (value.is_string()) {
    auto& text = value.get_ref<std::string&>();
    if (text.find('/') != std::string::npos) {
      text = with_known_names(std::move(text), known);
      text = prose ? without_folders(std::move(text)) : std::move(text);
    }
    return;
  }
  if (value.is_object()) {
    for (auto& [key, member] : value.items()) {
      rewrite(member, std::ranges::find(kProse, key) != kProse.end(), known);
    }
  } else if (value.is_array()) {
    for (Json& member : value) {
      rewrite(member, prose, known);
    }
  }
}

}  // namespace

void hide_local_folders(const std::vector<Json*>& documents) {
  const std::vector<Known> known = known_paths(documents);
  for (Json* document : documents) {
    rewrite(*document, false, known);
  }
}

}  // namespace ptq

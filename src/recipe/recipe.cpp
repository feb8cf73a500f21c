#include "ptq/recipe.h"

#include <algorithm>
#include <fstream>
#include <iterator>

#include <fmt/format.h>

#include "core/atomic_file.h"
#include "core/nearest_name.h"
#include "core/plain_toml.h"
#include "recipe/recipe_fields.h"

namespace ptq {
namespace {

constexpr std::string_view kVersionKey = "recipe";
constexpr int64_t kVersion = 1;
constexpr size_t kMaxBytes = 16U << 20U;

std::vector<std::string> key_names() {
  std::vector<std::string> names = {std::string(kVersionKey)};
  for (const RecipeField& field : recipe_fields()) {
    names.emplace_back(field.key);
  }
  return names;
}

void check_keys(const toml::table& table, std::string_view where) {
  const std::vector<std::string> names = key_names();
  for (const auto& [key, node] : table) {
    if (std::ranges::find(names, key.str()) == names.end()) {
      const std::string hint = nearest_name(key.str(), names);
      refuse_recipe(where, key.source().begin.line, key.source().begin.column,
                    fmt::format("unknown key '{}'{}; the keys are {}", printable(key.str(), 60),
                                hint.empty() ? "" : fmt::format(", did you mean '{}'?", hint),
                                fmt::join(names, ", ")));
    }
  }
}

void check_version(const toml::table& table, std::string_view where) {
  const toml::node* node = table.get(kVersionKey);
  if (node == nullptr) {
    refuse_recipe(where, 1, 1,
                  fmt::format("the key '{}' is missing; a recipe begins with '{} = {}'",
                              kVersionKey, kVersionKey, kVersion));
  }
  if (node->value_exact<int64_t>() != kVersion) {
    RecipeEntry(where, kVersionKey, *node)
        .refuse(fmt::format("expected {}, the version of recipes that this ptq reads", kVersion));
  }
}

Recipe read_table(const toml::table& table, std::string_view where) {
  check_keys(table, where);
  check_version(table, where);
  Recipe recipe;
  for (const RecipeField& field : recipe_fields()) {
    if (const toml::node* node = table.get(field.key)) {
      field.read(RecipeEntry(where, field.key, *node), recipe);
    } else if (field.required) {
      refuse_recipe(where, 1, 1,
                    fmt::format("the key '{}' is missing ({})", field.key, field.meaning));
    }
  }
  if (recipe.policy.low_ratio > recipe.policy.high_ratio) {
    refuse_recipe(where, 1, 1,
                  fmt::format("low_ratio {} is above high_ratio {}", recipe.policy.low_ratio,
                              recipe.policy.high_ratio));
  }
  return recipe;
}

// Whether `option` is a word of `options`.
bool lists(std::string_view options, std::string_view option) {
  return fmt::format(" {} ", options).find(fmt::format(" {} ", option)) != std::string::npos;
}

std::string on_one_line(std::string text) {
  std::erase(text, '\n');
  return printable(text, 120);
}

}  // namespace

std::string recipe_text(const Recipe& recipe) {
  std::string text = fmt::format(
      "# A recipe of ptq: ptq quantize MODEL --data SAMPLES --recipe "
      "THIS_FILE\n{} = {}\n",
      kVersionKey, kVersion);
  for (const RecipeField& field : recipe_fields()) {
    text += fmt::format("\n# {}\n{} = {}\n", field.meaning, field.key, field.write(recipe));
  }
  return text;
}

Recipe parse_recipe(std::string_view text, std::string_view where) {
  if (const std::optional<TomlOffence> offence = find_toml_offence(text)) {
    refuse_recipe(where, offence->line, offence->column, offence->what);
  }
  try {
    return read_table(toml::parse(text), where);
  } catch (const toml::parse_error& error) {
    refuse_recipe(where, error.source().begin.line, error.source().begin.column,
                  fmt::format("no valid TOML: {}", printable(error.description())));
  }
}

Recipe read_recipe(const std::filesystem::path& path) {
  const std::string name = printable(path.string());
  std::ifstream file(path, std::ios::binary);
  if (!file || std::filesystem::is_directory(path)) {
    throw Error(ErrorCode::kUsage, fmt::format("--recipe: cannot read the file {}", name));
  }
  std::string text(kMaxBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  if (text.size() > kMaxBytes) {
    throw Error(ErrorCode::kUsage,
                fmt::format("{}: expected a recipe of at most {} bytes", name, kMaxBytes));
  }
  return parse_recipe(text, path.string());
}

void write_recipe(const Recipe& recipe, const std::filesystem::path& path) {
  AtomicFile file(path);
  file.write(recipe_text(recipe));
  file.commit();
}

void check_agreement(const Recipe& recipe, const Recipe& typed,
                     const std::vector<std::string>& given, std::string_view where) {
  for (const RecipeField& field : recipe_fields()) {
    const auto option = std::ranges::find_if(
        given, [&](const std::string& name) { return lists(field.options, name); });
    if (option == given.end()) {
      continue;
    }
    const std::string wanted = field.write(recipe);
    const std::string found = field.write(typed);
    if (wanted != found) {
      throw Error(ErrorCode::kUsage,
                  fmt::format("{} gives {} = {}, but the recipe {} says {}; leave the option out "
                              "or change the recipe",
                              *option, field.key, on_one_line(found), printable(where),
                              on_one_line(wanted)));
    }
  }
}

}  // namespace ptq

#pragma once
// The table of what a recipe file holds, one row a key. Any thread.

#include <span>
#include <string>
#include <string_view>

#include "ptq/recipe.h"
#include "recipe/recipe_entry.h"

namespace ptq {

struct RecipeField {
  std::string_view key;
  std::string_view meaning;  // a comment of the written file
  // Options of the command line that set it, as "--estimator", apart by spaces.
  std::string_view options;
  bool required = false;  // a file that lacks it would mean something else with other defaults
  std::string (*write)(const Recipe& recipe) = nullptr;  // the value as TOML
  void (*read)(const RecipeEntry& entry, Recipe& recipe) = nullptr;
};

// In the order of the file. Rows are independent of each other.
std::span<const RecipeField> recipe_fields();

}  // namespace ptq

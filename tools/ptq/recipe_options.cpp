// --recipe and --save-recipe: what a quantization was asked for, as a file.

#include <CLI/CLI.hpp>

#include "cli.h"
#include "ptq/error.h"
#include "ptq/recipe.h"

namespace ptq::cli {
namespace {

std::vector<std::string> given_options(const CLI::App& verb) {
  std::vector<std::string> given;
  for (const CLI::Option* option : verb.get_options()) {
    if (option->count() > 0 && !option->get_lnames().empty()) {
      given.push_back("--" + option->get_lnames().front());
    }
  }
  return given;
}

}  // namespace

void add_recipe_options(CLI::App& verb, RecipeCli& recipe) {
  verb.add_option("--recipe", recipe.file,
                  "take everything that determines the file from this TOML file; options that say "
                  "something else are refused")
      ->group("Recipe");
  verb.add_option("--save-recipe", recipe.save,
                  "write that file: with it, the same model and data give the same bytes")
      ->group("Recipe");
}

void apply_recipe(const CLI::App& verb, const RecipeCli& recipe, QuantizeRequest& request) {
  if (recipe.file.empty()) {
    return;
  }
  const std::vector<std::string> given = given_options(verb);
  if (std::ranges::find(given, "--keep-faster") != given.end()) {
    throw Error(ErrorCode::kUsage,
                "--keep-faster chooses products anew by time, and --recipe repeats a choice; give "
                "one of them");
  }
  const Recipe read = read_recipe(recipe.file);
  check_agreement(read, request, given, recipe.file.string());
  static_cast<Recipe&>(request) = read;
}

}  // namespace ptq::cli

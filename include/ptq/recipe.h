#pragma once
// A recipe: everything that determines a quantized file beside the model and the data. As a file it
// is a list of TOML keys (docs/tune.md lists them), and the table of its keys in
// src/recipe/recipe_fields.cpp is the one place that knows them: a new member needs one row there.
// Plain values; any thread.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ptq/diagnosis.h"
#include "ptq/methods.h"
#include "ptq/plan.h"
#include "ptq/weight_granularity.h"

namespace ptq {

struct Recipe {
  const Target* target = nullptr;           // null: the first of targets()
  std::optional<WeightForm> weight_form{};  // empty: that of the target
  WeightGranularity granularity = WeightGranularity::kChannel;
  EstimatorPolicy policy{};
  MethodSet methods = choose_methods(Effort::kDefault);
  std::vector<std::string> keep_float{};  // names of nodes, or of their first outputs
  // Products that alone bring an output below this SQNR in dB stay in float; 0: none. Measured on
  // some of the samples; without them nothing is tried.
  double float_below_db = 20.0;
};

// All keys with their values, with what is left open filled in (the target's form of weights), so
// that the file means the same to a version with other defaults. Equal recipes have equal texts.
std::string recipe_text(const Recipe& recipe);

// Throws Error{kUsage} naming file, line and column, what was expected and the keys that there are,
// for a text that is no recipe, an unknown key, a value out of range, and a key that every file
// must have (recipe, target, methods) and this one lacks. `where`: the file, for messages.
Recipe parse_recipe(std::string_view text, std::string_view where);
Recipe read_recipe(const std::filesystem::path& path);
// Throws Error{kEnvironment} when the file cannot be written.
void write_recipe(const Recipe& recipe, const std::filesystem::path& path);

// `given` are options of the command line ("--estimator") that made `typed`. Throws Error{kUsage}
// when one of them says something else than `recipe`, which was read from `where`.
void check_agreement(const Recipe& recipe, const Recipe& typed,
                     const std::vector<std::string>& given, std::string_view where);

}  // namespace ptq

#include "recipe/recipe_fields.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace ptq {
namespace {

const Target& target_of(const Recipe& recipe) {
  return recipe.target == nullptr ? targets().front() : *recipe.target;
}

const Target* target_named(const std::string& name) {
  return &find_target(name);
}

// Names one by one: the sets that levels of effort stand for change with versions.
std::string write_methods(const Recipe& recipe) {
  std::vector<std::string> names;
  for (const MethodInfo& info : methods()) {
    if (recipe.methods.has(info.method)) {
      names.emplace_back(info.name);
    }
  }
  return toml_texts(names);
}

void read_methods(const RecipeEntry& entry, Recipe& recipe) {
  std::string known;
  for (const MethodInfo& info : methods()) {
    known += (known.empty() ? "" : ", ") + std::string(info.name);
  }
  MethodSet set;
  for (const std::string& name : entry.texts()) {
    const auto found = std::ranges::find(methods(), name, &MethodInfo::name);
    if (found == methods().end()) {
      entry.refuse(fmt::format("no method is called {}; there are: {}", printable(name), known));
    }
    set.add(found->method);
  }
  recipe.methods = set;
}

void read_estimator(const RecipeEntry& entry, Recipe& recipe) {
  recipe.policy.forced = entry.word([](const std::string& name) {
    return name == "auto" ? std::string() : std::string(range_estimator(name).name);
  });
}

constexpr std::array<RecipeField, 11> kFields = {{
    {"target", "where the model will run", "--target", true,
     [](const Recipe& r) { return toml_text(target_of(r).name); },
     [](const RecipeEntry& e, Recipe& r) { r.target = e.word(target_named); }},
    {"weights", "codes of weights", "--weights --assume-vnni", false,
     [](const Recipe& r) {
       return toml_text(weight_form_name(r.weight_form.value_or(target_of(r).weight_form)));
     },
     [](const RecipeEntry& e, Recipe& r) { r.weight_form = e.word(parse_weight_form); }},
    {"weight_granularity", "one scale a channel or a tensor", "--weight-granularity", false,
     [](const Recipe& r) { return toml_text(weight_granularity_name(r.granularity)); },
     [](const RecipeEntry& e, Recipe& r) { r.granularity = e.word(parse_weight_granularity); }},
    {"estimator", "of ranges: auto lets the outlier ratio choose", "--estimator", false,
     [](const Recipe& r) { return toml_text(r.policy.forced.empty() ? "auto" : r.policy.forced); },
     read_estimator},
    {"percentile", "of |x|, in percent, for the estimator percentile", "--percentile", false,
     [](const Recipe& r) { return toml_number(r.policy.percentile); },
     [](const RecipeEntry& e, Recipe& r) { r.policy.percentile = e.number(50.0, 100.0); }},
    {"low_ratio", "outlier ratio below which absmax is taken", "--low-ratio --ratio-preset", false,
     [](const Recipe& r) { return toml_number(r.policy.low_ratio); },
     [](const RecipeEntry& e, Recipe& r) { r.policy.low_ratio = e.number(1.0, 1e9); }},
    {"high_ratio", "outlier ratio above which mse is taken", "--high-ratio --ratio-preset", false,
     [](const Recipe& r) { return toml_number(r.policy.high_ratio); },
     [](const RecipeEntry& e, Recipe& r) { r.policy.high_ratio = e.number(1.0, 1e9); }},
    {"veto_db", "loss in dB of predicted SQNR that overrules the ratio", "", false,
     [](const Recipe& r) { return toml_number(r.policy.veto_db); },
     [](const RecipeEntry& e, Recipe& r) { r.policy.veto_db = e.number(0.0, 200.0); }},
    {"methods", "that make the model more accurate (ptq list methods)", "--effort --with --without",
     true, write_methods, read_methods},
    {"float_below", "dB of SQNR that a product alone must keep, else it stays in float; 0: any",
     "--float-below", false, [](const Recipe& r) { return toml_number(r.float_below_db); },
     [](const RecipeEntry& e, Recipe& r) { r.float_below_db = e.number(0.0, 200.0); }},
    {"keep_float", "nodes that stay in float, by name or first output", "--keep-float", false,
     [](const Recipe& r) { return toml_texts(r.keep_float); },
     [](const RecipeEntry& e, Recipe& r) { r.keep_float = e.texts(); }},
}};

}  // namespace

std::span<const RecipeField> recipe_fields() {
  return kFields;
}

}  // namespace ptq

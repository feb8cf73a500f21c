#pragma once
// One key of a recipe file with its value: converts, or refuses with the place in the file. And the
// way back, values as TOML. Any thread.

#include <string>
#include <string_view>
#include <vector>

#include <toml++/toml.h>

#include "ptq/error.h"

namespace ptq {

class RecipeEntry {
 public:
  // All outlive the object. `where`: the file, for messages.
  RecipeEntry(std::string_view where, std::string_view key, const toml::node& node)
      : where_(where), key_(key), node_(node) {}

  // All throw Error{kUsage} with the place, what was expected and what was found.
  double number(double low, double high) const;
  std::string text() const;
  std::vector<std::string> texts() const;  // no empty ones
  // What `parse` makes of the text; its own Error gets the place.
  template <typename Parse>
  auto word(const Parse& parse) const {
    const std::string value = text();
    try {
      return parse(value);
    } catch (const Error& error) {
      refuse(error.what());
    }
  }
  [[noreturn]] void refuse(std::string_view message) const;

 private:
  [[noreturn]] void refuse_value(std::string_view expected) const;

  std::string_view where_;
  std::string_view key_;
  const toml::node& node_;
};

// Error{kUsage} "FILE:LINE:COLUMN: MESSAGE".
[[noreturn]] void refuse_recipe(std::string_view where, size_t line, size_t column,
                                std::string_view message);

// Text in quotes, ASCII alone: others as \uXXXX. Throws Error{kInput} for bytes that are no UTF-8.
std::string toml_text(std::string_view text);
// One element a line.
std::string toml_texts(const std::vector<std::string>& texts);
// The shortest text that is read back as the same number.
std::string toml_number(double value);

}  // namespace ptq

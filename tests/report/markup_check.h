#pragma once
// A strict reader of the HTML that ptq writes: every element closed in order, attributes quoted,
// no sign that should have been escaped. Stricter than browsers, which repair. One thread.

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace ptq::testing {

struct Element {
  std::string name{};
  std::map<std::string, std::string> attributes{};
  std::string text{};  // directly inside, references undone
};

struct Markup {
  std::vector<Element> elements{};  // in order of their start
  std::string error{};              // empty: well formed

  std::vector<const Element*> all(std::string_view name) const;
  const Element* with_id(std::string_view id) const;
  // The text of all elements.
  std::string text() const;
};

Markup read_markup(std::string_view html);

}  // namespace ptq::testing

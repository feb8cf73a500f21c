#include "recipe/recipe_entry.h"

#include <fmt/format.h>

namespace ptq {
namespace {

std::string found_text(const toml::node& node) {
  if (const auto text = node.value_exact<std::string>()) {
    return fmt::format("'{}'", printable(*text, 60));
  }
  if (const auto integer = node.value_exact<int64_t>()) {
    return fmt::format("{}", *integer);
  }
  if (const auto number = node.value_exact<double>()) {
    return fmt::format("{}", *number);
  }
  if (const auto truth = node.value_exact<bool>()) {
    return *truth ? "true" : "false";
  }
  return node.is_array() ? "a list" : "a date or time";
}

struct CodePoint {
  uint32_t value = 0;
  size_t bytes = 0;  // 0: no UTF-8
};

CodePoint decode(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t lead = byte(0);
  const size_t bytes = lead < 0x80 ? 1 : lead >> 5 == 0x6 ? 2 : lead >> 4 == 0xE ? 3 : 4;
  if ((lead >= 0x80 && lead < 0xC2) || lead > 0xF4 || text.size() < bytes) {
    return {};
  }
  uint32_t value = bytes == 1 ? lead : lead & (0x7FU >> bytes);
  for (size_t i = 1; i < bytes; ++i) {
    if (byte(i) >> 6 != 0x2) {
      return {};
    }
    value = value << 6 | (byte(i) & 0x3FU);
  }
  const bool too_long = (bytes == 3 && value < 0x800) || (bytes == 4 && value < 0x10000);
  const bool surrogate = value >= 0xD800 && value < 0xE000;
  return too_long || surrogate || value > 0x10FFFF ? CodePoint{} : CodePoint{value, bytes};
}

}  // namespace

void RecipeEntry::refuse(std::string_view message) const {
  refuse_recipe(where_, node_.source().begin.line, node_.source().begin.column,
                fmt::format("key '{}': {}", key_, message));
}

void RecipeEntry::refuse_value(std::string_view expected) const {
  refuse(fmt::format("expected {}, found {}", expected, found_text(node_)));
}

double RecipeEntry::number(double low, double high) const {
  const auto value = node_.is_number() ? node_.value<double>() : std::nullopt;
  if (!value || !(*value >= low && *value <= high)) {
    refuse_value(fmt::format("a number from {} to {}", low, high));
  }
  return *value;
}

std::string RecipeEntry::text() const {
  const auto value = node_.value_exact<std::string>();
  if (!value) {
    refuse_value("a text in quotes");
  }
  return *value;
}

std::vector<std::string> RecipeEntry::texts() const {
  constexpr std::string_view kExpected = "a list of texts in quotes, as [\"a\", \"b\"]";
  if (!node_.is_array()) {
    refuse_value(kExpected);
  }
  std::vector<std::string> texts;
  for (const toml::node& element : *node_.as_array()) {
    const auto value = element.value_exact<std::string>();
    if (!value || value->empty()) {
      RecipeEntry(where_, key_, element).refuse_value(kExpected);
    }
    texts.push_back(*value);
  }
  return texts;
}

void refuse_recipe(std::string_view where, size_t line, size_t column, std::string_view message) {
  throw Error(ErrorCode::kUsage,
              fmt::format("{}:{}:{}: {}", printable(where), line, column, message));
}

std::string toml_text(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const CodePoint point = decode(text);
    if (point.bytes == 0) {
      throw Error(ErrorCode::kInput,
                  fmt::format("a recipe holds UTF-8 alone, but the name '{}' is none; rename the "
                              "node in the model",
                              printable(text, 60)));
    }
    if (point.value == '"' || point.value == '\\') {
      out += '\\';
    }
    if (point.value >= 0x20 && point.value < 0x7F) {
      out += static_cast<char>(point.value);
    } else if (point.value < 0x10000) {
      out += fmt::format("\\u{:04X}", point.value);
    } else {
      out += fmt::format("\\U{:08X}", point.value);
    }
    text.remove_prefix(point.bytes);
  }
  return out + '"';
}

std::string toml_texts(const std::vector<std::string>& texts) {
  if (texts.empty()) {
    return "[]";
  }
  std::string out = "[\n";
  for (const std::string& text : texts) {
    out += fmt::format("  {},\n", toml_text(text));
  }
  return out + "]";
}

std::string toml_number(double value) {
  return fmt::format("{}", value);
}

}  // namespace ptq

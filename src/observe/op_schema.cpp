#include "observe/op_schema.h"

#include <charconv>

#include <fmt/format.h>

#include "ptq/error.h"

namespace ptq {
namespace {

[[noreturn]] void damaged() {
  throw Error(ErrorCode::kInput,
              "the attributes of the instrumented model are damaged; make it again with `ptq "
              "instrument`");
}

// Takes a number off the front of `text`.
template <typename Number>
Number take_number(std::string_view& text) {
  Number value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) {
    damaged();
  }
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return value;
}

}  // namespace

std::string pack_texts(const std::vector<std::string>& texts) {
  std::string packed;
  for (const std::string& text : texts) {
    packed += fmt::format("{}:", text.size()) + text;
  }
  return packed;
}

std::vector<std::string> unpack_texts(std::string_view packed) {
  std::vector<std::string> texts;
  while (!packed.empty()) {
    const auto size = take_number<size_t>(packed);
    if (packed.empty() || packed[0] != ':' || size > packed.size() - 1) {
      damaged();
    }
    texts.emplace_back(packed.substr(1, size));
    packed.remove_prefix(1 + size);
  }
  return texts;
}

std::string pack_shapes(const std::vector<Shape>& shapes) {
  std::string packed;
  for (const Shape& shape : shapes) {
    packed += fmt::format("{};", fmt::join(shape, ","));
  }
  return packed;
}

std::vector<Shape> unpack_shapes(std::string_view packed) {
  std::vector<Shape> shapes;
  while (!packed.empty()) {
    Shape& shape = shapes.emplace_back();
    while (!packed.empty() && packed[0] != ';') {
      if (!shape.empty()) {
        if (packed[0] != ',') {
          damaged();
        }
        packed.remove_prefix(1);
      }
      shape.push_back(take_number<int64_t>(packed));
    }
    if (packed.empty()) {
      damaged();
    }
    packed.remove_prefix(1);
  }
  return shapes;
}

}  // namespace ptq

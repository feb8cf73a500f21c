#include "report/json_fields.h"

#include <cmath>
#include <limits>

namespace ptq {

const Json& member_of(const Json& document, std::string_view path) {
  static const Json kNull;
  const Json* value = &document;
  while (!path.empty()) {
    const size_t dot = std::min(path.find('.'), path.size());
    if (!value->is_object()) {
      return kNull;
    }
    const auto found = value->find(std::string(path.substr(0, dot)));
    if (found == value->end()) {
      return kNull;
    }
    value = &*found;
    path.remove_prefix(std::min(dot + 1, path.size()));
  }
  return *value;
}

std::optional<double> number_of(const Json& document, std::string_view path) {
  const Json& value = member_of(document, path);
  if (value.is_number()) {
    return value.get<double>();
  }
  if (!value.is_string()) {
    return {};
  }
  const auto& text = value.get_ref<const std::string&>();
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (text == "Infinity") {
    return kInfinity;
  }
  if (text == "-Infinity") {
    return -kInfinity;
  }
  if (text == "NaN") {
    return std::numeric_limits<double>::quiet_NaN();
  }
  return {};
}

std::optional<double> finite_of(const Json& document, std::string_view path) {
  const std::optional<double> value = number_of(document, path);
  return value && std::isfinite(*value) ? value : std::nullopt;
}

std::optional<uint64_t> count_of(const Json& document, std::string_view path) {
  const Json& value = member_of(document, path);
  if (value.is_number_unsigned()) {
    return value.get<uint64_t>();
  }
  return {};
}

std::string_view text_of(const Json& document, std::string_view path) {
  const Json& value = member_of(document, path);
  return value.is_string() ? std::string_view(value.get_ref<const std::string&>())
                           : std::string_view();
}

const Json& rows_of(const Json& document, std::string_view path) {
  static const Json kEmpty = Json::array();
  const Json& value = member_of(document, path);
  return value.is_array() ? value : kEmpty;
}

}  // namespace ptq

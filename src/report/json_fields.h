#pragma once
// Tolerant reading of the JSON documents that ptq writes: what is missing or of another type is
// absent, never an error, so that a report shows what is there. Pure functions; any thread. The
// references live as long as the document.

#include <optional>
#include <string>
#include <string_view>

#include "report/json_document.h"

namespace ptq {

// "summary.macs.integer" → that member; a null value where it is not there.
const Json& member_of(const Json& document, std::string_view path);
// A number, or one of the strings that `number` writes for those that JSON lacks.
std::optional<double> number_of(const Json& document, std::string_view path);
// As number_of, and finite.
std::optional<double> finite_of(const Json& document, std::string_view path);
// A whole number ≥ 0.
std::optional<uint64_t> count_of(const Json& document, std::string_view path);
// Empty where there is no string.
std::string_view text_of(const Json& document, std::string_view path);
// The array, or an empty one.
const Json& rows_of(const Json& document, std::string_view path);

}  // namespace ptq

#pragma once
// "Did you mean": the candidate that a mistyped word comes nearest to. Free functions; any thread.

#include <string>
#include <string_view>
#include <vector>

namespace ptq {

// The candidate of the least Levenshtein distance to `word`, the first of equals; "" when all are
// three or more edits away, which is no typing error.
std::string nearest_name(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace ptq

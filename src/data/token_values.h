#pragma once
// The numbers of one line of JSON by key, before they become tensors. Free functions; any thread.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "ptq/tensor.h"

namespace ptq {

// A number, a list, or lists in lists of equal length.
struct JsonNumbers {
  Shape shape;                 // of one number: empty
  std::vector<double> values;  // integers are exact up to 2^53, larger ones are refused
  bool integral = true;        // no fraction and no exponent
};

// The values of those keys of the object `line` that are in `wanted`; `found` receives the names of
// all keys. Throws Error{kInput} for anything but one object, for a key that is there twice, and
// for a wanted value that is ragged, empty or holds other things than numbers and truth values.
std::map<std::string, JsonNumbers> parse_json_numbers(std::string_view line,
                                                      const std::vector<std::string>& wanted,
                                                      std::vector<std::string>& found,
                                                      const std::string& where);

}  // namespace ptq

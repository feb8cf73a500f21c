#pragma once
// The methods that make a quantized model more accurate without training, each of which can be had
// alone, and the levels of effort that name useful sets of them. Plain values; any thread.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ptq {

// How much time a quantization may take: of a calibration nothing more, about 3 times as much, or
// about 10 times as much.
enum class Effort { kFast, kDefault, kMax };
std::string_view effort_name(Effort effort);  // "fast", "default", "max"
Effort parse_effort(std::string_view name);   // Error{kUsage} listing the names

enum class Method : uint8_t { kMeanRounding };

struct MethodInfo {
  Method method;
  std::string_view name;     // as the user types it
  std::string_view summary;  // what it does, in one line
  // The lowest level that uses it; with `only_asked` no level does.
  Effort from = Effort::kDefault;
  bool only_asked = false;
};
// In the order in which they are applied.
std::span<const MethodInfo> methods();

class MethodSet {
 public:
  bool has(Method method) const { return (bits_ & bit(method)) != 0; }
  void add(Method method) { bits_ |= bit(method); }
  void remove(Method method) { bits_ &= ~bit(method); }
  bool operator==(const MethodSet&) const = default;

 private:
  static uint32_t bit(Method method) { return uint32_t{1} << static_cast<unsigned>(method); }
  uint32_t bits_ = 0;
};

// Those of a level, with the named ones added and then the others taken away. Throws Error{kUsage}
// listing the names for one that no method has, and for one that is both wanted and unwanted.
MethodSet choose_methods(Effort effort, const std::vector<std::string>& with = {},
                         const std::vector<std::string>& without = {});

}  // namespace ptq

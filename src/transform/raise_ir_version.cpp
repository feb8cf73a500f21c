// IR version 7 or newer. Before version 4 every initializer had to be listed as a graph input too;
// the runtime takes those for constants all the same, so the listing is dropped and they can be
// folded and quantized.
//
//   ir 3: inputs x, W   initializers W          ir 7: inputs x   initializers W
//
// From version 4 on an initializer among the inputs is a default that a caller may replace: it
// stays an input, is never folded, and is named in a note.

#include <algorithm>
#include <string>
#include <unordered_set>

#include <fmt/format.h>

#include "ptq/error.h"
#include "transform/passes.h"

namespace ptq {
namespace {

// First version whose files may use opset 13 (the ONNX table of versions).
constexpr int64_t kIrVersion = 7;
constexpr int64_t kFirstWithDefaults = 4;

}  // namespace

int64_t raise_ir_version(Model& model, Notes& notes) {
  std::unordered_set<std::string> constants;
  for (const Constant& constant : model.graph.initializers) {
    constants.insert(constant.name);
  }
  const auto has_value = [&](const ValueInfo& input) { return constants.contains(input.name); };
  int64_t changes = 0;
  if (model.ir_version < kFirstWithDefaults) {
    changes += static_cast<int64_t>(std::erase_if(model.graph.inputs, has_value));
  } else {
    for (const ValueInfo& input : model.graph.inputs) {
      if (has_value(input)) {
        notes.push_back(
            fmt::format("'{}' is an input with a default that a caller may replace: not folded",
                        printable(input.name)));
      }
    }
  }
  if (model.ir_version < kIrVersion) {
    model.ir_version = kIrVersion;
    ++changes;
  }
  return changes;
}

}  // namespace ptq

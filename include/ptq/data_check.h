#pragma once
// What `ptq data check` finds out about samples without running the model. Plain values; any
// thread.

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "ptq/dtype.h"
#include "ptq/tensor.h"

namespace ptq {

// One thing that is wrong (an error) or odd (a warning).
struct SampleFinding {
  std::string code{};      // "PTQ-S101", see docs/formats.md
  std::string severity{};  // "error" or "warning"
  std::string message{};   // one line
};

// What was seen of one input over all samples.
struct InputSummary {
  std::string name{};
  DType dtype = DType::kUndefined;
  Shape declared{};  // by the model; -1 = open
  bool has_declared_shape = true;
  // Shapes by how many samples have them, the first kMaxShapes of them, in order of appearance.
  std::vector<std::pair<Shape, uint64_t>> shapes{};
  uint64_t other_shape_samples = 0;  // of shapes beyond these
  uint64_t samples = 0;              // that have the input
  uint64_t values = 0;               // finite ones
  uint64_t nonfinite_values = 0;
  uint64_t constant_samples = 0;  // one value throughout, in more than one element
  // Over finite values; 0 when there are none. int64 beyond 2^53 is rounded.
  double min = 0.0;
  double max = 0.0;
  double mean = 0.0;

  static constexpr size_t kMaxShapes = 16;
};

struct DataCheck {
  uint64_t samples = 0;                     // that were read
  uint64_t files = 0;                       // that they came from
  bool complete = true;                     // false: a finding ended the reading
  std::map<std::string, int64_t> strata{};  // samples by stratum; "" for none
  std::vector<InputSummary> inputs{};       // in the order of the model
  uint64_t duplicates = 0;                  // samples equal to an earlier one
  std::string fingerprint{};                // of the data; "" when not complete
  std::string preprocessing{};              // "" for none
  std::vector<SampleFinding> findings{};    // errors first

  bool has(const char* severity) const {
    for (const SampleFinding& finding : findings) {
      if (finding.severity == severity) {
        return true;
      }
    }
    return false;
  }
};

}  // namespace ptq

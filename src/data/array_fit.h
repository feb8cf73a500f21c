#pragma once
// Decides how an array of a data file is cut into samples for a model input, and refuses one that
// does not fit. The sample axis rule of data/sample_source.h lives here. Free functions; any
// thread.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/sample_source.h"

namespace ptq {

struct ArrayFit {
  int64_t samples = 0;  // that the array gives; 0 when it is a scalar that goes to every sample
  int64_t rows = 0;     // along axis 0 that make one sample; 0 = the whole array
  int64_t dropped_rows = 0;  // behind the last sample, that do not fill one
  bool add_axis = false;     // put a leading 1 before the array's shape

  bool to_every_sample() const { return samples == 0; }
};

// For an array of a file. `where` begins each message and names file and key. `drop_last` leaves a
// remainder of a fixed batch out, which is refused otherwise.
ArrayFit fit_array(const InputSpec& spec, DType dtype, const Shape& shape, std::string_view where,
                   bool drop_last = false);

// For a tensor that is one sample as it is.
void check_whole(const InputSpec& spec, DType dtype, const Shape& shape, std::string_view where);

// "'x' (float32 [?,3,32,32])"
std::string spec_text(const InputSpec& spec);
// Those of all inputs, with commas.
std::string specs_text(const std::vector<InputSpec>& inputs);

}  // namespace ptq

#pragma once
// Looks at sample tensors as they pass: refuses what is not finite, hashes them, and remembers what
// deserves a warning. Free functions: any thread.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/sample_source.h"
#include "ptq/fingerprint.h"

namespace ptq {

// Flat index of the first NaN or infinity of a floating-point tensor.
std::optional<int64_t> find_nonfinite(const Tensor& tensor);

// Throws Error{kInput} that names the index of the first element that is NaN or infinite (unless
// `allow_nonfinite`) or a bool that is neither 0 nor 1. `tensor` holds rows from `first_row` on of
// the array that `where` names.
void check_values(const Tensor& tensor, int64_t first_row, bool allow_nonfinite,
                  std::string_view where);

// Throws Error{kInput} that names the first id outside of [-id_limit, id_limit) of a spec that has
// one.
void check_ids(const InputSpec& spec, const Tensor& tensor, int64_t first_row,
               std::string_view where);

// SHA-256 of what the model is fed: the number of inputs and, by name: length of name, name, ONNX
// type, rank, dimensions, number of bytes, bytes. Numbers are little-endian 64-bit integers; file
// names, labels and strata do not count.
Digest sample_hash(const Sample& sample);

// Remembers what is odd about the samples as a whole.
class SampleOddities {
 public:
  void add(const Sample& sample);
  std::vector<std::string> warnings() const;

 private:
  struct ConstantCount {
    int64_t samples = 0;
    std::string first_origin;
  };

  int64_t samples_ = 0;
  Sample first_;
  bool all_identical_ = true;
  std::map<std::string, ConstantCount> constant_;  // by input name
};

}  // namespace ptq

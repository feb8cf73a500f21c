#pragma once
// Looks at sample tensors as they pass: refuses what is not finite, hashes them for the
// fingerprint, and remembers what deserves a warning. One thread.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/hash.h"
#include "data/sample_source.h"

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

// Fingerprint and warnings over all samples.
class SampleDigest {
 public:
  void add(const Sample& sample);
  // Hex SHA-256 of "ptq.samples/1\n" and then, for each sample, the number of its inputs and, by
  // name: length of name, name, ONNX type, rank, dimensions, number of bytes, bytes. Numbers are
  // little-endian 64-bit integers.
  std::string fingerprint() const;
  std::vector<std::string> warnings() const;

 private:
  struct ConstantCount {
    int64_t samples = 0;
    std::string first_origin;
  };

  void note_oddities(const Sample& sample);

  Sha256 hash_;
  int64_t samples_ = 0;
  Sample first_;
  bool all_identical_ = true;
  std::map<std::string, ConstantCount> constant_;  // by input name
};

}  // namespace ptq

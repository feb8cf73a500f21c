#pragma once
// Adds samples up into what `ptq data check` reports about them. One thread.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "data/sample_source.h"
#include "ptq/data_check.h"
#include "ptq/fingerprint.h"

namespace ptq {

class DataSummary {
 public:
  explicit DataSummary(const std::vector<InputSpec>& inputs);

  void add(const Sample& sample);
  // Fingerprint, samples, files, inputs, duplicates and strata, and the findings about values that
  // are not finite and about duplicates.
  DataCheck result() const;

 private:
  struct NotFinite {
    uint64_t samples = 0;
    std::string first_origin;
  };

  DataCheck check_;
  std::vector<double> sums_;           // by input
  std::vector<NotFinite> not_finite_;  // by input
  int64_t last_sequence_ = -1;
  std::vector<Digest> hashes_;
  std::map<Digest, std::string> origins_;
  std::string first_duplicate_;
};

}  // namespace ptq

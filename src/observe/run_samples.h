#pragma once
// The samples of one run in production, by their hashes. Pure; any thread.

#include <map>
#include <string>
#include <vector>

#include "ptq/fingerprint.h"
#include "ptq/tensor.h"

namespace ptq {

// With `rows`, where axis 0 of all inputs has the same size, each row is a sample, as calibration
// takes them from files; else the run is one.
std::vector<Digest> run_samples(const std::map<std::string, Tensor>& inputs, bool rows);

}  // namespace ptq

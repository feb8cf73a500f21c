#pragma once
// Reads a file of samples to the end as `ptq calibrate` would. One thread.

#include <filesystem>
#include <vector>

#include "data/sample_source.h"

namespace ptq::fuzz {

// Swallows an Error{kInput}. Requires that every sample fits `inputs` and that the promises of
// SampleSource hold. No more than 1000 samples.
void read_samples(const std::filesystem::path& path, const std::vector<InputSpec>& inputs,
                  DataOptions options = {});

}  // namespace ptq::fuzz

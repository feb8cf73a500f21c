#pragma once
// Single samples of files that hold many: what lines `FILE#K` of an @list name. One thread.

#include <memory>
#include <vector>

#include "data/sample_reader.h"

namespace ptq {

struct DataFormat;

// The samples of `files` in the order given; a file without `row` gives all of its samples. Lines
// of one file with ascending rows that follow each other are read in one go. Opens each file to
// learn what it holds. Each line is a sequence of its own. Throws Error{kInput} for a row that a
// file does not have and for formats whose files are samples.
std::unique_ptr<SampleReader> read_rows(const DataFormat& format, std::vector<DataFile> files,
                                        std::vector<InputSpec> inputs, const DataOptions& options);

}  // namespace ptq

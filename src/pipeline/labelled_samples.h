#pragma once
// The samples of a validation with what its task needs to know about each. One thread.

#include <memory>

#include "data/sample_source.h"
#include "ptq/graph.h"
#include "ptq/pipeline.h"
#include "validate/task.h"

namespace ptq {

// Opens the samples with labels from a key of their files or from a .csv or .npy file, in the form
// that `task` takes; without a task, or where no labels are given, plain samples. Throws as
// open_data and Error{kInput} for labels that do not fit the samples.
std::unique_ptr<SampleSource> open_labelled(const Model& model, const DataRequest& data,
                                            const TaskRow* task, const std::string& labels);

}  // namespace ptq

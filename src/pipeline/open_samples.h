#pragma once
// The user's samples for a model, as the steps of the pipeline read them. One thread.

#include <memory>

#include "data/sample_source.h"
#include "ptq/graph.h"
#include "ptq/pipeline.h"

namespace ptq {

// Complete samples: where data.measure links states, those that `model` leaves on the way. Throws
// as open_data does.
std::unique_ptr<SampleSource> open_samples(const Model& model, const DataRequest& data);

// Samples that may lack the inputs that carry states.
std::unique_ptr<SampleSource> open_without_states(const Model& model, const DataRequest& data);

}  // namespace ptq

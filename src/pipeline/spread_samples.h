#pragma once
// A few of the samples, for measurements that run a model many times. One thread.

#include <vector>

#include "data/sample_source.h"
#include "ptq/pipeline.h"

namespace ptq {

// `count` samples of the data at equal distances, since data are often sorted by class; all where
// there are fewer. Throws as open_samples.
std::vector<Sample> spread_samples(const Model& model, const DataRequest& data, size_t count);

}  // namespace ptq

#pragma once
// The whole way from a text model to a quantized one that the runtime executes, for tests of model
// forms. One thread.

#include <map>
#include <string>
#include <vector>

#include "ptq/graph.h"
#include "ptq/pipeline.h"
#include "robustness/sample_files.h"

namespace ptq::testing {

// "float[2,3] w = {…}": normal numbers for a text model.
std::string normal_text(const std::string& name, const Shape& shape, uint32_t seed);

// A text model without its head, in the given opset.
Model text_model(const std::string& body, int64_t opset = 13, int64_t ir_version = 8);

// Normal values for the float inputs, those of `fixed` for the inputs that it names.
Feeds normal_feeds(const Model& model, uint32_t seed, const Feeds& fixed = {});

struct QuantizedRun {
  LoadedModel loaded;
  Quantized result;
  std::vector<std::string> warnings;
  double prepared_difference = 0.0;  // max|a - b| / max|a| of FP32 outputs, file against prepared
  double sqnr_db = 0.0;              // worst output of the quantized model against the file
};

// Writes the model and the samples, and runs every step on them.
QuantizedRun quantize_text_model(const Model& model, const std::vector<Feeds>& samples,
                                 const QuantizeRequest& request = {});

// The decision of the node that makes `label` or is called so; fails the test when there is none.
Decision decision_of(const QuantizedRun& run, const std::string& label);

// How often each operator stands in the graph that the runtime executes, inner graphs included.
std::map<std::string, int> kernels_of(const Model& model);

}  // namespace ptq::testing

#pragma once
// Puts the operators of op_schema.h into a model. Called by the pipeline (verb instrument). Pure;
// one thread a model.

#include <cstdint>
#include <string>
#include <vector>

#include "ptq/graph.h"
#include "ptq/measure_options.h"

namespace ptq {

struct InstrumentGraphOptions {
  std::string fingerprint{};  // of the original file
  std::string settings{};     // ActivationStats::settings
  std::string stats_file{};   // pattern, see ptq/observe.h
  uint64_t every = 1;
  std::string mask_input{};         // "" for none
  std::vector<StateLink> states{};  // whose inputs say nothing about the sample
};

// The values of `values` that `model` lacks or that do not have one meaning in it: what preparation
// made, and names that several inner graphs share. Empty: instrument_graph can take them all.
std::vector<std::string> values_not_in(const Model& model, const std::vector<std::string>& values);

// The model with observers of `values` (graph inputs, and outputs of nodes or inputs of graphs
// inside nodes), which must all be in it. Inputs, outputs and weights stay as they are. With
// `every` 1 observers stand in the way of each value; above, the model is there twice in the
// branches of an If, so that runs that are not counted do not meet them:
//
//                                         ┌ then: nodes and observers, EndRun
//   inputs ─ BeginRun ─ counted? ─ If ────┤
//                                         └ else: nodes
//
// Each branch has the constants, but for large ones of large models, which are there once.
// `unobserved` receives values of types other than float32 and
// float16. Throws Error{kInput} for a value that is not there and a mask that is no input.
Model instrument_graph(const Model& model, const std::vector<std::string>& values,
                       const InstrumentGraphOptions& options, std::vector<std::string>& unobserved);

// A model that is instrumented already.
bool is_instrumented(const Graph& main);

}  // namespace ptq

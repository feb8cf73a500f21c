#pragma once
// Helpers of tests that quantize a text model: random weights and inputs, and the ranges that a
// plan needs, measured on those inputs. One thread.

#include <map>
#include <string>

#include "plan/make_plan.h"
#include "ptq/graph.h"
#include "ptq/tensor.h"
#include "runtime/session.h"

namespace ptq::testing {

// "float[4,4,1,1] w = {0.3,…}": an initializer of a text model, from the unit normal distribution.
std::string random_weight(const std::string& shape, size_t count, const std::string& name,
                          unsigned seed = 1);

// A text model after the preparing passes, with inferred shapes.
Model parse_prepared(const std::string& body, int opset = 13);

// float32 feeds from the unit normal distribution, in the declared shapes.
std::map<std::string, Tensor> unit_feeds(const Session& session, unsigned seed);

// Ranges from the values themselves: every observed value becomes an output of an unfused session.
std::map<std::string, ChosenRange> measured_ranges(const Model& model, const Structure& structure,
                                                   const std::map<std::string, Tensor>& feeds);

double sqnr_db(const Tensor& reference, const Tensor& other);

}  // namespace ptq::testing

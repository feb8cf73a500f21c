#pragma once
// The operators of domain `ai.ptq.observe`, which stand in an instrumented model and which
// libptq_observe brings into a program: names, attributes, and how lists of texts are packed, since
// the runtime's C interface gives an operator no lists of strings. Free functions; any thread.
//
//   BeginRun(inputs...) -> token, counted     token int64[1], counted bool[1]
//       Decides whether this run is counted, and knows its samples by the inputs. Attributes: model
//       (fingerprint), settings, file (pattern of ptq/observe.h), values and inputs (packed
//       names), every, rows (1: axis 0 of all
//       inputs holds the samples), mask (position of the mask input, -1 for none), and with a mask
//       shapes (packed, what the model says of the shape of each value) and tokens_vary.
//   Observe(X, token) -> Y, done              float32; Y is X's memory. Attribute slot.
//   ObserveHalf(X, token) -> Y, done          the same for float16
//   EndRun(token, anything...) -> nothing     int64[1]; the run is complete when the others exist
//
// The token is 0 in runs that are not counted.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ptq/tensor.h"

namespace ptq {

inline constexpr const char* kObserveDomain = "ai.ptq.observe";
inline constexpr const char* kBeginRunOp = "BeginRun";
inline constexpr const char* kObserveOp = "Observe";
inline constexpr const char* kObserveHalfOp = "ObserveHalf";
inline constexpr const char* kEndRunOp = "EndRun";

// "5:first6:second", and back. Throws Error{kInput} for what pack_texts does not write.
std::string pack_texts(const std::vector<std::string>& texts);
std::vector<std::string> unpack_texts(std::string_view packed);

// "1,-1,64;;3": dimensions of each, -1 for an open one, nothing for an unknown rank.
std::string pack_shapes(const std::vector<Shape>& shapes);
std::vector<Shape> unpack_shapes(std::string_view packed);

}  // namespace ptq

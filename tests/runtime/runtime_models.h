#pragma once
// Small models whose results are exact in float32, whatever the order of additions: weights and
// inputs are small integers. For the tests of the rooms runtime and calib.

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "graph/edit.h"
#include "onnx_io/text_model.h"
#include "ptq/graph.h"
#include "runtime/model_session.h"

namespace ptq {

// Integers in [low, high], the same in each run.
inline Tensor small_integers(const Shape& shape, uint32_t seed, int low = -2, int high = 2) {
  Tensor tensor(DType::kFloat, shape);
  uint32_t state = seed * 2654435761U + 1;
  for (float& value : tensor.mutable_data<float>()) {
    state = state * 1664525U + 1013904223U;
    value = static_cast<float>(
        low + static_cast<int>((state >> 10) % static_cast<uint32_t>(high - low + 1)));
  }
  return tensor;
}

// A text model (opset 17) whose inputs named w… become initializers of small integers.
inline Model exact_model(const std::string& signature_and_body) {
  Model model =
      parse_text_model("<ir_version: 8, opset_import: [\"\" : 17]> g " + signature_and_body);
  std::vector<ValueInfo> inputs;
  uint32_t seed = 1;
  for (ValueInfo& input : model.graph.inputs) {
    if (input.name.starts_with("w")) {
      Constant constant;
      constant.name = input.name;
      constant.tensor = small_integers(input.shape, seed++);
      model.graph.initializers.push_back(std::move(constant));
    } else {
      inputs.push_back(std::move(input));
    }
  }
  model.graph.inputs = std::move(inputs);
  return model;
}

// x → Conv 3×3 → c → Clip(0, 6) → r → Conv 1×1 → y
inline Model conv_clip_model(int in_channels, int out_channels) {
  const std::string in = std::to_string(in_channels);
  const std::string out = std::to_string(out_channels);
  return exact_model("(float[1," + in + ",9,7] x, float[" + out + "," + in + ",3,3] w1, float[" +
                     out + "] w2, float[5," + out + ",1,1] w3) => (float[1,5,9,7] y)" + R"(
    <float low = {0}, float high = {6}> {
      c = Conv <pads = [1, 1, 1, 1]> (x, w1, w2)
      r = Clip (c, low, high)
      y = Conv (r, w3)
    })");
}

inline std::map<std::string, Tensor> exact_feeds(const Model& model, uint32_t seed) {
  std::map<std::string, Tensor> feeds;
  for (const ValueInfo& input : model.graph.inputs) {
    Shape shape = input.shape;
    for (int64_t& dimension : shape) {
      dimension = dimension < 0 ? 1 + static_cast<int64_t>(seed % 4) : dimension;
    }
    feeds[input.name] = small_integers(shape, seed * 77 + 5, -3, 3);
  }
  return feeds;
}

// What the runtime computes for `values` with its optimizations off.
inline std::map<std::string, Tensor> raw_values(Model model, const std::vector<std::string>& values,
                                                const std::map<std::string, Tensor>& feeds) {
  for (const std::string& value : values) {
    bool is_output = false;
    for (const ValueInfo& output : model.graph.outputs) {
      is_output = is_output || output.name == value;
    }
    if (!is_output) {
      ValueInfo info;
      info.name = value;
      info.dtype = DType::kFloat;
      model.graph.outputs.push_back(std::move(info));
    }
  }
  SessionOptions options;
  options.level = OptLevel::kNone;
  const Session session = open_session(model, options);
  const std::vector<Tensor> outputs = session.run(feeds);
  std::map<std::string, Tensor> found;
  for (size_t i = 0; i < outputs.size(); ++i) {
    found[session.outputs()[i].name] = outputs[i];
  }
  return found;
}

}  // namespace ptq

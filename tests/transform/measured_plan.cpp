#include "transform/measured_plan.h"

#include <cmath>
#include <random>

#include "onnx_io/infer_shapes.h"
#include "onnx_io/text_model.h"
#include "ptq/activation_stats.h"
#include "runtime/model_session.h"
#include "transform/prepare.h"

namespace ptq::testing {
namespace {

std::string random_floats(size_t count, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  std::string out = "{";
  for (size_t i = 0; i < count; ++i) {
    out += (i > 0 ? "," : "") + std::to_string(normal(generator));
  }
  return out + "}";
}

}  // namespace

std::string random_weight(const std::string& shape, size_t count, const std::string& name,
                          unsigned seed) {
  return "float[" + shape + "] " + name + " = " + random_floats(count, seed);
}

Model parse_prepared(const std::string& body, int opset) {
  Model model = parse_text_model("<ir_version: 8, opset_import: [\"\" : " + std::to_string(opset) +
                                 "]>\n" + body);
  prepare(model);
  infer_shapes(model);
  return model;
}

std::map<std::string, Tensor> unit_feeds(const Session& session, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  std::map<std::string, Tensor> feeds;
  for (const ValueInfo& input : session.inputs()) {
    Tensor tensor(DType::kFloat, input.shape);
    for (float& value : tensor.mutable_data<float>()) {
      value = normal(generator);
    }
    feeds[input.name] = tensor;
  }
  return feeds;
}

// Ranges from the values themselves: every observed value becomes an output of an unfused session.
std::map<std::string, ChosenRange> measured_ranges(const Model& model, const Structure& structure,
                                                   const std::map<std::string, Tensor>& feeds) {
  Model exposed = model;
  const std::vector<std::string> values = values_to_observe(structure);
  std::map<std::string, ChosenRange> ranges;
  exposed.graph.outputs.clear();
  for (const std::string& value : values) {
    if (feeds.contains(value)) {
      const TensorStats stats = stats_of(feeds.at(value).data<float>());
      ranges[value] = {{.lo = stats.min, .hi = stats.max}, "absmax", "measured"};
    } else {
      exposed.graph.outputs.push_back({.name = value, .dtype = DType::kFloat});
    }
  }
  if (exposed.graph.outputs.empty()) {
    return ranges;  // only graph inputs are coded
  }
  SessionOptions unfused;
  unfused.level = OptLevel::kNone;
  const Session session = open_session(exposed, unfused);
  const std::vector<Tensor> outputs = session.run(feeds);
  for (size_t i = 0; i < outputs.size(); ++i) {
    const TensorStats stats = stats_of(outputs[i].data<float>());
    ranges[session.outputs()[i].name] = {
        {.lo = std::min(0.0F, stats.min), .hi = std::max(0.0F, stats.max)}, "absmax", "measured"};
  }
  return ranges;
}

double sqnr_db(const Tensor& reference, const Tensor& other) {
  double signal = 0.0;
  double noise = 1e-30;
  for (size_t i = 0; i < reference.data<float>().size(); ++i) {
    const double a = reference.data<float>()[i];
    const double error = a - static_cast<double>(other.data<float>()[i]);
    signal += a * a;
    noise += error * error;
  }
  return 10.0 * std::log10(signal / noise);
}

}  // namespace ptq::testing

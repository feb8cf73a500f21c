#include "transform/model_check.h"

#include <cmath>
#include <limits>
#include <random>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "onnx_io/read.h"
#include "onnx_io/text_model.h"
#include "onnx_io/write.h"
#include "runtime/session.h"

namespace ptq::testing {
namespace {

double relative_difference(const Tensor& a, const Tensor& b) {
  const double different = std::numeric_limits<double>::infinity();
  if (a.dtype() != b.dtype() || a.shape() != b.shape()) {
    return different;
  }
  if (bit_width(a.dtype()) == 0) {
    return 0.0;  // no numeric tensor: the session gives no values
  }
  const std::vector<float> left = to_floats(a);
  const std::vector<float> right = to_floats(b);
  double largest = 0.0;
  double difference = 0.0;
  for (size_t i = 0; i < left.size(); ++i) {
    if (!std::isfinite(left[i]) || !std::isfinite(right[i])) {
      const bool same = left[i] == right[i] || (std::isnan(left[i]) && std::isnan(right[i]));
      difference = same ? difference : different;
      continue;
    }
    largest = std::max(largest, std::abs(static_cast<double>(left[i])));
    difference = std::max(difference, std::abs(static_cast<double>(left[i]) - right[i]));
  }
  return difference == 0.0 ? 0.0 : difference / largest;
}

template <typename T, typename Distribution>
Tensor random_values(const Shape& shape, Distribution distribution, std::mt19937& generator) {
  std::vector<T> values(static_cast<size_t>(element_count(shape)));
  for (T& value : values) {
    value = static_cast<T>(distribution(generator));
  }
  return Tensor::from<T>(shape, values);
}

Tensor random_tensor(DType dtype, const Shape& shape, std::mt19937& generator) {
  std::uniform_int_distribution<int> integer(0, 7);
  switch (dtype) {
    case DType::kInt64:
      return random_values<int64_t>(shape, integer, generator);
    case DType::kInt32:
      return random_values<int32_t>(shape, integer, generator);
    case DType::kDouble:
      return random_values<double>(shape, std::normal_distribution<double>(), generator);
    case DType::kFloat:
      return random_values<float>(shape, std::normal_distribution<float>(), generator);
    default:
      break;
  }
  // Small codes for bytes, 0 and 1 for truth values, numbers in [1, 2) for 16-bit floats.
  Tensor tensor(dtype, shape);
  const std::span<std::byte> bytes = tensor.mutable_bytes();
  for (size_t i = 0; i < bytes.size(); ++i) {
    const int low = integer(generator);
    const bool is_high_byte = bit_width(dtype) == 16 && i % 2 == 1;
    const int high = dtype == DType::kFloat16 ? 0x3C : 0x3F;
    bytes[i] = static_cast<std::byte>(dtype == DType::kBool ? low % 2 : is_high_byte ? high : low);
  }
  return tensor;
}

std::vector<std::string> output_names(const Model& model) {
  std::vector<std::string> names;
  for (const ValueInfo& output : model.graph.outputs) {
    names.push_back(output.name);
  }
  return names;
}

}  // namespace

std::string weight_text(std::string_view name, const Shape& shape, uint32_t seed, float low,
                        float high) {
  std::mt19937 generator(seed);
  std::string dims;
  for (const int64_t dim : shape) {
    dims += fmt::format("{}{}", dims.empty() ? "" : ",", dim);
  }
  std::string values;
  for (int64_t i = 0; i < element_count(shape); ++i) {
    const float unit = static_cast<float>(generator() >> 8) / static_cast<float>(1U << 24U);
    values += fmt::format("{}{:.8f}", values.empty() ? "" : ",", low + (high - low) * unit);
  }
  return fmt::format("float[{}] {} = {{{}}}", dims, name, values);
}

Model model_of(int64_t opset, const std::string& signature,
               const std::vector<std::string>& initializers, const std::string& nodes,
               int64_t ir_version) {
  std::string constants;
  for (const std::string& initializer : initializers) {
    constants += (constants.empty() ? "" : ", ") + initializer;
  }
  return parse_text_model(
      fmt::format("<ir_version: {}, opset_import: [\"\" : {}]> model {} {} {{ {} }}", ir_version,
                  opset, signature, constants.empty() ? "" : "<" + constants + ">", nodes));
}

std::map<std::string, Tensor> random_feeds(const Model& model, uint32_t seed,
                                           const std::map<std::string, Shape>& shapes) {
  const Session session = Session::from_bytes(serialize_model(model), {});
  std::mt19937 generator(seed);
  std::map<std::string, Tensor> feeds;
  for (const ValueInfo& input : session.inputs()) {
    const auto given = shapes.find(input.name);
    Shape shape = given != shapes.end() ? given->second : input.shape;
    for (int64_t& dim : shape) {
      dim = dim < 0 ? 2 : dim;
    }
    Tensor& feed = feeds[input.name];
    feed = random_tensor(input.dtype, shape, generator);
  }
  return feeds;
}

std::vector<Tensor> run_plain(const Model& model, const std::map<std::string, Tensor>& feeds) {
  SessionOptions options;
  options.level = OptLevel::kNone;
  return Session::from_bytes(serialize_model(model), options).run(feeds);
}

double max_relative_difference(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  if (a.size() != b.size()) {
    return std::numeric_limits<double>::infinity();
  }
  double worst = 0.0;
  for (size_t i = 0; i < a.size(); ++i) {
    worst = std::max(worst, relative_difference(a[i], b[i]));
  }
  return worst;
}

Model expect_same_outputs(const Model& model, const std::function<void(Model&)>& pass,
                          double tolerance) {
  Model changed = model;
  changed.graph = copy_graph(model.graph);
  pass(changed);
  changed = parse_model(serialize_model(changed), {});
  EXPECT_EQ(output_names(model), output_names(changed));
  for (uint32_t seed = 1; seed <= 3; ++seed) {
    const std::map<std::string, Tensor> feeds = random_feeds(model, seed);
    const std::vector<Tensor> before = run_plain(model, feeds);
    const std::vector<Tensor> after = run_plain(changed, feeds);
    EXPECT_LE(max_relative_difference(before, after), tolerance) << "seed " << seed;
  }
  return changed;
}

std::string op_types(const Graph& graph) {
  std::string out;
  for (const Node& node : graph.nodes) {
    out += (out.empty() ? "" : " ") + node.op_type;
  }
  return out;
}

}  // namespace ptq::testing

#include "diagnose/signal_moments.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <optional>
#include <string_view>

namespace ptq {
namespace {

// Elements of the last axis; 64 where that is unknown.
double last_axis(const GraphIndex& index, std::string_view value) {
  const Shape* shape = index.shape(value);
  return shape == nullptr || shape->empty() || shape->back() <= 0
             ? 64.0
             : static_cast<double>(shape->back());
}

Moments of_constant(const Constant& constant) {
  Moments moments{.power = 0.0, .mean = 0.0};
  const DType dtype = constant.tensor.dtype();
  if (bit_width(dtype) < 8 || dtype == DType::kComplex64 || dtype == DType::kComplex128) {
    return {};
  }
  const std::vector<float> values = to_floats(constant.tensor);
  for (const float value : values) {
    const auto x = static_cast<double>(value);
    moments.power += x * x;
    moments.mean += x;
  }
  const double count = std::max<double>(1.0, static_cast<double>(values.size()));
  return {moments.power / count, moments.mean / count};
}

// A normal value cut at 0.
Moments of_relu(const Moments& x) {
  return {x.power / 2.0, std::sqrt(x.power / (2.0 * std::numbers::pi))};
}

class Estimator {
 public:
  Estimator(const GraphIndex& index, std::map<std::string, Moments>& known)
      : index_(index), known_(known) {}

  Moments estimate(const Node& node) const {
    if (const std::optional<LinearMap> map = linear_map(node, index_)) {
      return map->forward(of(node.input(0)));
    }
    const std::string_view op = node.domain.empty() ? std::string_view(node.op_type) : "";
    const Moments a = of(node.input(0));
    const Moments b = of(node.input(1));
    if (op == "Add" || op == "Sub") {
      const double sign = op == "Add" ? 1.0 : -1.0;
      return {a.power + b.power + 2.0 * sign * a.mean * b.mean, a.mean + sign * b.mean};
    }
    if (op == "Mul") {
      return {a.power * b.power, a.mean * b.mean};
    }
    if (op == "Div") {
      return {a.power / floor(b.power), 0.0};
    }
    if (op == "MatMul") {
      return {last_axis(index_, node.input(0)) * a.power * b.power, 0.0};
    }
    if (op == "Relu" || op == "Clip") {
      return of_relu(a);
    }
    if (op == "LayerNormalization" || op == "InstanceNormalization") {
      return {b.power, 0.0};
    }
    if (op == "Sigmoid" || op == "HardSigmoid") {
      return {0.3, 0.5};
    }
    if (op == "Tanh" || op == "Erf") {
      return {std::min(a.power, 1.0), 0.0};
    }
    if (op == "Softmax") {
      const double n = last_axis(index_, node.input(0));
      return {1.0 / (n * std::sqrt(n)), 1.0 / n};
    }
    if (op == "Pow") {
      return {b.power > 1.0 ? a.power * a.power : a.power, a.power};
    }
    if (op == "Sqrt") {
      return {std::sqrt(a.power), std::sqrt(std::sqrt(a.power))};
    }
    if (op == "Reciprocal") {
      return {1.0 / floor(a.power), 1.0 / std::sqrt(floor(a.power))};
    }
    return a;
  }

  Moments of(std::string_view value) const {
    const auto found = known_.find(std::string(value));
    if (found != known_.end()) {
      return found->second;
    }
    const Constant* constant = index_.constant(value);
    return constant == nullptr ? Moments{} : of_constant(*constant);
  }

 private:
  static double floor(double power) { return std::max(power, 1e-12); }

  const GraphIndex& index_;
  std::map<std::string, Moments>& known_;
};

}  // namespace

Moments moments_of(const TensorStats& stats) {
  double squares = 0.0;
  double sum = 0.0;
  double count = 0.0;
  for (const LogHistogram::Bucket& bucket : stats.histogram.buckets(stats.min, stats.max)) {
    const auto n = static_cast<double>(bucket.count);
    count += n;
    sum += n * (bucket.lo + bucket.hi) / 2.0;
    squares += n * (bucket.lo * bucket.lo + bucket.lo * bucket.hi + bucket.hi * bucket.hi) / 3.0;
  }
  return count == 0.0 ? Moments{.power = 0.0, .mean = 0.0} : Moments{squares / count, sum / count};
}

std::map<std::string, Moments> signal_moments(const GraphIndex& index,
                                              const std::map<std::string, TensorStats>& stats,
                                              const std::map<std::string, Moments>& measured) {
  std::map<std::string, Moments> known;
  for (const auto& [name, tensor] : stats) {
    if (tensor.count > 0) {
      known[name] = moments_of(tensor);
    }
  }
  known.insert(measured.begin(), measured.end());
  for (const Constant& constant : index.graph().initializers) {
    known.try_emplace(constant.name, of_constant(constant));
  }
  const Estimator estimator(index, known);
  for (const ValueInfo& input : index.graph().inputs) {
    known.try_emplace(input.name, Moments{});
  }
  for (const Node& node : index.graph().nodes) {
    const Moments estimate = estimator.estimate(node);
    for (const std::string& output : node.outputs) {
      known.try_emplace(output, estimate);
    }
  }
  return known;
}

}  // namespace ptq

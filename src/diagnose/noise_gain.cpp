#include "diagnose/noise_gain.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

namespace ptq {
namespace {

constexpr size_t kMaxOutputs = 16;
// How much noise that came through a product goes on as the signal does. Measured: 0 (all noise is
// white) underrates early layers by 10 dB and more in convolutional networks, 1 overrates them.
constexpr double kSignalShare = 0.7;

// To noise of power 1: an entry a channel, which add up to that of the whole value, or one entry
// where channels are unknown.
using Channels = std::vector<double>;

// Of one value to fresh noise, which is white, and to noise that came through a product: that lies
// where the weights of trained layers put the signal, and goes on as the signal does.
struct Sensitivity {
  Channels fresh;
  Channels seasoned;
};

double total(const Channels& s) {
  return std::accumulate(s.begin(), s.end(), 0.0);
}
double total(const Sensitivity& s) {
  return total(s.fresh);  // what a source adds is fresh
}

Channels spread_over(const Channels& s, size_t channels) {
  return s.size() == channels
             ? s
             : Channels(channels, total(s) / static_cast<double>(std::max<size_t>(1, channels)));
}

Channels scaled(Channels s, double factor) {
  for (double& each : s) {
    each *= factor;
  }
  return s;
}
Sensitivity scaled(const Sensitivity& s, double factor) {
  return {scaled(s.fresh, factor), scaled(s.seasoned, factor)};
}

void accumulate(Channels& sum, const Channels& s) {
  if (sum.empty()) {
    sum = s;
  } else if (sum.size() == s.size() || s.size() == 1) {
    const Channels same = spread_over(s, sum.size());
    std::ranges::transform(sum, same, sum.begin(), std::plus<>());
  } else if (sum.size() == 1) {
    Channels wider = spread_over(sum, s.size());
    std::ranges::transform(wider, s, wider.begin(), std::plus<>());
    sum = std::move(wider);
  } else {
    sum = {total(sum) + total(s)};
  }
}
void accumulate(Sensitivity& sum, const Sensitivity& s) {
  accumulate(sum.fresh, s.fresh);
  accumulate(sum.seasoned, s.seasoned);
}

// All of it in one entry.
Sensitivity joined(const Sensitivity& s) {
  return {{total(s.fresh)}, {total(s.seasoned)}};
}

// Mean square of the derivative, for an operand of a spread around 1.
constexpr auto kSlopes = std::to_array<std::pair<std::string_view, double>>({
    {"Sigmoid", 0.045},
    {"HardSigmoid", 0.02},
    {"Tanh", 0.4},
    {"Erf", 0.5},
    {"Gelu", 0.5},
    {"HardSwish", 0.5},
    {"Swish", 0.5},
    {"Elu", 0.7},
    {"Softplus", 0.3},
});

// Every element of the result is one of the operand.
constexpr auto kMoves = std::to_array<std::string_view>(
    {"Reshape",      "Transpose",    "Squeeze",   "Unsqueeze", "Flatten", "Identity",
     "Cast",         "Dropout",      "Slice",     "Expand",    "Pad",     "Resize",
     "DepthToSpace", "SpaceToDepth", "Split",     "MaxPool",   "Gather",  "LogSoftmax",
     "Tile",         "Upsample",     "LeakyRelu", "PRelu"});

class BackwardPass {
 public:
  BackwardPass(const GraphIndex& index, const std::map<std::string, TensorStats>& stats,
               const std::map<std::string, Moments>& moments)
      : index_(index), stats_(stats), moments_(moments) {}

  // `known`: the power at the output for noise of power 1 on a value, where that was measured.
  std::map<std::string, Sensitivity> run(const std::string& output,
                                         const std::map<std::string, double>& known) {
    found_.clear();
    edges_.clear();
    found_[output] = {.fresh = {1.0}, .seasoned = {1.0}};
    const std::vector<Node>& nodes = index_.graph().nodes;
    for (size_t i = nodes.size(); i-- > 0;) {
      for (const std::string& result : nodes[i].outputs) {
        correct(result, known);  // all readers have been seen
        const auto s = found_.find(result);
        if (s != found_.end() && !result.empty()) {
          const Sensitivity copy = s->second;  // `pass` inserts
          node_ = i;
          pass(nodes[i], result, copy);
        }
      }
    }
    for (const ValueInfo& input : index_.graph().inputs) {
      correct(input.name, known);
    }
    return std::move(found_);
  }
  // Of the last run: what goes through each use, by value and position of the node.
  const std::map<std::pair<std::string, size_t>, double>& edges() const { return edges_; }

 private:
  Moments of(std::string_view value) const {
    const auto found = moments_.find(std::string(value));
    return found == moments_.end() ? Moments{} : found->second;
  }

  // Scales what was estimated for a value, and for its uses, to what was measured.
  void correct(const std::string& value, const std::map<std::string, double>& known) {
    const auto measured = known.find(value);
    const auto s = found_.find(value);
    if (measured == known.end() || s == found_.end() || !(total(s->second) > 0.0)) {
      return;
    }
    const double factor = measured->second / total(s->second);
    s->second = scaled(s->second, factor);
    for (auto edge = edges_.lower_bound({value, 0}); edge != edges_.end(); ++edge) {
      if (edge->first.first != value) {
        break;
      }
      edge->second *= factor;
    }
  }

  void add(std::string_view value, const Sensitivity& s) {
    if (!value.empty() && index_.constant(value) == nullptr) {
      accumulate(found_[std::string(value)], s);
      edges_[{std::string(value), node_}] += total(s);
    }
  }

  // Noise keeps its ratio to the signal.
  void pass_relative(std::string_view operand, std::string_view result, const Sensitivity& s) {
    const double from = of(operand).power;
    add(operand, scaled(s, from > 0.0 ? of(result).power / from : 1.0));
  }

  // Elements of the operand for one of the result, or nothing.
  std::optional<double> elements_a_result(const Node& node, std::string_view result) const {
    const Shape* from = index_.shape(node.input(0));
    const Shape* to = index_.shape(result);
    const auto open = [](const Shape* shape) {
      return shape == nullptr || std::ranges::any_of(*shape, [](int64_t n) { return n <= 0; });
    };
    const std::vector<int64_t> kernel = node.ints_attribute("kernel_shape");
    if (!kernel.empty()) {
      return static_cast<double>(
          std::accumulate(kernel.begin(), kernel.end(), int64_t{1}, std::multiplies<>()));
    }
    if (open(from) || open(to)) {
      return std::nullopt;
    }
    return static_cast<double>(element_count(*from)) / static_cast<double>(element_count(*to));
  }

  // Fresh noise by `factor`; seasoned noise between that and the variance of the signal.
  void pass_as_signal(std::string_view operand, std::string_view result, const Sensitivity& s,
                      double factor) {
    const double between = blend(factor, signal_gain(operand, result));
    add(operand, {scaled(s.fresh, factor), scaled(s.seasoned, between)});
  }

  // Geometric, since gains multiply from layer to layer.
  static double blend(double white, double signal) {
    return std::pow(white, 1.0 - kSignalShare) * std::pow(signal, kSignalShare);
  }

  double signal_gain(std::string_view operand, std::string_view result) const {
    const double from = of(operand).variance();
    return from > 0.0 ? of(result).variance() / from : 1.0;
  }

  void pass_mean(const Node& node, const std::string& result, const Sensitivity& s) {
    const std::optional<double> n = elements_a_result(node, result);
    const double relative = signal_gain(node.input(0), result);
    pass_as_signal(node.input(0), result, s, n ? 1.0 / *n : relative);
  }

  // c² for each channel, or their mean.
  Channels times_constant(const Channels& s, const Constant& constant, bool divided) const {
    const std::vector<float> values = to_floats(constant.tensor);
    const auto square = [divided](float value) {
      const double c = static_cast<double>(value) * static_cast<double>(value);
      return divided ? (c == 0.0 ? 1.0 : 1.0 / c) : c;
    };
    Channels out = spread_over(s, values.size() > 1 && s.size() == 1 ? values.size() : s.size());
    if (out.size() == values.size()) {
      for (size_t i = 0; i < out.size(); ++i) {
        out[i] *= square(values[i]);
      }
      return out;
    }
    double mean = 0.0;
    for (const float value : values) {
      mean += square(value) / static_cast<double>(values.size());
    }
    return scaled(s, mean);
  }

  Sensitivity times_constant(const Sensitivity& s, const Constant& constant, bool divided) const {
    return {times_constant(s.fresh, constant, divided),
            times_constant(s.seasoned, constant, divided)};
  }

  void pass_concat(const Node& node, const Sensitivity& s) {
    const auto axis = node.int_attribute("axis", 0);
    std::vector<double> sizes;
    for (const std::string& input : node.inputs) {
      const Shape* shape = index_.shape(input);
      const auto rank = shape == nullptr ? 0 : static_cast<int64_t>(shape->size());
      const int64_t at = axis < 0 ? axis + rank : axis;
      const int64_t size = at >= 0 && at < rank ? (*shape)[static_cast<size_t>(at)] : -1;
      sizes.push_back(static_cast<double>(size));
    }
    const bool known = std::ranges::all_of(sizes, [](double size) { return size > 0.0; });
    const double sum = std::accumulate(sizes.begin(), sizes.end(), 0.0);
    size_t first = 0;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const auto count = static_cast<size_t>(known ? sizes[i] : 0.0);
      const double share = known ? sizes[i] / sum : 1.0 / static_cast<double>(node.inputs.size());
      const auto part = [&](const Channels& all) {
        return known && static_cast<double>(all.size()) == sum
                   ? Channels(all.begin() + static_cast<std::ptrdiff_t>(first),
                              all.begin() + static_cast<std::ptrdiff_t>(first + count))
                   : Channels{total(all) * share};
      };
      add(node.inputs[i], {part(s.fresh), part(s.seasoned)});
      first += count;
    }
  }

  void pass_product(const Node& node, const std::string& result, const Sensitivity& s,
                    bool divided) {
    const Constant* constant = index_.constant(node.input(1));
    if (holds_numbers(constant)) {
      add(node.input(0), times_constant(s, *constant, divided));
      return;
    }
    const double a = of(node.input(0)).power;
    const double b = of(node.input(1)).power;
    add(node.input(0), scaled(s, divided ? 1.0 / std::max(b, 1e-12) : b));
    if (divided) {
      pass_relative(node.input(1), result, s);
    } else {
      add(node.input(1), scaled(joined(s), a));
    }
  }

  void pass_norm(const Node& node, const Sensitivity& s) {
    const double spread = std::max(of(node.input(0)).variance(), 1e-12);
    const Constant* gamma = index_.constant(node.input(1));
    const Sensitivity behind = holds_numbers(gamma) ? times_constant(s, *gamma, false) : s;
    add(node.input(0), scaled(behind, 1.0 / spread));
  }

  // Share of values that a Relu or Clip passes.
  double open_share(const std::string& result) const {
    const auto found = stats_.find(result);
    if (found == stats_.end() || found->second.count == 0) {
      return 0.5;
    }
    const auto count = static_cast<double>(found->second.count);
    return 1.0 - static_cast<double>(found->second.histogram.zeros()) / count;
  }

  void pass(const Node& node, const std::string& result, const Sensitivity& s) {
    const std::string_view op = node.domain.empty() ? std::string_view(node.op_type) : "";
    const auto slope = std::ranges::find(kSlopes, op, &std::pair<std::string_view, double>::first);
    if (const std::optional<LinearMap> map = linear_map(node, index_)) {
      const auto outputs = static_cast<size_t>(map->outputs);
      // Fresh noise comes out seasoned.
      const Channels fresh = map->backward(spread_over(s.seasoned, outputs));
      const double white = total(fresh) / std::max(total(s.seasoned), 1e-300);
      const double gain = blend(white, signal_gain(node.input(0), result));
      add(node.input(0), {fresh, scaled(fresh, white > 0.0 ? gain / white : 0.0)});
    } else if (op == "Add" || op == "Sub" || op == "Sum") {
      for (const std::string& input : node.inputs) {
        add(input, s);
      }
    } else if (op == "Mul" || op == "Div") {
      const bool swapped = op == "Mul" && index_.constant(node.input(0)) != nullptr;
      Node ordered = node;
      if (swapped && ordered.inputs.size() == 2) {
        std::swap(ordered.inputs[0], ordered.inputs[1]);
      }
      pass_product(ordered, result, s, op == "Div");
    } else if (op == "Relu" || op == "Clip") {
      pass_as_signal(node.input(0), result, s, open_share(result));
    } else if (slope != kSlopes.end()) {
      pass_as_signal(node.input(0), result, s, slope->second);
    } else if (op == "Softmax") {
      add(node.input(0), scaled(joined(s), of(result).power));
    } else if (op == "Concat") {
      pass_concat(node, s);
    } else if (op == "Where") {
      add(node.input(1), s);
      add(node.input(2), s);
    } else if (op == "ReduceMean" || op == "AveragePool" || op == "GlobalAveragePool") {
      pass_mean(node, result, s);
    } else if (op == "LayerNormalization" || op == "InstanceNormalization") {
      pass_norm(node, s);
    } else if (op == "Pow") {
      // The square in a norm that is written out: what noise does to a mean of squares averages
      // out.
    } else if (std::ranges::find(kMoves, op) != kMoves.end()) {
      add(node.input(0), s);
    } else {
      for (const std::string& input : node.inputs) {
        pass_relative(input, result, s);
      }
    }
  }

  const GraphIndex& index_;
  const std::map<std::string, TensorStats>& stats_;
  const std::map<std::string, Moments>& moments_;
  std::map<std::string, Sensitivity> found_;
  std::map<std::pair<std::string, size_t>, double> edges_;
  size_t node_ = 0;  // the one that is passed
};

}  // namespace

NoiseGain::NoiseGain(const GraphIndex& index, const std::map<std::string, TensorStats>& stats,
                     const std::vector<std::string>& outputs,
                     const std::map<std::string, Moments>& measured, const Gains& gains)
    : moments_(signal_moments(index, stats, measured)) {
  BackwardPass backward(index, stats, moments_);
  for (size_t k = 0; k < std::min(outputs.size(), kMaxOutputs); ++k) {
    const double signal = power(outputs[k]);
    if (!(signal > 0.0)) {
      continue;
    }
    std::map<std::string, double> known;
    for (const auto& [value, by_output] : gains) {
      if (k < by_output.size() && by_output[k]) {
        known[value] = *by_output[k] * signal;
      }
    }
    for (const auto& [value, sensitivity] : backward.run(outputs[k], known)) {
      double& worst = relative_[value];
      worst = std::max(worst, total(sensitivity) / signal);
    }
    for (const auto& [edge, sensitivity] : backward.edges()) {
      double& worst = through_[edge];
      worst = std::max(worst, sensitivity / signal);
    }
  }
}

double NoiseGain::relative(const std::string& value) const {
  const auto found = relative_.find(value);
  return found == relative_.end() ? 0.0 : found->second;
}

double NoiseGain::through(const std::string& value, size_t node) const {
  const auto found = through_.find({value, node});
  return found == through_.end() ? 0.0 : found->second;
}

double NoiseGain::power(const std::string& value) const {
  const auto found = moments_.find(value);
  return found == moments_.end() ? 0.0 : found->second.power;
}

}  // namespace ptq

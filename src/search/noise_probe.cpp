#include "search/noise_probe.h"

#include <algorithm>
#include <utility>

#include "core/parallel.h"
#include "graph/index.h"
#include "ptq/error.h"
#include "runtime/rewritten_session.h"
#include "core/error_power.h"

namespace ptq {
namespace {

// What the run on this thread rounds, and the error that this made.
struct Active {
  int64_t slot = -1;  // −1: nothing
  const ProbeCodes* codes = nullptr;
  double noise = 0.0;  // Σ (x − x̂)²
  size_t elements = 0;
};
thread_local Active active;

void round_to_codes(std::span<float> values) {
  const float scale = active.codes->params.scale.at(0);
  const int32_t zero_point = active.codes->params.zero_point.at(0);
  for (float& x : values) {
    const float rounded =
        dequantize(quantize(x, scale, zero_point, active.codes->codes), scale, zero_point);
    const double error = static_cast<double>(x) - static_cast<double>(rounded);
    active.noise += error * error;
    x = rounded;
  }
  active.elements += values.size();
}

class Rounder : public ValueRewriter {
 public:
  void rewrite(int64_t slot, std::span<float> values) override {
    if (slot == active.slot) {
      round_to_codes(values);
    }
  }
};

bool is_input(const Graph& graph, const std::string& name) {
  return std::ranges::find(graph.inputs, name, &ValueInfo::name) != graph.inputs.end();
}

class Probe {
 public:
  Probe(const Model& model, const std::map<std::string, ProbeCodes>& values,
        const std::vector<Sample>& samples, int threads, const std::atomic<bool>* stop)
      : samples_(samples), threads_(resolve_threads(threads)), stop_(stop) {
    const GraphIndex index(model.graph);
    for (const auto& [name, codes] : values) {
      if (index.producer(name) != nullptr) {
        slots_.push_back(name);
        targets_.push_back({name, &codes, static_cast<int64_t>(slots_.size()) - 1});
      } else if (is_input(model.graph, name)) {
        targets_.push_back({name, &codes, -1});
      }
    }
    if (!targets_.empty()) {
      session_.emplace(rewrite_values(model, slots_, rounder_));
    }
  }

  ProbedGains run() {
    ProbedGains gains;
    if (targets_.empty() || samples_.empty()) {
      return gains;
    }
    reference_.resize(samples_.size());
    parallel_for(samples_.size(), threads_, [&](size_t i, int /*worker*/) {
      check_stop();
      reference_[i] = session_->run(samples_[i].inputs);
    });
    std::vector<std::vector<std::optional<double>>> found(targets_.size());
    parallel_for(targets_.size(), threads_,
                 [&](size_t i, int /*worker*/) { found[i] = measure(targets_[i]); });
    for (size_t i = 0; i < targets_.size(); ++i) {
      gains[targets_[i].name] = std::move(found[i]);
    }
    return gains;
  }

 private:
  struct Target {
    std::string name;
    const ProbeCodes* codes = nullptr;
    int64_t slot = -1;  // −1: a graph input
  };

  void check_stop() const {
    if (stop_ != nullptr && stop_->load()) {
      throw Error(ErrorCode::kInterrupted, "interrupted while measuring what noise does");
    }
  }

  // One run with the value rounded; `active` then holds the error that was made.
  std::vector<Tensor> run_rounded(const Target& target, const Sample& sample) const {
    active = {.slot = target.slot, .codes = target.codes, .noise = 0.0, .elements = 0};
    if (target.slot >= 0) {
      return session_->run(sample.inputs);
    }
    std::map<std::string, Tensor> feeds = sample.inputs;
    Tensor& feed = feeds.at(target.name);
    if (feed.dtype() == DType::kFloat) {
      round_to_codes(feed.mutable_data<float>());
    }
    return session_->run(feeds);
  }

  std::vector<std::optional<double>> measure(const Target& target) const {
    std::vector<ErrorPower> outputs(reference_[0].size());
    double noise = 0.0;
    size_t elements = 0;
    for (size_t i = 0; i < samples_.size(); ++i) {
      check_stop();
      const std::vector<Tensor> results = run_rounded(target, samples_[i]);
      noise += active.noise;
      elements += active.elements;
      active = {};
      for (size_t k = 0; k < results.size(); ++k) {
        if (results[k].dtype() == DType::kFloat) {
          outputs[k] += error_power(reference_[i][k], results[k]);
        }
      }
    }
    std::vector<std::optional<double>> gains;
    for (const ErrorPower& output : outputs) {
      const bool known = output.signal > 0.0 && noise > 0.0;
      gains.push_back(known ? std::optional(output.noise / output.signal /
                                            (noise / static_cast<double>(elements)))
                            : std::nullopt);
    }
    return gains;
  }

  const std::vector<Sample>& samples_;
  int threads_;
  const std::atomic<bool>* stop_;
  Rounder rounder_;
  std::vector<std::string> slots_;
  std::vector<Target> targets_;
  std::optional<Session> session_;
  std::vector<std::vector<Tensor>> reference_;  // by sample
};

}  // namespace

ProbedGains probe_gains(const Model& model, const std::map<std::string, ProbeCodes>& values,
                        const std::vector<Sample>& samples, int threads,
                        const std::atomic<bool>* stop) {
  return Probe(model, values, samples, threads, stop).run();
}

}  // namespace ptq

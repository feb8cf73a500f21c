#include "pipeline/keep_faster.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/parallel.h"
#include "data/sample_source.h"
#include "graph/model_index.h"
#include "measure/feeds.h"
#include "measure/paired_runs.h"
#include "measure/quartiles.h"
#include "pipeline/node_matching.h"
#include "pipeline/open_samples.h"
#include "pipeline/product_times.h"
#include "ptq/error.h"
#include "runtime/model_session.h"
#include "search/faster_choice.h"
#include "transform/insert_qdq.h"

namespace ptq {
namespace {

constexpr size_t kRounds = 3;
constexpr size_t kRuns = 40;  // pairs
constexpr size_t kProfiledRuns = 20;
constexpr size_t kSkippedRuns = 3;
constexpr int64_t kSamples = 16;  // kept in memory

// The FP32 model, and files made from it, in sessions beside each other.
class Stopwatch {
 public:
  Stopwatch(const Model& model, const QuantPlan& plan, const QuantizeRequest& request)
      : prepared_(model.graph), products_(integer_products(prepared_, plan)), request_(request) {
    options_.intra_threads = resolve_threads(request.threads);
    const std::vector<InputSpec> inputs = input_specs(model.graph);
    DataRequest data = request.samples;
    int64_t& limit = data.options.max_samples;
    limit = limit > 0 ? std::min(limit, kSamples) : kSamples;
    const std::unique_ptr<SampleSource> source = open_samples(model, data);
    feeds_ = batched_feeds(inputs, *source, 1);
    float_ms_ = profile(model, prepared_);
    fp32_ = std::make_unique<Session>(open_session(model, options_));
  }

  const std::vector<PlannedProduct>& products() const { return products_; }
  int threads() const { return options_.intra_threads; }

  // `in_float` are the products that `quantized` leaves in float.
  SpeedTrial measure(const Model& quantized, std::span<const size_t> in_float) {
    const std::vector<double> integer_ms = profile(quantized, ModelIndex(quantized.graph));
    SpeedTrial trial;
    for (size_t i = 0; i < products_.size(); ++i) {
      if (std::ranges::find(in_float, i) == in_float.end()) {
        trial.products.push_back({i, float_ms_[i], integer_ms[i]});
      }
    }
    const Session session = open_session(quantized, options_);
    const PairedTimes times = run_paired([&](size_t i) { fp32_->run(feeds_[i % feeds_.size()]); },
                                         [&](size_t i) { session.run(feeds_[i % feeds_.size()]); },
                                         {.runs = kRuns, .stop = request_.samples.stop});
    trial.speedup = quartiles(pair_ratios(times.first_ms, times.second_ms));
    return trial;
  }

 private:
  std::vector<double> profile(const Model& file, const ModelIndex& index) const {
    const Model marked = mark_nodes(file);
    const std::vector<NodeTime> times = profile_session(
        [&](const SessionOptions& wanted) { return open_session(marked, wanted); },
        [&](const Session& session, size_t i) { session.run(feeds_[i % feeds_.size()]); }, options_,
        kProfiledRuns + kSkippedRuns, kSkippedRuns);
    const Model optimized = optimized_model(marked, options_);
    return product_times(products_, index, ModelIndex(optimized.graph), times);
  }

  const ModelIndex prepared_;
  const std::vector<PlannedProduct> products_;
  const QuantizeRequest& request_;
  SessionOptions options_;
  std::vector<Feeds> feeds_;
  std::vector<double> float_ms_;
  std::unique_ptr<Session> fp32_;
};

struct KindLoss {
  size_t count = 0;
  double float_ms = 0.0;
  double integer_ms = 0.0;
};

// One line for each kind of operator that loses as a whole.
std::vector<std::string> losing_kinds(const std::vector<PlannedProduct>& products,
                                      const std::vector<ProductTime>& times) {
  std::map<std::string, KindLoss> kinds;
  for (const ProductTime& time : times) {
    if (time.float_ms > 0.0 && time.integer_ms > 0.0) {
      KindLoss& kind = kinds[products[time.product].kind];
      ++kind.count;
      kind.float_ms += time.float_ms;
      kind.integer_ms += time.integer_ms;
    }
  }
  std::vector<std::string> lines;
  for (const auto& [name, kind] : kinds) {
    if (kind.integer_ms > kind.float_ms) {
      lines.push_back(fmt::format(
          "{} is slower in integers on this processor: {:.3f} ms a run against {:.3f} ms in float, "
          "conversions included, {} product(s) together",
          name, kind.integer_ms, kind.float_ms, kind.count));
    }
  }
  return lines;
}

std::string quartiles_text(const Quartiles& speedup) {
  return fmt::format("{:.3f} (quartiles {:.3f} to {:.3f})", speedup.median, speedup.lower,
                     speedup.upper);
}

}  // namespace

FasterInFloat keep_faster(const Model& model, const QuantPlan& plan, const Replan& replan,
                          const QuantizeRequest& request) {
  Stopwatch stopwatch(model, plan, request);
  const std::vector<PlannedProduct>& products = stopwatch.products();
  const auto output = [&](size_t product) { return products[product].node->outputs.at(0); };
  const FasterChoice choice = choose_faster_in_float(
      [&](std::span<const size_t> in_float) {
        std::vector<std::string> names;
        std::ranges::transform(in_float, std::back_inserter(names), output);
        return stopwatch.measure(insert_qdq(model, replan(names)).model, in_float);
      },
      kRounds);
  FasterInFloat result;
  for (const ProductTime& time : choice.in_float) {
    result.names.push_back(output(time.product));
    result.reasons[output(time.product)] =
        fmt::format("float is faster here: {:.3f} ms against {:.3f} ms in integers (--keep-faster)",
                    time.float_ms, time.integer_ms);
  }
  result.findings = losing_kinds(products, choice.first.products);
  result.findings.push_back(fmt::format(
      "keep-faster: {} of {} products in float, speedup {} -> {}, {} pairs of runs with {} "
      "thread(s) on this processor",
      choice.in_float.size(), products.size(), quartiles_text(choice.first.speedup),
      quartiles_text(choice.speedup), kRuns, stopwatch.threads()));
  result.slower_than_fp32 = choice.speedup.upper < 1.0;
  if (result.slower_than_fp32) {
    result.findings.push_back(
        fmt::format("the fastest of the files tried is still slower than FP32 on this processor: "
                    "speedup {}; run the FP32 model here, or leave out --keep-faster",
                    quartiles_text(choice.speedup)));
  }
  return result;
}

}  // namespace ptq

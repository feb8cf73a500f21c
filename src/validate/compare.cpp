#include "validate/compare.h"

#include <algorithm>
#include <limits>
#include <map>
#include <mutex>

#include <fmt/format.h>

#include "core/parallel.h"
#include "data/sample_check.h"
#include "ptq/error.h"
#include "validate/decisions.h"
#include "validate/output_sums.h"
#include "validate/worst_samples.h"

namespace ptq {
namespace {

struct SampleResult {
  std::vector<OutputSums> outputs;
  DecisionSums decisions;
  uint64_t classes = 0;
  PairScore score;
  WorstSample worst;
  std::map<std::string, Tensor> inputs;  // with keep_worst
  Digest hash{};
  std::string other_shape;
  CrossErrors::Table cross;
};

bool is_numeric(DType dtype) {
  return bit_width(dtype) >= 8 && bit_width(dtype) <= 64;
}

Digest hash_of(const Sample& sample, const std::vector<std::string>& unhashed) {
  if (unhashed.empty()) {
    return sample_hash(sample);
  }
  Sample plain{.inputs = sample.inputs};
  for (const std::string& name : unhashed) {
    plain.inputs.erase(name);
  }
  return sample_hash(plain);
}

class Comparer {
 public:
  Comparer(const Session& fp32, const Session& quantized, const CompareOptions& options)
      : fp32_(fp32),
        quantized_(quantized),
        options_(options),
        pairs_(match_outputs(fp32, quantized, result_.interface)),
        cross_(pairs_.size()),
        sums_(pairs_.size()),
        lowest_(pairs_.size(), std::numeric_limits<double>::infinity()),
        lowest_sample_(pairs_.size()),
        worst_(options.worst) {
    if (options.task != nullptr) {
      judge_ = options.task->make(options.task_options);
    }
  }

  // Any thread.
  SampleResult compare(const Sample& sample, size_t position) const;
  // One thread at a time, in sample order.
  void add(SampleResult&& result);
  Comparison finish(SampleSource& source);

 private:
  void compare_outputs(const std::vector<const Tensor*>& a, const std::vector<const Tensor*>& b,
                       const Sample& sample, SampleResult& result) const;

  const Session& fp32_;
  const Session& quantized_;
  const CompareOptions& options_;
  Comparison result_;
  std::vector<OutputPair> pairs_;
  std::unique_ptr<TaskJudge> judge_;
  CrossErrors cross_;
  std::vector<OutputSums> sums_;
  std::vector<double> lowest_;  // by output: SQNR of the worst sample
  std::vector<std::string> lowest_sample_;
  WorstSamples worst_;
  DecisionSums decisions_;
  uint64_t classes_ = 0;
};

void Comparer::compare_outputs(const std::vector<const Tensor*>& a,
                               const std::vector<const Tensor*>& b, const Sample& sample,
                               SampleResult& result) const {
  result.outputs.resize(pairs_.size());
  result.worst = {.name = sample.origin,
                  .sqnr_db = std::numeric_limits<double>::infinity(),
                  .label = sample.label};
  for (size_t k = 0; k < pairs_.size(); ++k) {
    if (a[k]->shape() != b[k]->shape()) {
      if (result.other_shape.empty()) {
        result.other_shape = fmt::format(
            "output {} has shape {} in the FP32 model and {} in the quantized one (sample {})",
            printable(pairs_[k].name, 80), shape_text(a[k]->shape()), shape_text(b[k]->shape()),
            printable(sample.origin));
      }
      continue;
    }
    if (!is_numeric(a[k]->dtype()) || !is_numeric(b[k]->dtype())) {
      continue;
    }
    result.outputs[k] = compare_values(*a[k], *b[k]);
    const double sqnr = result.outputs[k].sqnr_db();
    if (k == 0 || sqnr < result.worst.sqnr_db) {
      result.worst.output = pairs_[k].name;
      result.worst.sqnr_db = sqnr;
      result.worst.max_abs = result.outputs[k].max_abs;
    }
  }
}

SampleResult Comparer::compare(const Sample& sample, size_t position) const {
  const std::vector<Tensor> reference = fp32_.run(sample.inputs);
  const std::vector<Tensor> other = quantized_.run(sample.inputs);
  std::vector<const Tensor*> a;
  std::vector<const Tensor*> b;
  RunOutputs named_a;
  RunOutputs named_b;
  for (const OutputPair& pair : pairs_) {
    a.push_back(&reference[pair.fp32]);
    b.push_back(&other[pair.quantized]);
    named_a.push_back({pair.name, a.back()});
    named_b.push_back({pair.name, b.back()});
  }
  SampleResult result;
  compare_outputs(a, b, sample, result);
  if (options_.decisions && a[0]->shape() == b[0]->shape() && has_decisions(*a[0]) &&
      has_decisions(*b[0])) {
    result.decisions = compare_decisions(*a[0], *b[0]);
    result.classes = static_cast<uint64_t>(a[0]->shape().back());
    if (result.decisions.rows == 1) {
      result.worst.fp32_class = result.decisions.fp32_class;
      result.worst.quantized_class = result.decisions.quantized_class;
    }
  }
  if (pairs_.size() > 1 && position < CrossErrors::kSamples) {
    result.cross = CrossErrors::measure(a, b);
  }
  if (judge_ && result.other_shape.empty()) {
    result.score = judge_->score(named_a, named_b, sample);
  }
  result.hash = hash_of(sample, options_.unhashed);
  if (options_.keep_worst) {
    result.inputs = sample.inputs;
  }
  return result;
}

void Comparer::add(SampleResult&& result) {
  for (size_t k = 0; k < sums_.size(); ++k) {
    sums_[k].add(result.outputs[k]);
    const double sqnr = result.outputs[k].sqnr_db();
    if (sqnr < lowest_[k]) {
      lowest_[k] = sqnr;
      lowest_sample_[k] = result.worst.name;
    }
  }
  cross_.add(result.cross);
  decisions_.add(result.decisions);
  classes_ = std::max(classes_, result.classes);
  if (!result.other_shape.empty()) {
    if (result_.interface.shapes.empty()) {
      result_.interface.shapes = result.other_shape;
    }
  } else if (judge_) {
    result_.fp32_scores.push_back(std::move(result.score.fp32));
    result_.quantized_scores.push_back(std::move(result.score.quantized));
    const Flips& flips = result.score.flips;
    result_.flips.decided += flips.decided;
    result_.flips.fp32_correct += flips.fp32_correct;
    result_.flips.quantized_correct += flips.quantized_correct;
    result_.flips.broken += flips.broken;
    result_.flips.repaired += flips.repaired;
    result_.flips.wrong_to_wrong += flips.wrong_to_wrong;
  }
  result_.hashes.push_back(result.hash);
  result_.names.push_back(result.worst.name);
  worst_.add(std::move(result.worst), std::move(result.inputs));
  ++result_.samples;
}

Comparison Comparer::finish(SampleSource& source) {
  for (size_t k = 0; k < sums_.size(); ++k) {
    OutputError error = output_error(pairs_[k].name, sums_[k]);
    error.worst_sample = lowest_sample_[k];
    error.worst_sqnr_db = lowest_[k];
    result_.outputs.push_back(std::move(error));
  }
  if (pairs_.size() > 1) {
    result_.interface.exchanged = cross_.exchanged(pairs_);
  }
  if (decisions_.rows > 0) {
    result_.decisions = {.output = pairs_[0].name,
                         .rows = decisions_.rows,
                         .classes = classes_,
                         .top1_equal = decisions_.top1_equal,
                         .top5_equal = decisions_.top5_equal,
                         .mean_kl = decisions_.kl / static_cast<double>(decisions_.rows),
                         .max_kl = decisions_.max_kl,
                         .probabilities = decisions_.probabilities};
  }
  for (WorstSamples::Kept& kept : worst_.take()) {
    result_.worst.push_back(std::move(kept.sample));
    result_.worst_inputs.push_back(std::move(kept.inputs));
  }
  result_.task_form = judge_ ? judge_->form() : std::string();
  result_.warnings = source.warnings();
  return std::move(result_);
}

}  // namespace

Comparison compare_models(const Session& fp32, const Session& quantized, SampleSource& source,
                          const CompareOptions& options) {
  Comparer comparer(fp32, quantized, options);
  std::mutex mutex;
  size_t next = 0;
  size_t done = 0;
  size_t added = 0;
  std::map<size_t, SampleResult> waiting;  // finished before an earlier one
  const auto work = [&](size_t, int) {
    while (true) {
      std::optional<Sample> sample;
      size_t position = 0;
      {
        const std::lock_guard lock(mutex);
        if (options.stop != nullptr && options.stop->load()) {
          throw Error(ErrorCode::kInterrupted, fmt::format("interrupted after {} samples", done));
        }
        position = next++;
        sample = source.next();
      }
      if (!sample) {
        return;
      }
      SampleResult result = comparer.compare(*sample, position);
      const std::lock_guard lock(mutex);
      waiting.emplace(position, std::move(result));
      for (auto first = waiting.begin(); first != waiting.end() && first->first == added;
           first = waiting.begin(), ++added) {
        comparer.add(std::move(first->second));
        waiting.erase(first);
      }
      ++done;
      if (options.progress) {
        options.progress(done, source.size());
      }
    }
  };
  const int threads = resolve_threads(options.threads);
  parallel_for(static_cast<size_t>(threads), threads, work);
  return comparer.finish(source);
}

}  // namespace ptq

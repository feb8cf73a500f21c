// A causal language model: how well each token is predicted from those before it.

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "ptq/error.h"
#include "validate/decisions.h"
#include "validate/statistics.h"
#include "validate/task.h"

namespace ptq {
namespace {

// Elements of a score: sums over the predicted tokens of the sample.
enum : size_t { kNegativeLog, kRight, kTokens };

bool is_logits(const Tensor& tensor) {
  return has_decisions(tensor) && tensor.rank() == 3;
}

bool is_integer(const Tensor& tensor) {
  return tensor.dtype() == DType::kInt64 || tensor.dtype() == DType::kInt32;
}

// The ids that the model reads: `input_ids`, `tokens`, or its only integer input of rank 2.
const Tensor& token_ids(const Sample& sample) {
  const Tensor* only = nullptr;
  size_t found = 0;
  for (const auto& [name, tensor] : sample.inputs) {
    if (name == "input_ids" || name == "tokens") {
      return tensor;
    }
    if (is_integer(tensor) && tensor.rank() == 2 && name.find("mask") == std::string::npos) {
      only = &tensor;
      ++found;
    }
  }
  if (found != 1) {
    throw Error(ErrorCode::kInput,
                fmt::format("sample {}: task lm needs an input input_ids or tokens, or a single "
                            "integer input [B,T], found {} of them; give --labels",
                            printable(sample.origin), found));
  }
  return *only;
}

// The token that each position has to predict, -1 where none is: the label of the next position, or
// its id where the mask is not 0.
std::vector<int64_t> targets_of(const Sample& sample, int64_t ignored, int64_t batch,
                                int64_t length) {
  const Tensor& given = sample.target ? *sample.target : token_ids(sample);
  if (given.size() != batch * length) {
    throw Error(ErrorCode::kInput,
                fmt::format("sample {}: the logits are for [{},{}] tokens, the labels have shape "
                            "{}; task lm needs a label for each token",
                            printable(sample.origin), batch, length, shape_text(given.shape())));
  }
  const std::vector<int64_t> ids = to_int64s(given);
  std::vector<int64_t> mask;
  const auto attention = sample.inputs.find("attention_mask");
  if (attention != sample.inputs.end() && attention->second.size() == given.size() &&
      is_integer(attention->second)) {
    mask = to_int64s(attention->second);
  }
  std::vector<int64_t> targets(ids.size(), -1);
  for (size_t i = 0; i + 1 < ids.size(); ++i) {
    const bool last = (i + 1) % static_cast<size_t>(length) == 0;
    const bool padding = !mask.empty() && mask[i + 1] == 0;
    if (!last && !padding && ids[i + 1] != ignored && ids[i + 1] >= 0) {
      targets[i] = ids[i + 1];
    }
  }
  return targets;
}

struct Predicted {
  SampleScore score;
  std::vector<int64_t> classes;  // by position; -1 where nothing is predicted
};

Predicted score_tokens(const Tensor& logits, const std::vector<int64_t>& targets,
                       const Sample& sample) {
  const std::vector<float> values = to_floats(logits);
  const auto width = static_cast<size_t>(logits.shape().back());
  Predicted result{.score = SampleScore(3, 0.0),
                   .classes = std::vector<int64_t>(targets.size(), -1)};
  for (size_t t = 0; t < targets.size(); ++t) {
    if (targets[t] < 0) {
      continue;
    }
    if (static_cast<size_t>(targets[t]) >= width) {
      throw Error(ErrorCode::kInput,
                  fmt::format("sample {}: token {} at position {}, but the logits have {} classes",
                              printable(sample.origin), targets[t], t + 1, width));
    }
    const std::span<const float> row(values.data() + t * width, width);
    result.classes[t] = static_cast<int64_t>(arg_max(row));
    result.score[kNegativeLog] +=
        log_sum_exp(row) - static_cast<double>(row[static_cast<size_t>(targets[t])]);
    result.score[kRight] += result.classes[t] == targets[t] ? 1.0 : 0.0;
    result.score[kTokens] += 1.0;
  }
  return result;
}

class LanguageJudge : public TaskJudge {
 public:
  explicit LanguageJudge(const TaskOptions& options)
      : output_(options.output), ignored_(options.ignore_label.value_or(-100)) {}

  PairScore score(const RunOutputs& fp32, const RunOutputs& quantized,
                  const Sample& sample) const override {
    constexpr std::string_view kNeeded = "logits of shape [batch, tokens, vocabulary]";
    const Tensor& before = task_output(fp32, output_, is_logits, kNeeded, sample);
    const Tensor& after = task_output(quantized, output_, is_logits, kNeeded, sample);
    const std::vector<int64_t> targets =
        targets_of(sample, ignored_, before.shape()[0], before.shape()[1]);
    Predicted a = score_tokens(before, targets, sample);
    Predicted b = score_tokens(after, targets, sample);
    PairScore result{.fp32 = std::move(a.score), .quantized = std::move(b.score)};
    for (size_t t = 0; t < targets.size(); ++t) {
      if (targets[t] < 0) {
        continue;
      }
      const bool right = a.classes[t] == targets[t];
      const bool still = b.classes[t] == targets[t];
      ++result.flips.decided;
      result.flips.fp32_correct += right ? 1U : 0U;
      result.flips.quantized_correct += still ? 1U : 0U;
      result.flips.broken += right && !still ? 1U : 0U;
      result.flips.repaired += !right && still ? 1U : 0U;
      result.flips.wrong_to_wrong += !right && !still && a.classes[t] != b.classes[t] ? 1U : 0U;
    }
    return result;
  }

 private:
  std::string output_;
  int64_t ignored_;
};

double perplexity(std::span<const SampleScore> scores, SampleWeights weights) {
  return std::exp(weighted_sum(scores, weights, kNegativeLog) /
                  weighted_sum(scores, weights, kTokens));
}

double token_accuracy(std::span<const SampleScore> scores, SampleWeights weights) {
  return 100.0 * weighted_sum(scores, weights, kRight) / weighted_sum(scores, weights, kTokens);
}

// By the delta method on the difference of the mean log-likelihoods, samples weighted by their
// tokens: perplexity · deviation of the differences / √n.
double perplexity_error(std::span<const SampleScore> fp32, std::span<const SampleScore> quantized) {
  const double tokens = weighted_sum(fp32, {}, kTokens);
  const auto samples = static_cast<double>(fp32.size());
  std::vector<double> differences;
  for (size_t i = 0; i < fp32.size(); ++i) {
    const double log = quantized[i][kNegativeLog] - fp32[i][kNegativeLog];
    differences.push_back(log * samples / tokens);
  }
  const double mean = mean_error(differences).mean;
  for (size_t i = 0; i < fp32.size(); ++i) {
    // A ratio of sums: a longer sample is expected to differ by more.
    differences[i] -= mean * (fp32[i][kTokens] * samples / tokens - 1.0);
  }
  return perplexity(quantized, {}) * mean_error(differences).standard_error;
}

constexpr std::array<MetricRow, 2> kMetrics = {{
    {.name = "perplexity",
     .title = "token perplexity",
     .unit = "",
     .higher_is_better = false,
     .value = &perplexity,
     .standard_error = &perplexity_error},
    {.name = "token_accuracy",
     .title = "next-token accuracy",
     .unit = "%",
     .value = &token_accuracy},
}};

}  // namespace

constinit const TaskRow kLanguageTask = {
    .name = "lm",
    .summary = "next tokens, of --labels or of the input: perplexity, token_accuracy",
    .labels = LabelForm::kOptionalTensor,
    .decisions = true,
    .make = [](const TaskOptions& options) -> std::unique_ptr<TaskJudge> {
      return std::make_unique<LanguageJudge>(options);
    },
    .metrics = kMetrics};

}  // namespace ptq

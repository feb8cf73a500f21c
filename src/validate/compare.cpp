#include "validate/compare.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <map>
#include <mutex>

#include <fmt/format.h>

#include "core/parallel.h"
#include "ptq/error.h"

namespace ptq {
namespace {

// Sums over the values of one output of one sample.
struct OutputSums {
  double signal = 0.0;     // Σ x²
  double noise = 0.0;      // Σ (x − x̂)²
  double dot = 0.0;        // Σ x·x̂
  double quantized = 0.0;  // Σ x̂²
  double abs = 0.0;        // Σ |x − x̂|
  double max_abs = 0.0;
  uint64_t count = 0;
  uint64_t nonfinite = 0;

  void add(const OutputSums& other) {
    signal += other.signal;
    noise += other.noise;
    dot += other.dot;
    quantized += other.quantized;
    abs += other.abs;
    max_abs = std::max(max_abs, other.max_abs);
    count += other.count;
    nonfinite += other.nonfinite;
  }
};

struct SampleResult {
  std::vector<OutputSums> outputs;
  Agreement agreement;
  std::optional<int64_t> label;
  int64_t fp32_class = -1;
  int64_t quantized_class = -1;
};

OutputSums compare_values(const Tensor& reference, const Tensor& other) {
  const std::vector<float> x = to_floats(reference);
  const std::vector<float> y = to_floats(other);
  OutputSums sums;
  sums.count = x.size();
  for (size_t i = 0; i < x.size(); ++i) {
    const auto a = static_cast<double>(x[i]);
    const auto b = static_cast<double>(y[i]);
    if (!std::isfinite(b)) {
      ++sums.nonfinite;
    }
    const double error = a - b;
    sums.signal += a * a;
    sums.noise += error * error;
    sums.dot += a * b;
    sums.quantized += b * b;
    sums.abs += std::abs(error);
    sums.max_abs = std::max(sums.max_abs, std::abs(error));
  }
  return sums;
}

// First index of the largest value in each row along the last axis; NaN never wins.
std::vector<int64_t> arg_max_rows(const Tensor& tensor) {
  const std::vector<float> values = to_floats(tensor);
  const auto width = static_cast<size_t>(tensor.shape().back());
  std::vector<int64_t> out;
  for (size_t row = 0; width > 0 && row + width <= values.size(); row += width) {
    size_t best = 0;
    for (size_t i = 1; i < width; ++i) {
      if (values[row + i] > values[row + best] || std::isnan(values[row + best])) {
        best = i;
      }
    }
    out.push_back(static_cast<int64_t>(best));
  }
  return out;
}

bool is_numeric(DType dtype) {
  return bit_width(dtype) >= 8 && bit_width(dtype) <= 64;
}

SampleResult compare_sample(const Session& fp32, const Session& quantized, const Sample& sample) {
  const std::vector<Tensor> reference = fp32.run(sample.inputs);
  const std::vector<Tensor> other = quantized.run(sample.inputs);
  SampleResult result{.outputs = {}, .agreement = {}, .label = sample.label};
  for (size_t k = 0; k < reference.size(); ++k) {
    if (reference[k].shape() != other[k].shape()) {
      throw Error(
          ErrorCode::kInput,
          fmt::format("output {} has shape {} in the FP32 model and {} in the quantized one "
                      "(sample {})",
                      printable(fp32.outputs()[k].name), shape_text(reference[k].shape()),
                      shape_text(other[k].shape()), printable(sample.origin)));
    }
    result.outputs.push_back(
        is_numeric(reference[k].dtype()) ? compare_values(reference[k], other[k]) : OutputSums{});
  }
  const bool has_rows = !reference.empty() && is_numeric(reference[0].dtype()) &&
                        reference[0].rank() >= 2 && reference[0].shape().back() > 1;
  if (has_rows) {
    const std::vector<int64_t> a = arg_max_rows(reference[0]);
    const std::vector<int64_t> b = arg_max_rows(other[0]);
    result.agreement.decisions = a.size();
    for (size_t i = 0; i < a.size(); ++i) {
      result.agreement.equal += a[i] == b[i] ? 1U : 0U;
    }
    if (a.size() == 1) {
      result.fp32_class = a[0];
      result.quantized_class = b[0];
    }
  }
  return result;
}

void check_same_interface(const Session& fp32, const Session& quantized) {
  const auto names = [](const std::vector<ValueInfo>& values) {
    std::string text;
    for (const ValueInfo& value : values) {
      text += (text.empty() ? "" : ", ") + printable(value.name);
    }
    return text;
  };
  for (const bool inputs : {true, false}) {
    const std::string a = names(inputs ? fp32.inputs() : fp32.outputs());
    const std::string b = names(inputs ? quantized.inputs() : quantized.outputs());
    if (a != b) {
      throw Error(
          ErrorCode::kInput,
          fmt::format("the two models differ in their {}: FP32 has [{}], quantized has [{}]",
                      inputs ? "inputs" : "outputs", a, b));
    }
  }
}

void add_label(const SampleResult& result, LabelScore& score) {
  if (result.fp32_class < 0) {
    throw Error(ErrorCode::kInput,
                "labels need a first output of shape [1, classes]; this model has none");
  }
  const bool fp32_right = result.fp32_class == *result.label;
  const bool quantized_right = result.quantized_class == *result.label;
  ++score.samples;
  score.fp32_correct += fp32_right ? 1U : 0U;
  score.quantized_correct += quantized_right ? 1U : 0U;
  score.broken += fp32_right && !quantized_right ? 1U : 0U;
  score.repaired += !fp32_right && quantized_right ? 1U : 0U;
}

OutputError finish(const std::string& name, const OutputSums& sums) {
  OutputError error{.name = name};
  error.sqnr_db = sums.noise == 0.0 ? std::numeric_limits<double>::infinity()
                                    : 10.0 * std::log10(sums.signal / sums.noise);
  const double norm = std::sqrt(sums.signal * sums.quantized);
  error.cosine = norm > 0.0 ? sums.dot / norm : 1.0;
  error.max_abs = sums.max_abs;
  error.mean_abs = sums.count > 0 ? sums.abs / static_cast<double>(sums.count) : 0.0;
  error.nonfinite = sums.nonfinite;
  return error;
}

}  // namespace

Validation compare_models(const Session& fp32, const Session& quantized, SampleSource& source,
                          const CompareOptions& options) {
  check_same_interface(fp32, quantized);
  const size_t total = source.size();
  std::vector<SampleResult> results(total);
  std::mutex mutex;
  size_t next = 0;
  size_t done = 0;
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
        if (position < total) {
          sample = source.next();
        }
      }
      if (!sample) {
        return;
      }
      results[position] = compare_sample(fp32, quantized, *sample);
      const std::lock_guard lock(mutex);
      ++done;
      if (options.progress) {
        options.progress(done, total);
      }
    }
  };
  const int threads = resolve_threads(options.threads);
  parallel_for(static_cast<size_t>(threads), threads, work);

  Validation validation{.samples = total};
  std::vector<OutputSums> sums(fp32.outputs().size());
  Agreement agreement;
  LabelScore labels;
  for (const SampleResult& result : results) {
    for (size_t k = 0; k < result.outputs.size(); ++k) {
      sums[k].add(result.outputs[k]);
    }
    agreement.decisions += result.agreement.decisions;
    agreement.equal += result.agreement.equal;
    if (result.label) {
      add_label(result, labels);
    }
  }
  for (size_t k = 0; k < sums.size(); ++k) {
    validation.outputs.push_back(finish(fp32.outputs()[k].name, sums[k]));
  }
  if (agreement.decisions > 0) {
    validation.agreement = agreement;
  }
  if (labels.samples > 0) {
    validation.labels = labels;
  }
  validation.warnings = source.warnings();
  return validation;
}

}  // namespace ptq

#include "data/data_summary.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include <fmt/format.h>

#include "data/findings.h"
#include "data/sample_check.h"

namespace ptq {
namespace {

// All elements as double.
std::vector<double> to_doubles(const Tensor& tensor) {
  switch (tensor.dtype()) {
    case DType::kDouble: {
      const std::span<const double> values = tensor.data<double>();
      return {values.begin(), values.end()};
    }
    case DType::kUint64: {
      const std::span<const uint64_t> values = tensor.data<uint64_t>();
      return {values.begin(), values.end()};
    }
    case DType::kFloat:
    case DType::kFloat16:
    case DType::kBfloat16: {
      const std::vector<float> values = to_floats(tensor);
      return {values.begin(), values.end()};
    }
    default: {
      const std::vector<int64_t> values = to_int64s(tensor);
      return {values.begin(), values.end()};
    }
  }
}

void count_shape(const Shape& shape, InputSummary& input) {
  const auto found = std::ranges::find(input.shapes, shape, &std::pair<Shape, uint64_t>::first);
  if (found != input.shapes.end()) {
    ++found->second;
  } else if (input.shapes.size() < InputSummary::kMaxShapes) {
    input.shapes.emplace_back(shape, 1);
  } else {
    ++input.other_shape_samples;
  }
}

}  // namespace

DataSummary::DataSummary(const std::vector<InputSpec>& inputs)
    : sums_(inputs.size(), 0.0), not_finite_(inputs.size()) {
  for (const InputSpec& spec : inputs) {
    InputSummary input;
    input.name = spec.name;
    input.dtype = spec.dtype;
    input.declared = spec.shape;
    input.has_declared_shape = spec.has_shape;
    check_.inputs.push_back(std::move(input));
  }
}

void DataSummary::add(const Sample& sample) {
  for (size_t i = 0; i < check_.inputs.size(); ++i) {
    InputSummary& input = check_.inputs[i];
    const auto found = sample.inputs.find(input.name);
    if (found == sample.inputs.end()) {
      continue;
    }
    const Tensor& tensor = found->second;
    input.dtype = tensor.dtype();
    ++input.samples;
    count_shape(tensor.shape(), input);
    const std::vector<double> values = to_doubles(tensor);
    const uint64_t before = input.nonfinite_values;
    for (const double value : values) {
      if (!std::isfinite(value)) {
        ++input.nonfinite_values;
        continue;
      }
      input.min = input.values == 0 ? value : std::min(input.min, value);
      input.max = input.values == 0 ? value : std::max(input.max, value);
      sums_[i] += value;
      ++input.values;
    }
    if (input.nonfinite_values > before && ++not_finite_[i].samples == 1) {
      not_finite_[i].first_origin = sample.origin;
    }
    const bool constant = values.size() > 1 && std::ranges::all_of(values, [&](double value) {
                            return value == values.front();
                          });
    input.constant_samples += constant ? 1 : 0;
  }
  hashes_.push_back(sample_hash(sample));
  const auto [first, is_new] = origins_.emplace(hashes_.back(), sample.origin);
  if (!is_new && ++check_.duplicates == 1) {
    first_duplicate_ = fmt::format("{} is {}", sample.origin, first->second);
  }
  check_.files += sample.sequence != last_sequence_ ? 1 : 0;
  last_sequence_ = sample.sequence;
  ++check_.strata[sample.stratum];
  ++check_.samples;
}

DataCheck DataSummary::result() const {
  DataCheck check = check_;
  check.fingerprint = multiset_fingerprint(hashes_);
  const auto report = [&check](DataFinding finding, const std::string& message) {
    const std::string text = with_code(finding, message);
    const DataFindingRow* row = finding_of(text);
    check.findings.push_back({std::string(row->code), std::string(row->severity), text});
  };
  for (size_t i = 0; i < check.inputs.size(); ++i) {
    InputSummary& input = check.inputs[i];
    input.mean = input.values == 0 ? 0.0 : sums_[i] / static_cast<double>(input.values);
    if (input.nonfinite_values > 0) {
      report(DataFinding::kNotFinite,
             fmt::format("input '{}' holds {} NaN or infinite value(s) in {} sample(s), the first "
                         "is {}; check the preprocessing or leave them out",
                         printable(input.name), input.nonfinite_values, not_finite_[i].samples,
                         printable(not_finite_[i].first_origin)));
    }
  }
  if (check.duplicates > 0) {
    report(DataFinding::kDuplicates,
           fmt::format("{} of {} samples equal an earlier one, the first: {}", check.duplicates,
                       check.samples, printable(first_duplicate_)));
  }
  return check;
}

}  // namespace ptq

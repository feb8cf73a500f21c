#include "data/token_line.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "data/array_fit.h"
#include "data/findings.h"
#include "data/sample_check.h"
#include "data/token_values.h"
#include "ptq/error.h"

namespace ptq {
namespace {

constexpr std::string_view kIds = "input_ids";

[[noreturn]] void refuse_usage(std::string_view message) {
  throw Error(ErrorCode::kUsage, with_code(DataFinding::kBadArgument, message));
}

bool changes_length(const DataOptions& options) {
  return options.pad_to > 0 || options.truncate > 0;
}

// The input that holds the ids: input_ids, or the only one; null when it is not known.
const InputSpec* ids_input(const std::vector<InputSpec>& inputs) {
  const auto named = std::ranges::find(inputs, kIds, &InputSpec::name);
  if (named != inputs.end()) {
    return &*named;
  }
  return inputs.size() == 1 ? inputs.data() : nullptr;
}

bool is_optional(const InputSpec& spec, const DataOptions& options) {
  return std::ranges::find(options.optional_inputs, spec.name) != options.optional_inputs.end();
}

template <typename T>
Tensor integers(const InputSpec& spec, const JsonNumbers& numbers, const std::string& where) {
  Tensor tensor(spec.dtype, numbers.shape);
  const std::span<T> out = tensor.mutable_data<T>();
  const auto limit = static_cast<double>(std::numeric_limits<T>::max());
  for (size_t i = 0; i < out.size(); ++i) {
    if (numbers.values[i] > limit) {
      refuse_data(DataFinding::kIdOutOfRange, where,
                  fmt::format("'{}' holds {:.0f}, which {} cannot hold", printable(spec.name),
                              numbers.values[i], dtype_name(spec.dtype)));
    }
    out[i] = static_cast<T>(numbers.values[i]);
  }
  return tensor;
}

template <typename T>
Tensor reals(const InputSpec& spec, const JsonNumbers& numbers, const std::string& where) {
  Tensor tensor(spec.dtype, numbers.shape);
  const std::span<T> out = tensor.mutable_data<T>();
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] = static_cast<T>(numbers.values[i]);
    if (!std::isfinite(out[i])) {
      refuse_data(DataFinding::kNotFinite, where,
                  fmt::format("'{}' holds {}, which {} cannot hold", printable(spec.name),
                              numbers.values[i], dtype_name(spec.dtype)));
    }
  }
  return tensor;
}

// Numbers in JSON have no type: they become that of the input where it can hold them.
Tensor to_tensor(const InputSpec& spec, const JsonNumbers& numbers, const std::string& where) {
  const bool floating = spec.dtype == DType::kFloat || spec.dtype == DType::kDouble;
  if (!floating && !numbers.integral) {
    refuse_data(DataFinding::kWrongType, where,
                fmt::format("'{}' holds a number with a fraction, but the input is {}",
                            printable(spec.name), dtype_name(spec.dtype)));
  }
  switch (spec.dtype) {
    case DType::kInt64:
      return integers<int64_t>(spec, numbers, where);
    case DType::kInt32:
      return integers<int32_t>(spec, numbers, where);
    case DType::kInt16:
      return integers<int16_t>(spec, numbers, where);
    case DType::kInt8:
      return integers<int8_t>(spec, numbers, where);
    case DType::kUint64:
      return integers<uint64_t>(spec, numbers, where);
    case DType::kUint32:
      return integers<uint32_t>(spec, numbers, where);
    case DType::kUint16:
      return integers<uint16_t>(spec, numbers, where);
    case DType::kUint8:
      return integers<uint8_t>(spec, numbers, where);
    case DType::kBool:
      return integers<bool>(spec, numbers, where);
    case DType::kFloat:
      return reals<float>(spec, numbers, where);
    case DType::kDouble:
      return reals<double>(spec, numbers, where);
    default:
      refuse_data(DataFinding::kWrongType, where,
                  fmt::format("input {} cannot be fed from .jsonl; save an .npz", spec_text(spec)));
  }
}

// Cuts and fills axis 0.
void fit_length(JsonNumbers& numbers, int64_t cut, int64_t length, double fill,
                const std::string& where) {
  constexpr uint64_t kMaxValues = uint64_t{1} << 28;
  size_t row = 1;
  for (size_t axis = 1; axis < numbers.shape.size(); ++axis) {
    row *= static_cast<size_t>(numbers.shape[axis]);
  }
  if (row > kMaxValues / static_cast<uint64_t>(length)) {
    refuse_data(
        DataFinding::kImpossibleSize, where,
        fmt::format("{} rows of {} values are more than the limit of {}", length, row, kMaxValues));
  }
  numbers.values.resize(static_cast<size_t>(cut) * row);
  numbers.values.resize(static_cast<size_t>(length) * row, fill);
  numbers.shape[0] = length;
}

void apply_length_options(std::map<std::string, JsonNumbers>& values, const InputSpec& ids,
                          const DataOptions& options, const std::string& where) {
  const auto found = values.find(ids.name);
  if (found == values.end() || found->second.shape.empty()) {
    refuse_data(
        DataFinding::kMissingInput, where,
        fmt::format("expected a list of ids under '{}' to pad or truncate", printable(ids.name)));
  }
  const int64_t given = found->second.shape[0];
  const int64_t cut = options.truncate > 0 ? std::min(given, options.truncate) : given;
  if (options.pad_to > 0 && cut > options.pad_to) {
    refuse_data(DataFinding::kRagged, where,
                fmt::format("{} ids do not fit --pad-to {}; add --truncate {}", cut, options.pad_to,
                            options.pad_to));
  }
  const int64_t length = options.pad_to > 0 ? options.pad_to : cut;
  for (auto& [name, numbers] : values) {
    if (numbers.shape.empty()) {
      continue;
    }
    if (numbers.shape[0] != given) {
      refuse_data(DataFinding::kRagged, where,
                  fmt::format("'{}' has {} elements beside {} ids, so it cannot be padded or "
                              "truncated with them; do that in the file",
                              printable(name), numbers.shape[0], given));
    }
    const int64_t fill = name == ids.name ? options.pad_id.value_or(0) : 0;
    fit_length(numbers, cut, length, static_cast<double>(fill), where);
  }
}

// Masks and segments go with the ids one by one, in every model.
void check_companions(const std::map<std::string, JsonNumbers>& values, const std::string& where) {
  const auto ids = values.find(std::string(kIds));
  for (const char* name : {"attention_mask", "token_type_ids"}) {
    const auto companion = values.find(name);
    if (ids != values.end() && companion != values.end() &&
        companion->second.shape.size() == ids->second.shape.size() &&
        companion->second.shape != ids->second.shape) {
      refuse_data(
          DataFinding::kRagged, where,
          fmt::format("'{}' has shape {}, but '{}' has {}", name,
                      shape_text(companion->second.shape), kIds, shape_text(ids->second.shape)));
    }
  }
}

// The tensor with its sample axis, and how many rows the model takes of it.
std::pair<Tensor, int64_t> as_row(const InputSpec& spec, Tensor tensor, const std::string& where) {
  const auto rank = static_cast<size_t>(tensor.rank());
  const bool add_axis = !spec.has_shape || rank + 1 == spec.shape.size();
  Shape wanted = spec.shape;
  int64_t batch = 1;
  if (add_axis) {
    Shape shape = tensor.shape();
    shape.insert(shape.begin(), 1);
    tensor = tensor.reshaped(std::move(shape));
    if (spec.has_shape && wanted[0] > 1) {
      batch = std::exchange(wanted[0], 1);
    }
  }
  bool fits = !spec.has_shape || tensor.shape().size() == wanted.size();
  for (size_t i = 0; spec.has_shape && fits && i < wanted.size(); ++i) {
    fits = wanted[i] < 0 || wanted[i] == tensor.shape()[i];
  }
  if (!fits) {
    refuse_data(DataFinding::kWrongShape, where,
                fmt::format("expected shape {} for input '{}', found {}; lists of ids are brought "
                            "to one length with --pad-id N --pad-to N --truncate N",
                            shape_text(wanted), printable(spec.name), shape_text(tensor.shape())));
  }
  return {std::move(tensor), batch};
}

[[noreturn]] void refuse_missing(const InputSpec& spec, const std::vector<InputSpec>& inputs,
                                 const std::vector<std::string>& keys, const std::string& where) {
  std::string found;
  for (size_t i = 0; i < std::min<size_t>(keys.size(), 8); ++i) {
    found += fmt::format("{}'{}'", i == 0 ? "" : ", ", printable(keys[i], 40));
  }
  refuse_data(DataFinding::kMissingInput, where,
              fmt::format("no key for model input '{}': expected {}, found {}; add \"{}\":[...] to "
                          "each line",
                          printable(spec.name), specs_text(inputs),
                          found.empty() ? std::string("none") : found, printable(spec.name)));
}

int64_t label_of(const std::map<std::string, JsonNumbers>& values, const std::string& key,
                 const std::string& where) {
  const auto found = values.find(key);
  if (found == values.end() || !found->second.integral || !found->second.shape.empty()) {
    refuse_data(DataFinding::kBadLabels, where,
                fmt::format("expected an integer label under '{}'", printable(key)));
  }
  return static_cast<int64_t>(found->second.values[0]);
}

}  // namespace

void check_token_options(const std::vector<InputSpec>& inputs, const DataOptions& options) {
  if (options.pad_id.has_value() != (options.pad_to > 0)) {
    refuse_usage(options.pad_id ? "--pad-id needs --pad-to, the length to fill up to"
                                : "--pad-to needs --pad-id, the id to fill up with");
  }
  constexpr int64_t kMaxId = int64_t{1} << 53;
  if (options.pad_id && (*options.pad_id < 0 || *options.pad_id > kMaxId)) {
    refuse_usage(fmt::format("--pad-id {} is no id", *options.pad_id));
  }
  if (options.pad_to > 0 && options.truncate > options.pad_to) {
    refuse_usage(fmt::format("--truncate {} leaves more than --pad-to {}; make it at most that",
                             options.truncate, options.pad_to));
  }
  constexpr int64_t kMaxLength = int64_t{1} << 24;
  if (options.pad_to > kMaxLength) {
    refuse_usage(fmt::format("--pad-to {} is above the limit of {}", options.pad_to, kMaxLength));
  }
  if (changes_length(options) && ids_input(inputs) == nullptr) {
    refuse_usage(fmt::format(
        "--pad-to and --truncate need to know which input holds the ids: none of several is named "
        "input_ids ({}); pad in the file",
        specs_text(inputs)));
  }
}

TokenRow parse_token_line(std::string_view line, const std::vector<InputSpec>& inputs,
                          const DataOptions& options, const std::string& where) {
  std::vector<std::string> wanted;
  for (const InputSpec& spec : inputs) {
    wanted.push_back(spec.name);
  }
  if (!options.label_key.empty()) {
    wanted.push_back(options.label_key);
  }
  std::vector<std::string> keys;
  std::map<std::string, JsonNumbers> values = parse_json_numbers(line, wanted, keys, where);
  TokenRow row;
  if (!options.label_key.empty()) {
    row.label = label_of(values, options.label_key, where);
    if (std::ranges::find(inputs, options.label_key, &InputSpec::name) == inputs.end()) {
      values.erase(options.label_key);
    }
  }
  check_companions(values, where);
  if (changes_length(options)) {
    apply_length_options(values, *ids_input(inputs), options, where);
  }
  for (const InputSpec& spec : inputs) {
    const auto found = values.find(spec.name);
    if (found == values.end()) {
      if (is_optional(spec, options)) {
        continue;
      }
      refuse_missing(spec, inputs, keys, where);
    }
    auto [tensor, batch] = as_row(spec, to_tensor(spec, found->second, where), where);
    check_ids(spec, tensor, 0, where);
    row.batch = std::max(row.batch, batch);
    row.inputs.emplace(spec.name, std::move(tensor));
  }
  return row;
}

}  // namespace ptq

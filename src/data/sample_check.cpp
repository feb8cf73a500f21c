#include "data/sample_check.h"

#include <algorithm>
#include <cstring>
#include <span>

#include <fmt/format.h>

#include "core/input_hash.h"
#include "data/findings.h"
#include "ptq/error.h"

namespace ptq {
namespace {

constexpr int64_t kFewSamples = 16;  // below it, ranges and rates say little

// Index of the first element whose exponent bits are all ones. Whole blocks are scanned without a
// branch, so that the compiler can vectorize.
template <typename Bits>
std::optional<int64_t> find_all_ones_exponent(std::span<const std::byte> bytes, Bits exponent) {
  constexpr size_t kBlock = 1024;
  const size_t count = bytes.size() / sizeof(Bits);
  Bits block[kBlock];
  for (size_t begin = 0; begin < count; begin += kBlock) {
    const size_t size = std::min(kBlock, count - begin);
    std::memcpy(block, bytes.data() + begin * sizeof(Bits), size * sizeof(Bits));
    unsigned found = 0;
    for (size_t i = 0; i < size; ++i) {
      found |= (block[i] & exponent) == exponent ? 1U : 0U;
    }
    for (size_t i = 0; found != 0 && i < size; ++i) {
      if ((block[i] & exponent) == exponent) {
        return static_cast<int64_t>(begin + i);
      }
    }
  }
  return std::nullopt;
}

// Index as numpy writes it, "[17,0,3,5]"; the first coordinate counts rows of the whole array.
std::string index_text(const Shape& shape, int64_t flat, int64_t first_row) {
  Shape index(shape.size(), 0);
  for (size_t axis = shape.size(); axis-- > 0;) {
    index[axis] = flat % shape[axis];
    flat /= shape[axis];
  }
  if (!index.empty()) {
    index[0] += first_row;
  }
  return shape_text(index);
}

bool is_floating(DType dtype) {
  return dtype == DType::kFloat || dtype == DType::kDouble || dtype == DType::kFloat16 ||
         dtype == DType::kBfloat16;
}

// One value throughout: the bytes equal themselves shifted by one element.
bool is_constant(const Tensor& tensor) {
  const std::span<const std::byte> bytes = tensor.bytes();
  const auto item = static_cast<size_t>(bit_width(tensor.dtype()) / 8);
  return tensor.size() > 1 &&
         std::memcmp(bytes.data(), bytes.data() + item, bytes.size() - item) == 0;
}

bool same_tensor(const Tensor& a, const Tensor& b) {
  return a.dtype() == b.dtype() && a.shape() == b.shape() &&
         std::equal(a.bytes().begin(), a.bytes().end(), b.bytes().begin(), b.bytes().end());
}

}  // namespace

std::optional<int64_t> find_nonfinite(const Tensor& tensor) {
  switch (tensor.dtype()) {
    case DType::kFloat:
      return find_all_ones_exponent<uint32_t>(tensor.bytes(), 0x7f800000U);
    case DType::kDouble:
      return find_all_ones_exponent<uint64_t>(tensor.bytes(), 0x7ff0000000000000U);
    case DType::kFloat16:
      return find_all_ones_exponent<uint16_t>(tensor.bytes(), 0x7c00U);
    case DType::kBfloat16:
      return find_all_ones_exponent<uint16_t>(tensor.bytes(), 0x7f80U);
    default:
      return std::nullopt;
  }
}

void check_values(const Tensor& tensor, int64_t first_row, bool allow_nonfinite,
                  std::string_view where) {
  if (tensor.dtype() == DType::kBool) {
    const std::span<const std::byte> bytes = tensor.bytes();
    const auto bad = std::find_if(bytes.begin(), bytes.end(),
                                  [](std::byte each) { return each > std::byte{1}; });
    if (bad != bytes.end()) {
      refuse_data(DataFinding::kBadValue, where,
                  fmt::format("expected bool bytes 0 or 1, found {} at index {}; the file is "
                              "damaged",
                              std::to_integer<int>(*bad),
                              index_text(tensor.shape(), bad - bytes.begin(), first_row)));
    }
  }
  const std::optional<int64_t> bad = allow_nonfinite ? std::nullopt : find_nonfinite(tensor);
  if (bad) {
    refuse_data(DataFinding::kNotFinite, where,
                fmt::format("expected finite numbers, found NaN or infinity at index {}; check "
                            "the preprocessing or leave that sample out",
                            index_text(tensor.shape(), *bad, first_row)));
  }
}

void check_ids(const InputSpec& spec, const Tensor& tensor, int64_t first_row,
               std::string_view where) {
  if (spec.id_limit <= 0 || (tensor.dtype() != DType::kInt64 && tensor.dtype() != DType::kInt32)) {
    return;
  }
  const std::vector<int64_t> ids = to_int64s(tensor);
  const auto bad = std::ranges::find_if(
      ids, [&spec](int64_t id) { return id >= spec.id_limit || id < -spec.id_limit; });
  if (bad != ids.end()) {
    refuse_data(
        DataFinding::kIdOutOfRange, where,
        fmt::format("input '{}' has the id {} at index {}, but the model's table has {} "
                    "rows; is it the right tokenizer?",
                    printable(spec.name), *bad,
                    index_text(tensor.shape(), bad - ids.begin(), first_row), spec.id_limit));
  }
}

Digest sample_hash(const Sample& sample) {
  return input_hash(sample.inputs);
}

void SampleOddities::add(const Sample& sample) {
  for (const auto& [name, tensor] : sample.inputs) {
    if (is_floating(tensor.dtype()) && is_constant(tensor)) {
      ConstantCount& count = constant_[name];
      if (++count.samples == 1) {
        count.first_origin = sample.origin;
      }
    }
  }
  if (samples_ == 0) {
    first_ = sample;
  } else if (all_identical_) {
    all_identical_ = std::equal(first_.inputs.begin(), first_.inputs.end(), sample.inputs.begin(),
                                sample.inputs.end(), [](const auto& a, const auto& b) {
                                  return a.first == b.first && same_tensor(a.second, b.second);
                                });
    if (!all_identical_) {
      first_ = Sample();  // its memory is needed no more
    }
  }
  ++samples_;
}

std::vector<std::string> SampleOddities::warnings() const {
  std::vector<std::string> result;
  if (samples_ < kFewSamples) {
    result.push_back(
        with_code(DataFinding::kFewSamples,
                  fmt::format("only {} sample{}: results from fewer than {} seldom hold; 100 to "
                              "500 that look like production are advised",
                              samples_, samples_ == 1 ? "" : "s", kFewSamples)));
  }
  if (samples_ > 1 && all_identical_) {
    result.push_back(
        with_code(DataFinding::kAllIdentical,
                  fmt::format("all {} samples are identical; one would tell as much, give samples "
                              "that differ",
                              samples_)));
  }
  for (const auto& [name, count] : constant_) {
    result.push_back(with_code(
        DataFinding::kConstantInput,
        fmt::format("input '{}' has one value throughout in {} of {} samples, the first "
                    "is {}; is it blank or padding?",
                    printable(name), count.samples, samples_, printable(count.first_origin))));
  }
  return result;
}

}  // namespace ptq

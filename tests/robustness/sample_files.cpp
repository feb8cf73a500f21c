#include "robustness/sample_files.h"

#include <fstream>
#include <random>

#include <fmt/format.h>

#include "ptq/error.h"

namespace ptq::testing {
namespace {

template <typename T, typename Distribution>
Tensor filled(const Shape& shape, Distribution distribution, std::mt19937& generator) {
  std::vector<T> values(static_cast<size_t>(element_count(shape)));
  for (T& value : values) {
    value = static_cast<T>(distribution(generator));
  }
  return Tensor::from<T>(shape, values);
}

// Integers of any width as little-endian bytes.
Tensor filled_integers(DType dtype, const Shape& shape, int64_t below, std::mt19937& generator) {
  Tensor tensor(dtype, shape);
  const size_t width = static_cast<size_t>(bit_width(dtype)) / 8;
  const std::span<std::byte> bytes = tensor.mutable_bytes();
  for (size_t i = 0; width > 0 && i + width <= bytes.size(); i += width) {
    bytes[i] = static_cast<std::byte>(generator() % static_cast<uint64_t>(below));
  }
  return tensor;
}

// Halves and bfloat16 in ±[1, 2): the exponent of 1, random sign and fraction.
Tensor filled_halves(DType dtype, const Shape& shape, std::mt19937& generator) {
  Tensor tensor(dtype, shape);
  const std::span<std::byte> bytes = tensor.mutable_bytes();
  for (size_t i = 0; i + 1 < bytes.size(); i += 2) {
    const auto random = static_cast<uint32_t>(generator());
    bytes[i] = static_cast<std::byte>(random & 0xFFU);
    const uint32_t one = dtype == DType::kFloat16 ? 0x3CU : 0x3FU;
    bytes[i + 1] = static_cast<std::byte>(one | (random >> 8U & 0x80U));
  }
  return tensor;
}

Tensor make_tensor(DType dtype, const Shape& shape, int64_t int_below, std::mt19937& generator) {
  switch (dtype) {
    case DType::kFloat:
      return filled<float>(shape, std::normal_distribution<float>(), generator);
    case DType::kDouble:
      return filled<double>(shape, std::normal_distribution<double>(), generator);
    case DType::kFloat16:
    case DType::kBfloat16:
      return filled_halves(dtype, shape, generator);
    case DType::kBool:
      return filled_integers(dtype, shape, 2, generator);
    case DType::kUint8:
    case DType::kInt8:
    case DType::kUint16:
    case DType::kInt16:
    case DType::kInt32:
    case DType::kInt64:
    case DType::kUint32:
    case DType::kUint64:
      return filled_integers(dtype, shape, int_below, generator);
    default:
      throw Error(ErrorCode::kInput, "no samples of this type");
  }
}

void put_varint(std::string& out, uint64_t value) {
  while (value > 0x7F) {
    out += static_cast<char>((value & 0x7FU) | 0x80U);
    value >>= 7U;
  }
  out += static_cast<char>(value);
}

// A serialized TensorProto: dims = 1, data_type = 2, name = 8, raw_data = 9 (onnx.proto).
std::string tensor_message(const std::string& name, const Tensor& tensor) {
  std::string out;
  for (const int64_t dim : tensor.shape()) {
    put_varint(out += '\x08', static_cast<uint64_t>(dim));
  }
  put_varint(out += '\x10', static_cast<uint64_t>(tensor.dtype()));
  put_varint(out += '\x42', name.size());
  out += name;
  const std::span<const std::byte> bytes = tensor.bytes();
  put_varint(out += '\x4a', bytes.size());
  out.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return out;
}

}  // namespace

const std::vector<Guess>& guesses() {
  static const std::vector<Guess> kGuesses = {{2, 2}, {1, 2}, {3, 3},  {4, 1},
                                              {8, 2}, {1, 1}, {16, 4}, {224, 2}};
  return kGuesses;
}

Feeds make_feeds(const std::vector<ValueInfo>& inputs, const Guess& guess, uint32_t seed) {
  std::mt19937 generator(seed);
  Feeds feeds;
  for (const ValueInfo& input : inputs) {
    Shape shape = input.has_shape ? input.shape : Shape{guess.dim};
    for (int64_t& dim : shape) {
      dim = dim < 0 ? guess.dim : dim;
    }
    if (element_count(shape) > int64_t{1} << 26) {
      throw Error(ErrorCode::kInput, "an input is too large for a test");
    }
    feeds[input.name] = make_tensor(input.dtype, shape, guess.int_below, generator);
  }
  return feeds;
}

void write_samples(const std::filesystem::path& folder, const std::vector<Feeds>& samples) {
  for (size_t i = 0; i < samples.size(); ++i) {
    const std::filesystem::path set = folder / fmt::format("test_data_set_{}", i);
    std::filesystem::create_directories(set);
    size_t k = 0;
    for (const auto& [name, tensor] : samples[i]) {
      const std::string bytes = tensor_message(name, tensor);
      std::ofstream(set / fmt::format("input_{}.pb", k++), std::ios::binary) << bytes;
    }
  }
}

}  // namespace ptq::testing

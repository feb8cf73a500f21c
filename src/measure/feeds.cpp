#include "measure/feeds.h"

#include <algorithm>
#include <cstring>
#include <random>

#include <fmt/format.h>

#include "ptq/error.h"

namespace ptq {
namespace {

[[noreturn]] void refuse_usage(const std::string& message) {
  throw Error(ErrorCode::kUsage, message);
}

bool fits(const InputSpec& input, const Shape& shape) {
  if (!input.has_shape) {
    return true;
  }
  return shape.size() == input.shape.size() &&
         std::ranges::equal(shape, input.shape, [](int64_t given, int64_t declared) {
           return declared < 0 || given == declared;
         });
}

// "1x3xNxN": how to write a shape, with a letter for the dimensions that are to be chosen.
std::string example_shape(const Shape& declared) {
  std::string text;
  for (size_t k = 0; k < declared.size(); ++k) {
    text += k > 0 ? "x" : "";
    text += declared[k] >= 0 ? std::to_string(declared[k]) : k == 0 ? "1" : "N";
  }
  return text.empty() ? "1x3x224x224" : text;
}

Shape closed_shape(const InputSpec& input, const std::map<std::string, Shape>& shapes,
                   int64_t batch) {
  if (const auto given = shapes.find(input.name); given != shapes.end()) {
    if (!fits(input, given->second)) {
      refuse_usage(fmt::format("--shape {}: the model wants {}, found {}", printable(input.name),
                               shape_text(input.shape), shape_text(given->second)));
    }
    return given->second;
  }
  const std::string advice = fmt::format("give real samples with --data, or --shape {}={}",
                                         printable(input.name, 80), example_shape(input.shape));
  if (!input.has_shape) {
    refuse_usage(fmt::format("input {} has no declared shape; {}", printable(input.name), advice));
  }
  Shape shape = input.shape;
  for (size_t k = 0; k < shape.size(); ++k) {
    if (shape[k] < 0 && k > 0) {
      refuse_usage(fmt::format("dimension {} of input {}{} is open; {}", k, printable(input.name),
                               shape_text(input.shape), advice));
    }
    shape[k] = shape[k] < 0 ? batch : shape[k];
  }
  if (batch != 1 && (shape.empty() || shape[0] != batch)) {
    refuse_usage(fmt::format("--batch {}: input {}{} has another fixed first dimension", batch,
                             printable(input.name), shape_text(input.shape)));
  }
  return shape;
}

Tensor generated_tensor(DType dtype, Shape shape, std::mt19937& random) {
  Tensor tensor(dtype, std::move(shape));
  const auto fill = [&](auto&& next) {
    using Element = decltype(next());
    for (Element& value : tensor.mutable_data<Element>()) {
      value = next();
    }
  };
  switch (dtype) {
    case DType::kFloat:
      fill([&] { return static_cast<float>(random() >> 8U) * 0x1p-24F; });
      break;
    case DType::kDouble:
      fill([&] { return static_cast<double>(random()) * 0x1p-32; });
      break;
    case DType::kFloat16:  // halves in [0.5, 1)
      for (size_t i = 0; i + 1 < tensor.bytes().size(); i += 2) {
        const uint32_t bits = 0x3800U | (random() & 0x3FFU);
        std::memcpy(tensor.mutable_bytes().data() + i, &bits, 2);
      }
      break;
    case DType::kUint8:
    case DType::kInt8:
      for (std::byte& value : tensor.mutable_bytes()) {
        value = static_cast<std::byte>(random() & 0xFFU);
      }
      break;
    case DType::kBool:
      std::ranges::fill(tensor.mutable_bytes(), std::byte{1});
      break;
    case DType::kInt32:
      fill([] { return int32_t{1}; });
      break;
    case DType::kInt64:
      fill([] { return int64_t{1}; });
      break;
    default:
      refuse_usage(fmt::format("inputs of type {} are not generated; give samples with --data",
                               dtype_name(dtype)));
  }
  return tensor;
}

Tensor join(const std::vector<Sample>& samples, const std::string& name) {
  const Tensor& first = samples[0].inputs.at(name);
  if (samples.size() == 1) {
    return first;
  }
  Shape shape = first.shape();
  shape.at(0) *= static_cast<int64_t>(samples.size());
  Tensor joined(first.dtype(), shape);
  std::byte* to = joined.mutable_bytes().data();
  for (const Sample& sample : samples) {
    const Tensor& part = sample.inputs.at(name);
    if (part.shape() != first.shape()) {
      throw Error(ErrorCode::kInput,
                  fmt::format("--batch joins samples of one shape, found {} in {} and {} in {} for "
                              "input {}; use --batch 1",
                              shape_text(first.shape()), printable(samples[0].origin),
                              shape_text(part.shape()), printable(sample.origin), printable(name)));
    }
    std::memcpy(to, part.bytes().data(), part.bytes().size());
    to += part.bytes().size();
  }
  return joined;
}

}  // namespace

Feeds generated_feeds(const std::vector<InputSpec>& inputs,
                      const std::map<std::string, Shape>& shapes, int64_t batch) {
  for (const auto& [name, shape] : shapes) {
    if (std::ranges::find(inputs, name, &InputSpec::name) == inputs.end()) {
      refuse_usage(fmt::format("--shape {}: the model has no input of this name", printable(name)));
    }
  }
  std::mt19937 random(1);
  Feeds feeds;
  for (const InputSpec& input : inputs) {
    feeds[input.name] = generated_tensor(input.dtype, closed_shape(input, shapes, batch), random);
  }
  return feeds;
}

std::vector<Feeds> batched_feeds(const std::vector<InputSpec>& inputs, SampleSource& samples,
                                 int64_t batch) {
  if (batch != 1) {
    for (const InputSpec& input : inputs) {
      if (input.has_shape && (input.shape.empty() || input.shape[0] >= 0)) {
        refuse_usage(fmt::format("--batch {}: the first dimension of input {}{} is fixed", batch,
                                 printable(input.name), shape_text(input.shape)));
      }
    }
  }
  std::vector<Feeds> feeds;
  std::vector<Sample> group;
  while (std::optional<Sample> sample = samples.next()) {
    group.push_back(std::move(*sample));
    if (group.size() < static_cast<size_t>(batch)) {
      continue;
    }
    Feeds joined;
    for (const InputSpec& input : inputs) {
      joined[input.name] = join(group, input.name);
    }
    feeds.push_back(std::move(joined));
    group.clear();
  }
  if (feeds.empty()) {
    throw Error(ErrorCode::kInput,
                fmt::format("--batch {} needs as many samples, found {}", batch, group.size()));
  }
  return feeds;
}

}  // namespace ptq

#include "calib/token_mask.h"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "ptq/error.h"

namespace ptq {
namespace {

int64_t product(std::span<const int64_t> sizes) {
  return std::accumulate(sizes.begin(), sizes.end(), int64_t{1}, std::multiplies<>());
}

}  // namespace

TokenMask::TokenMask(const Tensor& mask, std::string_view where) {
  if (mask.rank() != 2) {
    throw Error(ErrorCode::kInput,
                fmt::format("{}: expected a mask of shape [batch,tokens], found {}{}", where,
                            dtype_name(mask.dtype()), shape_text(mask.shape())));
  }
  batch_ = mask.shape()[0];
  length_ = mask.shape()[1];
  const std::vector<float> values = to_floats(mask);
  real_.resize(static_cast<size_t>(batch_));
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t token = i % static_cast<size_t>(length_);
    std::vector<Stretch>& stretches = real_[i / static_cast<size_t>(length_)];
    if (values[i] == 0.0F) {
      continue;
    }
    if (stretches.empty() || stretches.back().end != token) {
      stretches.push_back({token, token});
    }
    stretches.back().end = token + 1;
  }
}

TokenAxes TokenMask::find_axes(std::span<const int64_t> shape, std::span<const int64_t> declared,
                               bool varies) const {
  const auto holds_tokens = [&](size_t axis) {
    const bool fixed = varies && declared.size() == shape.size() && declared[axis] >= 0;
    return shape[axis] == length_ && !fixed;
  };
  const size_t rank = shape.size();
  if (rank == 0 || batch_ == 0 || length_ == 0) {
    return {};
  }
  if (shape[0] % batch_ == 0) {
    if (rank >= 4 && holds_tokens(rank - 1) && holds_tokens(rank - 2)) {
      return {TokenAxes::Kind::kPairs, rank - 2};
    }
    for (size_t axis = 1; axis < rank; ++axis) {
      if (holds_tokens(axis)) {
        return {TokenAxes::Kind::kTokens, axis};
      }
    }
  }
  const bool fixed = varies && declared.size() == rank && declared[0] >= 0;
  if (shape[0] == batch_ * length_ && !fixed) {
    return {TokenAxes::Kind::kTokens, 0};
  }
  return {};
}

void TokenMask::for_each_kept(std::span<const int64_t> shape, const TokenAxes& axes,
                              std::span<const float> values,
                              const std::function<void(std::span<const float>)>& visit) const {
  if (axes.kind == TokenAxes::Kind::kNone) {
    visit(values);
    return;
  }
  const auto inner = static_cast<size_t>(product(shape.subspan(axes.axis + 1)));
  const auto length = static_cast<size_t>(length_);
  const size_t rows =
      axes.axis == 0 ? real_.size() : static_cast<size_t>(product(shape.first(axes.axis)));
  for (size_t row = 0; row < rows; ++row) {
    const std::vector<Stretch>& stretches = real_[row / (rows / real_.size())];
    const std::span<const float> tokens = values.subspan(row * length * inner, length * inner);
    for (const Stretch& stretch : stretches) {
      if (axes.kind == TokenAxes::Kind::kTokens) {
        visit(tokens.subspan(stretch.begin * inner, (stretch.end - stretch.begin) * inner));
        continue;
      }
      for (size_t token = stretch.begin; token < stretch.end; ++token) {
        for (const Stretch& other : stretches) {
          visit(tokens.subspan(token * inner + other.begin, other.end - other.begin));
        }
      }
    }
  }
}

}  // namespace ptq

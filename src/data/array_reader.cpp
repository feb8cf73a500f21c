#include "data/array_reader.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "data/findings.h"
#include "data/npy_header.h"
#include "ptq/error.h"

namespace ptq {
namespace {

// The most that is allocated for one sample of one input. Larger ones are taken for an attack.
constexpr uint64_t kMaxBlockBytes = uint64_t{4} << 30;

void swap_byte_order(std::span<std::byte> bytes, size_t item) {
  for (size_t i = 0; i + item <= bytes.size(); i += item) {
    std::reverse(bytes.data() + i, bytes.data() + i + item);
  }
}

// Column-major to row-major: walks the result in order, the source with strides.
Tensor reorder_fortran(const Tensor& source) {
  const Shape& shape = source.shape();
  const size_t rank = shape.size();
  Tensor result(source.dtype(), shape);
  if (source.size() == 0) {
    return result;
  }
  const auto item = static_cast<size_t>(bit_width(source.dtype()) / 8);
  std::vector<int64_t> strides(rank, 1);
  for (size_t axis = 1; axis < rank; ++axis) {
    strides[axis] = strides[axis - 1] * shape[axis - 1];
  }
  std::vector<int64_t> index(rank, 0);
  const std::byte* from = source.bytes().data();
  std::byte* to = result.mutable_bytes().data();
  int64_t offset = 0;
  for (int64_t i = 0; i < source.size(); ++i) {
    std::memcpy(to + static_cast<size_t>(i) * item, from + static_cast<size_t>(offset) * item,
                item);
    for (size_t axis = rank; axis-- > 0;) {
      offset += strides[axis];
      if (++index[axis] < shape[axis]) {
        break;
      }
      offset -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return result;
}

Tensor allocate(DType dtype, Shape shape, const std::string& where) {
  const uint64_t bytes = packed_byte_size(dtype, element_count(shape));
  if (bytes > kMaxBlockBytes) {
    refuse_data(DataFinding::kImpossibleSize, where,
                fmt::format("{} bytes would have to be held at once, the limit is {}; save "
                            "smaller samples in C order",
                            bytes, kMaxBlockBytes));
  }
  return Tensor(dtype, std::move(shape));
}

}  // namespace

ArrayReader::ArrayReader(std::unique_ptr<ByteStream> stream, ArrayHeader header, std::string where)
    : stream_(std::move(stream)), where_(std::move(where)), header_(std::move(header)) {}

Tensor ArrayReader::read_rows(int64_t count) {
  PTQ_CHECK(!header_.shape.empty() && count >= 0 && count <= header_.shape[0] - next_row_);
  if (column_major() && !whole_) {
    whole_ = reorder_fortran(read_block(header_.shape));
    check_end();
  }
  const int64_t first = std::exchange(next_row_, next_row_ + count);
  if (column_major()) {
    return whole_->slice_rows(first, count);
  }
  Shape shape = header_.shape;
  shape[0] = count;
  Tensor rows = read_block(std::move(shape));
  if (next_row_ == header_.shape[0]) {
    check_end();
  }
  return rows;
}

void ArrayReader::skip_rows(int64_t count) {
  PTQ_CHECK(!header_.shape.empty() && count >= 0 && count <= header_.shape[0] - next_row_);
  next_row_ += count;
  if (column_major()) {
    return;
  }
  Shape shape = header_.shape;
  shape[0] = count;
  const uint64_t bytes = packed_byte_size(header_.dtype, element_count(shape));
  if (stream_->skip(bytes) != bytes) {
    refuse_data(DataFinding::kDamaged, where_,
                "the file is cut short or was changed while being read");
  }
  if (next_row_ == header_.shape[0]) {
    check_end();
  }
}

Tensor ArrayReader::read_whole() {
  if (!header_.shape.empty()) {
    return read_rows(header_.shape[0]);
  }
  Tensor scalar = read_block({});
  check_end();
  return scalar;
}

Tensor ArrayReader::read_block(Shape shape) {
  Tensor block = allocate(header_.dtype, std::move(shape), where_);
  const std::span<std::byte> bytes = block.mutable_bytes();
  const size_t got = stream_->read(bytes);
  if (got != bytes.size()) {
    refuse_data(DataFinding::kDamaged, where_,
                fmt::format("expected {} bytes more than there are; the file is cut short or "
                            "was changed while being read",
                            bytes.size() - got));
  }
  if (header_.big_endian) {
    swap_byte_order(bytes, static_cast<size_t>(bit_width(header_.dtype) / 8));
  }
  return block;
}

void ArrayReader::check_end() {
  std::array<std::byte, 1> extra{};
  if (stream_->read(extra) != 0) {
    refuse_data(
        DataFinding::kDamaged, where_,
        "bytes follow the last element; the file is damaged or was changed while being read");
  }
}

ArrayReader open_npy(std::unique_ptr<ByteStream> stream, uint64_t stream_bytes, std::string where) {
  ArrayHeader header = read_npy_header(*stream, stream_bytes, where);
  return {std::move(stream), std::move(header), std::move(where)};
}

}  // namespace ptq

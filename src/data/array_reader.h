#pragma once
// Reads one array row by row, as row-major little-endian tensors, whatever file it lies in: npy and
// npz (npy_header.h reads the head), safetensors, raw bytes. Memory is that of the rows asked for,
// however long the array; only an array in Fortran order has to be read whole. One thread.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "data/byte_stream.h"
#include "ptq/tensor.h"

namespace ptq {

// How the bytes of an array are to be read.
struct ArrayHeader {
  DType dtype = DType::kUndefined;
  bool big_endian = false;
  bool fortran_order = false;
  Shape shape;
  uint64_t payload_bytes = 0;

  bool operator==(const ArrayHeader&) const = default;
};

class ArrayReader {
 public:
  // `stream` stands at the first element and ends behind the last. `where` begins each message:
  // "calib.npz: key 'x'".
  ArrayReader(std::unique_ptr<ByteStream> stream, ArrayHeader header, std::string where);

  const ArrayHeader& header() const { return header_; }
  const std::string& where() const { return where_; }

  // The next `count` rows along axis 0, shape [count, ...]. Together with the last row it checks
  // that the bytes end there (and so the check sum of a zip member). For rank 1 and more.
  Tensor read_rows(int64_t count);
  // Passes over the next `count` rows without keeping them.
  void skip_rows(int64_t count);
  // The whole array in its own shape; for any rank.
  Tensor read_whole();

 private:
  bool column_major() const { return header_.fortran_order && header_.shape.size() > 1; }
  Tensor read_block(Shape shape);
  void check_end();

  std::unique_ptr<ByteStream> stream_;
  std::string where_;
  ArrayHeader header_;
  int64_t next_row_ = 0;
  std::optional<Tensor> whole_;  // Fortran order
};

// The reader of an npy array of `stream_bytes` with its head, which is read at once. Throws
// Error{kInput}.
ArrayReader open_npy(std::unique_ptr<ByteStream> stream, uint64_t stream_bytes, std::string where);

}  // namespace ptq

#pragma once
// Reads one npy array row by row, as row-major little-endian tensors. Memory is that of the rows
// asked for, however long the array; only an array in Fortran order has to be read whole. One
// thread.

#include <memory>
#include <optional>
#include <string>

#include "data/byte_stream.h"
#include "data/npy_header.h"
#include "ptq/tensor.h"

namespace ptq {

class NpyReader {
 public:
  // `stream` delivers an array of `stream_bytes` with its header, which is read at once. `where`
  // begins each message: "calib.npz: key 'x'". Throws Error{kInput}.
  NpyReader(std::unique_ptr<ByteStream> stream, uint64_t stream_bytes, std::string where);

  const NpyHeader& header() const { return header_; }
  const std::string& where() const { return where_; }

  // The next `count` rows along axis 0, shape [count, ...]. Together with the last row it checks
  // that the bytes end there (and so the check sum of a zip member). For rank 1 and more.
  Tensor read_rows(int64_t count);
  // The whole array in its own shape; for any rank.
  Tensor read_whole();

 private:
  Tensor read_block(Shape shape);
  void check_end();

  std::unique_ptr<ByteStream> stream_;
  std::string where_;
  NpyHeader header_;
  int64_t next_row_ = 0;
  std::optional<Tensor> whole_;  // Fortran order
};

}  // namespace ptq

#pragma once
// Where the error of a quantized model comes from, layer by layer. Plain values; any thread.

#include <cstdint>
#include <string>
#include <vector>

namespace ptq {

struct LayerError {
  std::string name{};  // of the node, or its first output: what --keep-float takes
  std::string op_type{};
  int64_t depth = 0;  // position in the prepared FP32 graph
  // SQNR in dB of the layer's result with everything quantized, against FP32: what has piled up
  // here. NaN where the file has no float value of that name.
  double sqnr_db = 0.0;
  // SQNR in dB at the output where that is worst, with this layer alone quantized; +infinity where
  // it makes no error.
  double alone_sqnr_db = 0.0;
};

struct LayerErrors {
  std::vector<LayerError> layers{};  // in the order of computation
  uint64_t samples = 0;              // for sqnr_db
  uint64_t alone_samples = 0;        // for alone_sqnr_db
  double sqnr_db = 0.0;              // at the worst output, everything quantized
  // The fewest layers that hold three quarters of the noise of all layers alone, noisiest first, and
  // the SQNR that is predicted at the output without them.
  std::vector<std::string> exclude{};
  double sqnr_db_without = 0.0;
};

}  // namespace ptq

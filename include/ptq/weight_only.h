#pragma once
// Weights alone as 4-bit or 8-bit codes with a scale for each block of the reduced axis, while
// activations stay in float: what is asked for, what is done to each weight, and what came of it.
// Plain values; any thread.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "ptq/dtype.h"
#include "ptq/plan.h"

namespace ptq {

// What the file holds: DequantizeLinear in front of products, which ONNX defines from opset 21 on,
// or the operators that ONNX Runtime makes of that, which files of any opset may hold.
enum class WeightFormat { kQdq, kMatMulNBits };

// A weight whose form is not that of the others. `pattern` (shell pattern) matches names of nodes,
// or their first output; the last rule that matches decides.
struct WeightRule {
  std::string pattern{};
  DType dtype = DType::kUndefined;  // kUndefined: stays in float
};
// "PATTERN=int4", "PATTERN=float". Throws Error{kUsage}.
WeightRule parse_weight_rule(std::string_view text);

struct WeightOnlyRequest {
  DType dtype = DType::kInt4;  // kInt4, kUint4, kInt8 or kUint8
  int64_t group = 32;          // 16, 32, 64, 128 or 256 elements; 0: all of an output channel
  bool symmetric = false;      // no zero points (in the middle for unsigned types)
  bool search = true;          // false: the whole range of each block
  bool half_scale = false;     // scales are stored as float16 in a float32 model
  WeightFormat format = WeightFormat::kQdq;
  // The first and the last layers (lookups of embeddings, what makes the outputs) have 8 bits.
  bool eight_bit_ends = true;
  std::vector<WeightRule> rules{};
  std::vector<std::string> keep_float{};                      // nodes, by name or first output
  int threads = 0;                                            // 0: all processors
  std::function<void(size_t done, size_t total)> progress{};  // weights
  const std::atomic<bool>* stop = nullptr;                    // ends with Error{kInterrupted}
};

// What became of one weight.
struct WeightBlocks {
  std::string node{};
  std::string op_type{};
  std::string constant{};
  int64_t rows = 0;  // as the original stores it
  int64_t columns = 0;
  DType dtype = DType::kUndefined;
  int64_t group = 0;
  bool symmetric = false;
  double sqnr_db = 0.0;          // of the codes against the float weight
  double bits_per_weight = 0.0;  // codes, scales and zero points
  std::string reason{};
};

// What ONNX Runtime makes of the weights.
struct BlockProof {
  bool asked = false;  // false: the target is another engine, or no runtime is there
  bool whole = false;  // the file itself was loaded; else each kind of weight in a small model
  uint64_t fused = 0;  // products that run as MatMulNBits
  std::vector<std::string> unfused{};  // names of the others
};

struct WeightOnlyResult {
  std::vector<WeightBlocks> weights{};  // in the order of the graph
  std::vector<Decision> decisions{};    // of all nodes that have products or look up rows
  std::vector<std::string> notes{};
  BlockProof proof{};
  uint64_t size_bytes = 0;           // of the file and its external data
  uint64_t original_size_bytes = 0;  // the same of the original
  uint64_t weight_count = 0;         // elements that became codes
  double bits_per_weight = 0.0;      // of these, on average, scales and zero points included
};

// Quantizes the weights of the model at `input`, one at a time, and writes it to `output`, with
// external data beside it where one file does not hold it. Files appear whole or not at all. When
// nothing can be quantized, nothing is written and `weights` is empty. Throws Error{kInput} for a
// model that cannot be used, Error{kUsage} for a request that contradicts itself.
WeightOnlyResult quantize_weights(const std::filesystem::path& input,
                                  const std::filesystem::path& output,
                                  const WeightOnlyRequest& request);

}  // namespace ptq

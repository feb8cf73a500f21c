#pragma once
// Writes ONNX models. The same model gives the same bytes; a model that was read and not changed
// gives an equivalent one. One thread a model.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "ptq/graph.h"

namespace ptq {

struct WriteOptions {
  // Initializers of at least so many bytes go to NAME.data beside the model NAME, except short
  // integer vectors, which runtimes read as shapes. Without a threshold that happens, from 1 KiB
  // on, when the model would not fit into one file.
  std::optional<uint64_t> external_data_threshold = std::nullopt;
  // What one file may hold: protobuf ends at 2 GiB; the margin is for tools that add metadata.
  uint64_t max_inline_bytes = (uint64_t{2} << 30U) - (uint64_t{16} << 20U);
  // For initializers of the main graph whose bytes are made while they are written: each is asked
  // for once, in the order of the graph's initializers among those that go to the same file.
  std::function<Tensor(const Constant&)> payload{};
};

// All in one string, external data included. Throws Error{kInput} when that exceeds 2 GiB.
std::string serialize_model(const Model& model);

// A model whose large weights stand elsewhere in memory.
struct ModelSkeleton {
  std::string bytes{};  // with references to no file in the place of the weights
  std::vector<const Constant*> weights{};
};
// Leaves the initializers of at least `threshold` bytes out that nodes of the main graph read and
// that are no graph inputs. The weights belong to `model`. Throws Error{kInput} when the rest
// exceeds 2 GiB.
ModelSkeleton serialize_skeleton(const Model& model, uint64_t threshold);

// Writes the data file, if any, then the model, each whole or not at all. Replaces existing files,
// but throws Error{kUsage} when one of them is the model that `model` was read from or its external
// data. Throws Error{kEnvironment} when writing fails.
void write_model(const Model& model, const std::filesystem::path& path,
                 const WriteOptions& options = {});

}  // namespace ptq

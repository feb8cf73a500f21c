#pragma once
// The bytes of a model, piece by piece: payloads of the main graph's initializers go from the
// Tensor to the sink without a copy in a protobuf message. The same model gives the same bytes. One
// thread.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "ptq/graph.h"

namespace ptq {

using ByteSink = std::function<void(std::span<const std::byte>)>;
// Gives the tensor of an initializer of the main graph that has type and shape, but no bytes yet.
using PayloadSource = std::function<Tensor(const Constant&)>;

struct StreamOptions {
  // Tensors of at least so many bytes are written as references to `data_location`.
  std::optional<uint64_t> external_threshold;
  std::string data_location;
  // Only these initializers of the main graph, and no tensors of inner graphs. Null: all.
  const std::set<std::string, std::less<>>* external_names = nullptr;
  // Asked for each initializer without bytes at the moment when these are written, in their order.
  PayloadSource payload{};
  // Leaves out what does not change the result (doc strings, metadata, producer, types of inner
  // values), for a fingerprint.
  bool essence_only = false;
};

// Keeps references to `model`, which must outlive it and stay unchanged.
class ModelStream {
 public:
  ModelStream(const Model& model, const StreamOptions& options);
  ~ModelStream();
  ModelStream(const ModelStream&) = delete;
  ModelStream& operator=(const ModelStream&) = delete;

  // Bytes that write_model sends.
  uint64_t size_bytes() const;
  void write_model(const ByteSink& sink) const;

  // Tensors at `data_location`, padded to their offsets. Nothing without external_threshold.
  void write_data(const ByteSink& sink) const;
  bool has_data() const;
  // The main graph's initializers that are written as references.
  std::vector<const Constant*> referenced() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

// Payload bytes of all tensors that are not opaque, inner graphs included.
uint64_t payload_bytes(const Graph& graph);

}  // namespace ptq

#include "onnx_io/write.h"

#include <limits>
#include <memory>
#include <set>
#include <vector>

#include <fmt/format.h>

#include "core/atomic_file.h"
#include "onnx_io/model_stream.h"
#include "onnx_io/source_files.h"
#include "ptq/error.h"

namespace ptq {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kDefaultThreshold =
    1024;  // bytes; smaller tensors are what shape inference reads

fs::path data_path(const fs::path& model) {
  fs::path data = model;
  data += ".data";
  return data;
}

// A target that is one of the files the model came from would be damaged for its other readers.
void check_targets(const Model& model, const fs::path& path, bool with_data) {
  std::error_code error;
  if (model.path.empty() || !fs::exists(model.path, error) ||
      (!fs::exists(path, error) && !(with_data && fs::exists(data_path(path), error)))) {
    return;
  }
  std::vector<fs::path> inputs;
  for (const SourceFile& file : list_source_files(model.path)) {
    inputs.push_back(file.path);
  }
  check_output_path(path, inputs, true);
  if (with_data) {
    check_output_path(data_path(path), inputs, true);
  }
}

std::string all_bytes(const ModelStream& stream) {
  const uint64_t size = stream.size_bytes();
  if (size > static_cast<uint64_t>(std::numeric_limits<int32_t>::max())) {
    throw Error(ErrorCode::kInput,
                fmt::format("the model takes {} bytes, an ONNX file holds 2 GiB; write it with "
                            "external data",
                            size));
  }
  std::string bytes;
  bytes.reserve(size);
  stream.write_model([&](std::span<const std::byte> piece) {
    bytes.append(reinterpret_cast<const char*>(piece.data()), piece.size());
  });
  PTQ_CHECK(bytes.size() == size);
  return bytes;
}

}  // namespace

std::string serialize_model(const Model& model) {
  return all_bytes(ModelStream(model, {}));
}

ModelSkeleton serialize_skeleton(const Model& model, uint64_t threshold) {
  // Runtimes drop initializers that nobody reads before they look for their values, and let a
  // caller replace those that are graph inputs.
  std::set<std::string, std::less<>> read;
  for (const Node& node : model.graph.nodes) {
    read.insert(node.inputs.begin(), node.inputs.end());
  }
  for (const ValueInfo& input : model.graph.inputs) {
    read.erase(input.name);
  }
  StreamOptions options;
  options.external_threshold = threshold;
  options.data_location = "in-memory";
  options.external_names = &read;
  const ModelStream stream(model, options);
  return {all_bytes(stream), stream.referenced()};
}

void write_model(const Model& model, const fs::path& path, const WriteOptions& options) {
  StreamOptions stream_options;
  stream_options.payload = options.payload;
  stream_options.external_threshold = options.external_data_threshold;
  // A rough size decides before anything is copied; the exact one is checked below.
  if (!stream_options.external_threshold && payload_bytes(model.graph) > options.max_inline_bytes) {
    stream_options.external_threshold = kDefaultThreshold;
  }
  stream_options.data_location = data_path(path).filename().string();
  auto stream = std::make_unique<ModelStream>(model, stream_options);
  if (stream->size_bytes() > options.max_inline_bytes && !stream_options.external_threshold) {
    stream_options.external_threshold = kDefaultThreshold;
    stream = std::make_unique<ModelStream>(model, stream_options);
  }
  if (stream->size_bytes() > options.max_inline_bytes) {
    throw Error(
        ErrorCode::kInput,
        fmt::format("{}: the model takes {} bytes without its external tensors, one file "
                    "holds {}; large constants in nodes or functions must become initializers",
                    printable(path.string()), stream->size_bytes(), options.max_inline_bytes));
  }
  check_targets(model, path, stream->has_data());

  // The data file comes first, so that a model never stands without its data.
  if (stream->has_data()) {
    AtomicFile data(data_path(path));
    stream->write_data([&](std::span<const std::byte> piece) { data.write(piece); });
    data.commit();
  }
  AtomicFile file(path);
  stream->write_model([&](std::span<const std::byte> piece) { file.write(piece); });
  file.commit();
}

}  // namespace ptq

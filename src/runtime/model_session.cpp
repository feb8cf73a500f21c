#include "runtime/model_session.h"

#include <filesystem>
#include <string>

#include "core/temporary_folder.h"
#include "onnx_io/read.h"
#include "onnx_io/write.h"

namespace ptq {
namespace {

// Above, weights go to the runtime as files, which it maps; below, one copy in memory is faster.
constexpr size_t kMaxInMemory = size_t{1} << 30;

size_t initializer_bytes(const Model& model) {
  size_t bytes = 0;
  for (const Constant& constant : model.graph.initializers) {
    bytes += constant.tensor.bytes().size();
  }
  return bytes;
}

// One convolution of one channel, whose weights the runtime pads to a whole block.
Model block_probe() {
  Model model;
  model.ir_version = 8;
  model.set_opset("", 13);
  ValueInfo x;
  x.name = "x";
  x.dtype = DType::kFloat;
  x.has_shape = true;
  x.shape = {1, 1, 8, 8};
  x.symbols.resize(4);
  ValueInfo y = x;
  y.name = "y";
  Node conv;
  conv.op_type = "Conv";
  conv.inputs = {"x", "w"};
  conv.outputs = {"y"};
  Constant weights;
  weights.name = "w";
  weights.tensor = Tensor(DType::kFloat, {1, 1, 1, 1});
  model.graph.name = "probe";
  model.graph.inputs = {x};
  model.graph.outputs = {y};
  model.graph.nodes = {conv};
  model.graph.initializers = {weights};
  return model;
}

int64_t find_block_size() {
  const Model optimized = optimized_model(block_probe(), {});
  for (const Node& node : optimized.graph.nodes) {
    if (node.domain != "com.microsoft.nchwc" || node.op_type != "Conv") {
      continue;
    }
    for (const Constant& constant : optimized.graph.initializers) {
      if (constant.name == node.input(1) && constant.tensor.rank() == 4) {
        return constant.tensor.shape()[0];
      }
    }
  }
  return 0;
}

}  // namespace

Session open_session(const Model& model, const SessionOptions& options) {
  if (initializer_bytes(model) <= kMaxInMemory) {
    return Session::from_bytes(serialize_model(model), options);
  }
  const TemporaryFolder folder;
  WriteOptions write;
  write.external_data_threshold = 1024;
  write_model(model, folder.path() / "model.onnx", write);
  return Session::from_path(folder.path() / "model.onnx", options);
}

Model optimized_model(const Model& model, SessionOptions options) {
  const TemporaryFolder folder;
  options.optimized_model_path = folder.path() / "optimized.onnx";
  options.config.emplace("session.disable_prepacking", "1");  // it is not going to run
  if (initializer_bytes(model) > kMaxInMemory) {
    options.config.emplace("session.optimized_model_external_initializers_file_name",
                           "optimized.data");
    options.config.emplace("session.optimized_model_external_initializers_min_size_in_bytes",
                           "1024");
  }
  open_session(model, options);
  Model optimized = read_model(options.optimized_model_path);
  optimized.path.clear();
  return optimized;
}

int64_t nchwc_block_size() {
  static const int64_t kSize = find_block_size();
  return kSize;
}

}  // namespace ptq

#include "runtime/model_session.h"

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>

#include "core/temporary_folder.h"
#include "onnx_io/mapped_file.h"
#include "onnx_io/read.h"
#include "onnx_io/write.h"

namespace ptq {
namespace {

// Above, no copy of all weights is made, not even in a temporary file.
constexpr size_t kMaxCopied = size_t{1} << 30;
// Weights that the runtime uses where they are.
constexpr uint64_t kLargeWeight = uint64_t{1} << 16;

size_t initializer_bytes(const Model& model) {
  size_t bytes = 0;
  for (const Constant& constant : model.graph.initializers) {
    bytes += constant.tensor.bytes().size();
  }
  return bytes;
}

// While the runtime reads weights from mapped files, and packs most of them, gives back the pages
// that it has read, so that they do not stand in memory twice.
class PageReleaser {
 public:
  PageReleaser()
      : thread_([this](const std::stop_token& done) {
          std::unique_lock lock(mutex_);
          while (!wake_.wait_for(lock, done, std::chrono::milliseconds(10),
                                 [&] { return done.stop_requested(); })) {
            MappedFile::release_pages();
          }
          MappedFile::release_pages();
        }) {}

 private:
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread thread_;
};

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

bool is_large(const Model& model) {
  return initializer_bytes(model) > kMaxCopied;
}

Session open_session(const Model& model, const SessionOptions& options) {
  const ModelSkeleton skeleton = serialize_skeleton(model, kLargeWeight);
  SessionOptions with_weights = options;
  for (const Constant* weight : skeleton.weights) {
    with_weights.weights.emplace(weight->name, weight->tensor);
  }
  const PageReleaser releaser;
  return Session::from_bytes(skeleton.bytes, with_weights);
}

Model optimized_model(const Model& model, SessionOptions options) {
  const TemporaryFolder folder;
  options.optimized_model_path = folder.path() / "optimized.onnx";
  options.config.emplace("session.disable_prepacking", "1");  // it is not going to run
  // Into a file that is then mapped, without a copy in a message.
  options.config.emplace("session.optimized_model_external_initializers_file_name",
                         "optimized.data");
  options.config.emplace("session.optimized_model_external_initializers_min_size_in_bytes",
                         std::to_string(kLargeWeight));
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

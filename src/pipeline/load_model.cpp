#include <set>

#include <fmt/format.h>

#include "graph/model_index.h"
#include "observe/instrument_graph.h"
#include "onnx_io/fingerprint.h"
#include "onnx_io/infer_shapes.h"
#include "onnx_io/read.h"
#include "ptq/error.h"
#include "ptq/pipeline.h"
#include "transform/prepare.h"

namespace ptq {
namespace {

size_t quantization_nodes(const Graph& graph) {
  size_t count = 0;
  for (const Node& node : graph.nodes) {
    count += node.op_type == "QuantizeLinear" || node.op_type == "DequantizeLinear" ||
                     node.op_type.starts_with("QLinear") || node.op_type == "MatMulNBits" ||
                     node.op_type == "DynamicQuantizeLinear"
                 ? 1U
                 : 0U;
  }
  return count;
}

void refuse_quantized(const Model& model, const std::filesystem::path& path) {
  size_t count = 0;
  const ModelIndex index(model.graph);
  for (size_t k = 0; k < index.size(); ++k) {
    count += quantization_nodes(index[k].graph());
  }
  if (count > 0) {
    throw Error(
        ErrorCode::kInput,
        fmt::format("{} is already quantized: it has {} quantization node(s); give the FP32 "
                    "model it was made from",
                    printable(path.string()), count));
  }
}

void refuse_instrumented(const Model& model, const std::filesystem::path& path) {
  if (is_instrumented(model.graph)) {
    throw Error(ErrorCode::kInput,
                fmt::format("{} is instrumented: it has the observers of `ptq instrument`; give "
                            "the model it was made from",
                            printable(path.string())));
  }
}

// QuantizeLinear came with opset 10.
void refuse_old_opset(const LoadedModel& loaded, const std::filesystem::path& path) {
  constexpr int64_t kFirstWithQuantizeLinear = 10;
  const int64_t opset = loaded.model.opset();
  if (opset == 0 || opset >= kFirstWithQuantizeLinear) {
    return;
  }
  std::string why;
  for (const std::string& note : loaded.notes) {
    why += note.starts_with("kept opset") ? ": " + note : "";
  }
  throw Error(
      ErrorCode::kInput,
      fmt::format("{}: expected a model that can be raised to opset {}, found opset {}{}; "
                  "convert it with ONNX's version converter",
                  printable(path.string()), kFirstWithQuantizeLinear, opset, printable(why, 300)));
}

// The file and the external files that its tensors name, each counted once.
uint64_t size_with_external(const Model& model, const std::filesystem::path& path) {
  std::error_code ignored;
  uint64_t size = std::filesystem::file_size(path, ignored);
  uint64_t payload = 0;
  for (const Constant& constant : model.graph.initializers) {
    payload += constant.tensor.bytes().size();
  }
  return std::max(size, payload);
}

}  // namespace

LoadedModel load_model(const std::filesystem::path& path) {
  LoadedModel loaded;
  loaded.model = read_model(path);
  refuse_instrumented(loaded.model, path);
  refuse_quantized(loaded.model, path);
  loaded.fingerprint = model_fingerprint(loaded.model);
  loaded.size_bytes = size_with_external(loaded.model, path);
  std::set<std::string> notes;
  for (const PassResult& pass : prepare(loaded.model)) {
    if (pass.changes > 0) {
      loaded.passes.push_back(fmt::format("{}: {}", pass.pass, pass.changes));
    }
    for (const std::string& note : pass.notes) {
      if (notes.insert(note).second) {
        loaded.notes.push_back(note);
      }
    }
  }
  infer_shapes(loaded.model);
  refuse_old_opset(loaded, path);
  return loaded;
}

}  // namespace ptq

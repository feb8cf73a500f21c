// Weight-only quantization of a model that may be larger than memory: weights are views of mapped
// files, and their codes are made one weight at a time, while the result is written.

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include <fmt/format.h>

#include "core/parallel.h"
#include "graph/model_index.h"
#include "onnx_io/mapped_file.h"
#include "onnx_io/read.h"
#include "onnx_io/source_files.h"
#include "onnx_io/write.h"
#include "plan/plan_blocks.h"
#include "ptq/error.h"
#include "ptq/weight_only.h"
#include "runtime/model_session.h"
#include "transform/insert_blocks.h"
#include "transform/passes.h"
#include "transform/raise_opset_21.h"

namespace ptq {
namespace {

// A result of more bytes is written while it is made, and the runtime is not given the whole file.
constexpr uint64_t kHeldBytes = uint64_t{256} << 20U;

// Passes that make weights constants of their products, without computing new ones of large size.
void prepare_weights(Model& model, Notes& notes) {
  for (int64_t (*pass)(Model&, Notes&) :
       {inline_functions, unique_names, raise_ir_version, constants_to_initializers, drop_identity,
        raise_opset, move_constants_inward, fold_gemm_factors}) {
    pass(model, notes);
  }
}

void refuse_quantized(const Model& model, const std::filesystem::path& path) {
  const ModelIndex index(model.graph);
  for (size_t k = 0; k < index.size(); ++k) {
    for (const Node& node : index[k].graph().nodes) {
      if (node.op_type == "DequantizeLinear" || node.op_type == "MatMulNBits" ||
          node.op_type.starts_with("QLinear")) {
        throw Error(ErrorCode::kInput,
                    fmt::format("{} is already quantized: it has a {}; give the float model it was "
                                "made from",
                                printable(path.string()), node.op_type));
      }
    }
  }
}

void check_request(const WeightOnlyRequest& request) {
  const bool is_power = request.group > 0 && (request.group & (request.group - 1)) == 0;
  if (request.group != 0 && (!is_power || request.group < 16 || request.group > 256)) {
    throw Error(ErrorCode::kUsage,
                fmt::format("expected a group of 16, 32, 64, 128 or 256 weights, or per-channel, "
                            "found {}: the runtime has kernels for these alone",
                            request.group));
  }
}

// Makes the tensors of one weight after the other, and keeps those of the last one, since its
// initializers stand side by side.
class BlockMaker {
 public:
  BlockMaker(const Model& model, const BlockPlan& plan, const InsertedBlocks& inserted,
             const WeightOnlyRequest& request)
      : index_(model.graph),
        plan_(plan),
        request_(request),
        threads_(resolve_threads(request.threads)),
        summaries_(plan.weights.size()) {
    for (size_t w = 0; w < plan.weights.size(); ++w) {
      const BlockNames& names = inserted.names[w];
      for (const std::string& name : {names.codes, names.scale, names.zero_point}) {
        by_name_.emplace(name, w);
      }
      names_.push_back(names);
    }
    by_name_.erase("");
  }

  Tensor make(const Constant& constant) {
    const auto found = by_name_.find(constant.name);
    PTQ_CHECK(found != by_name_.end());
    if (found->second != current_) {
      make_weight(found->second);
    }
    const BlockNames& names = names_[current_];
    return constant.name == names.codes   ? tensors_.codes
           : constant.name == names.scale ? tensors_.scale
                                          : tensors_.zero_point;
  }

  std::vector<WeightBlocks> take_summaries() { return std::move(summaries_); }

 private:
  void make_weight(size_t w) {
    if (request_.stop != nullptr && *request_.stop) {
      throw Error(ErrorCode::kInterrupted, "interrupted; nothing was written");
    }
    const PlannedBlocks& planned = plan_.weights[w];
    const Tensor& source = index_[planned.graph].constant(planned.constant)->tensor;
    const Node& node = index_[planned.graph].graph().nodes[planned.node];
    try {
      const BlockCodes blocks = quantize_blocks(source, planned.reduced, planned.scheme, threads_);
      tensors_ = block_tensors(blocks, planned, source.dtype(), request_.format);
      summaries_[w] = summarize(planned, node, blocks);
    } catch (Error& error) {
      error.add_context(fmt::format("weight {}", printable(planned.constant)));
      throw;
    }
    current_ = w;
    MappedFile::release_pages();
    if (request_.progress) {
      request_.progress(++done_, plan_.weights.size());
    }
  }

  WeightBlocks summarize(const PlannedBlocks& planned, const Node& node,
                         const BlockCodes& blocks) const {
    const uint64_t bytes = tensors_.codes.bytes().size() + tensors_.scale.bytes().size() +
                           tensors_.zero_point.bytes().size();
    const auto count = static_cast<double>(blocks.codes.size());
    return {.node = node.name.empty() ? node.outputs.front() : node.name,
            .op_type = node.op_type,
            .constant = planned.constant,
            .rows = blocks.rows,
            .columns = blocks.columns,
            .dtype = planned.scheme.dtype,
            .group = planned.scheme.block_size,
            .symmetric = planned.scheme.symmetric,
            .sqnr_db = blocks.noise > 0.0 ? 10.0 * std::log10(blocks.signal / blocks.noise)
                                          : std::numeric_limits<double>::infinity(),
            .bits_per_weight = 8.0 * static_cast<double>(bytes) / count,
            .reason = planned.reason};
  }

  ModelIndex index_;
  const BlockPlan& plan_;
  const WeightOnlyRequest& request_;
  int threads_;
  std::map<std::string, size_t> by_name_;
  std::vector<BlockNames> names_;
  std::vector<WeightBlocks> summaries_;
  size_t current_ = static_cast<size_t>(-1);
  size_t done_ = 0;
  BlockTensors tensors_;
};

uint64_t result_bytes(Graph& graph) {
  uint64_t total = 0;
  for (const Graph* each : all_graphs(graph)) {
    for (const Constant& constant : each->initializers) {
      total += constant.tensor.bytes().size();
    }
  }
  return total;
}

// Codes of `graph` come into memory.
void hold_codes(Graph& graph, BlockMaker& maker) {
  for (Constant& constant : graph.initializers) {
    if (is_promised(constant.tensor)) {
      constant.tensor = maker.make(constant);
    }
  }
}

uint64_t file_bytes(const std::filesystem::path& model) {
  uint64_t total = 0;
  for (const SourceFile& file : list_source_files(model)) {
    total += file.size_bytes;
  }
  return total;
}

// Asks the runtime which planned products it fuses.
BlockProof prove_blocks(const Model& written, const BlockPlan& plan,
                        const std::vector<WeightBlocks>& weights) {
  BlockProof proof{.asked = true, .whole = true};
  const Model optimized = optimized_model(written, {});
  std::set<std::string> decoded;  // names that are left in front of unfused products
  const ModelIndex index(optimized.graph);
  for (size_t k = 0; k < index.size(); ++k) {
    for (const Node& node : index[k].graph().nodes) {
      proof.fused += node.op_type == "MatMulNBits" ? 1U : 0U;
      if (node.op_type == "DequantizeLinear") {
        decoded.insert(std::string(node.input(0)));
      }
    }
  }
  for (size_t w = 0; w < weights.size(); ++w) {
    if (plan.weights[w].use == BlockUse::kProduct &&
        decoded.contains(weights[w].constant + "_quantized")) {
      proof.unfused.push_back(weights[w].node);
    }
  }
  return proof;
}

void add_sums(WeightOnlyResult& result) {
  double bits = 0.0;
  for (const WeightBlocks& weight : result.weights) {
    const auto count = static_cast<uint64_t>(weight.rows * weight.columns);
    result.weight_count += count;
    bits += weight.bits_per_weight * static_cast<double>(count);
  }
  result.bits_per_weight =
      result.weight_count == 0 ? 0.0 : bits / static_cast<double>(result.weight_count);
}

}  // namespace

WeightOnlyResult quantize_weights(const std::filesystem::path& input,
                                  const std::filesystem::path& output,
                                  const WeightOnlyRequest& request) {
  check_request(request);
  WeightOnlyResult result;
  Model model = read_model(input);
  result.original_size_bytes = file_bytes(input);
  refuse_quantized(model, input);
  prepare_weights(model, result.notes);
  if (request.format == WeightFormat::kQdq && raise_opset_21(model, result.notes) == 0) {
    throw Error(ErrorCode::kInput,
                fmt::format("{}: codes with a scale a block need opset 21: {}; write the operators "
                            "of ONNX Runtime instead with --weight-format matmulnbits",
                            printable(input.string()), result.notes.back()));
  }
  const ModelIndex index(model.graph);
  const BlockPlan plan = plan_blocks(index, request);
  result.decisions = plan.decisions;
  if (plan.weights.empty()) {
    return result;
  }
  InsertedBlocks inserted = insert_blocks(model, plan, request.format);
  BlockMaker maker(model, plan, inserted, request);
  const bool hold = result_bytes(inserted.model.graph) <= kHeldBytes;
  for (Graph* graph : all_graphs(inserted.model.graph)) {
    if (hold || graph != &inserted.model.graph) {
      hold_codes(*graph, maker);
    }
  }
  write_model(inserted.model, output,
              {.payload = [&](const Constant& constant) { return maker.make(constant); }});
  result.weights = maker.take_summaries();
  result.size_bytes = file_bytes(output);
  add_sums(result);
  if (hold) {
    try {
      result.proof = prove_blocks(inserted.model, plan, result.weights);
    } catch (const Error& error) {
      // The file is as asked for; some runtimes of other processors run what this one does not.
      if (error.code() != ErrorCode::kRuntime) {
        throw;
      }
      result.notes.push_back(fmt::format("not proven: {}", error.what()));
    }
  }
  return result;
}

}  // namespace ptq

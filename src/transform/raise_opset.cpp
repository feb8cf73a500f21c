// Opset 13, the first in which QuantizeLinear and DequantizeLinear take an axis, so that weights
// can be quantized per channel. Only models of opset 6…12 are touched. One table says for each
// standard operator that it means the same in 13, or names its adapter; an operator outside of the
// table, or a node that its adapter refuses, leaves the whole model at its opset with a note.
//
//   opset 9: x ─▶ Unsqueeze{axes = 0} ─▶ y     opset 13: x, axes ─▶ Unsqueeze ─▶ y

#include <algorithm>
#include <array>
#include <utility>

#include "onnx_io/infer_shapes.h"
#include "ptq/error.h"
#include "transform/opset_adapters.h"
#include "transform/passes.h"
#include "transform/raise_opset_6.h"
#include "transform/walk.h"

namespace ptq {
namespace {

constexpr int64_t kOldest = 6;
constexpr int64_t kTarget = 13;

struct TableRow {
  std::string_view op_type;
  OpsetAdapter adapter = nullptr;  // nullptr: same meaning in opset 13
};

// Sorted by name. All standard operators with a version up to 13, without those that opset 7 had
// already lost (experimental ones), and two that ONNX Runtime saves under the standard domain
// whatever the opset is (LayerNormalization became standard with 17).
constexpr auto kTable = std::to_array<TableRow>({
    {"Abs"},
    {"Acos"},
    {"Acosh"},
    {"Add"},
    {"And"},
    {"ArgMax"},
    {"ArgMin"},
    {"Asin"},
    {"Asinh"},
    {"Atan"},
    {"Atanh"},
    {"AveragePool"},
    {"BatchNormalization", drop_spatial},
    {"BitShift"},
    {"Cast"},
    {"Ceil"},
    {"Celu"},
    {"Clip", move_clip_to_inputs},
    {"Compress"},
    {"Concat"},
    {"ConcatFromSequence"},
    {"Constant"},
    {"ConstantOfShape"},
    {"Conv"},
    {"ConvInteger"},
    {"ConvTranspose"},
    {"Cos"},
    {"Cosh"},
    {"CumSum"},
    {"DepthToSpace"},
    {"DequantizeLinear"},
    {"Det"},
    {"Div"},
    {"Dropout", move_ratio_to_input},
    {"DynamicQuantizeLinear"},
    {"Einsum"},
    {"Elu"},
    {"Equal"},
    {"Erf"},
    {"Exp"},
    {"Expand"},
    {"EyeLike"},
    {"Flatten"},
    {"Floor"},
    {"GRU"},
    {"Gather"},
    {"GatherElements"},
    {"GatherND"},
    {"Gemm"},
    {"GlobalAveragePool"},
    {"GlobalLpPool"},
    {"GlobalMaxPool"},
    {"Greater"},
    {"GreaterOrEqual"},
    {"HardSigmoid"},
    {"Hardmax", move_softmax},
    {"Identity"},
    {"If"},
    {"InstanceNormalization"},
    {"IsInf"},
    {"IsNaN"},
    {"LRN"},
    {"LSTM"},
    {"LayerNormalization"},
    {"LeakyRelu"},
    {"Less"},
    {"LessOrEqual"},
    {"Log"},
    {"LogSoftmax", move_softmax},
    {"Loop"},
    {"LpNormalization"},
    {"LpPool"},
    {"MatMul"},
    {"MatMulInteger"},
    {"Max"},
    {"MaxPool"},
    {"MaxRoiPool"},
    {"MaxUnpool"},
    {"Mean"},
    {"MeanVarianceNormalization"},
    {"Min"},
    {"Mod"},
    {"Mul"},
    {"Multinomial"},
    {"Neg"},
    {"NegativeLogLikelihoodLoss"},
    {"NonMaxSuppression"},
    {"NonZero"},
    {"Not"},
    {"OneHot"},
    {"Or"},
    {"PRelu"},
    {"Pad", move_pad_to_inputs},
    {"Pow"},
    {"QLinearConv"},
    {"QLinearMatMul"},
    {"QuantizeLinear"},
    {"RNN"},
    {"RandomNormal"},
    {"RandomNormalLike"},
    {"RandomUniform"},
    {"RandomUniformLike"},
    {"Range"},
    {"Reciprocal"},
    {"ReduceL1"},
    {"ReduceL2"},
    {"ReduceLogSum"},
    {"ReduceLogSumExp"},
    {"ReduceMax"},
    {"ReduceMean"},
    {"ReduceMin"},
    {"ReduceProd"},
    {"ReduceSum", move_axes_to_input},
    {"ReduceSumSquare"},
    {"Relu"},
    {"Reshape"},
    {"Resize", move_resize},
    {"ReverseSequence"},
    {"RoiAlign"},
    {"Round"},
    {"Scan", refuse_old_scan},
    {"Scatter", rename_scatter},
    {"ScatterElements"},
    {"ScatterND"},
    {"Selu"},
    {"SequenceAt"},
    {"SequenceConstruct"},
    {"SequenceEmpty"},
    {"SequenceErase"},
    {"SequenceInsert"},
    {"SequenceLength"},
    {"Shape"},
    {"Shrink"},
    {"Sigmoid"},
    {"Sign"},
    {"SimplifiedLayerNormalization"},
    {"Sin"},
    {"Sinh"},
    {"Size"},
    {"Slice", move_slice_to_inputs},
    {"Softmax", move_softmax},
    {"SoftmaxCrossEntropyLoss"},
    {"Softplus"},
    {"Softsign"},
    {"SpaceToDepth"},
    {"Split", move_split_to_input},
    {"SplitToSequence"},
    {"Sqrt"},
    {"Squeeze", move_axes_to_input},
    {"StringNormalizer"},
    {"Sub"},
    {"Sum"},
    {"Tan"},
    {"Tanh"},
    {"TfIdfVectorizer"},
    {"ThresholdedRelu"},
    {"Tile"},
    {"TopK", move_k_to_input},
    {"Transpose"},
    {"Unique"},
    {"Unsqueeze", move_axes_to_input},
    {"Upsample", turn_upsample_to_resize},
    {"Where"},
    {"Xor"},
});

static_assert(std::ranges::is_sorted(kTable, {}, &TableRow::op_type));

// Moves the nodes of `graph` and of the graphs inside it. Returns why not, or an empty string.
std::string move_graph(Graph& graph, int64_t from, NameScope& names,
                       const std::vector<const GraphIndex*>& outer) {
  const GraphIndex index(graph);
  std::vector<const GraphIndex*> scopes = {&index};
  scopes.insert(scopes.end(), outer.begin(), outer.end());
  std::vector<Node> nodes;
  std::vector<Constant> constants;
  OpsetMove move{from, scopes, names, nodes, constants};
  for (const Node& node : graph.nodes) {
    for (const Attribute& attribute : node.attributes) {
      for (const std::shared_ptr<Graph>& inner : attribute.graphs) {
        if (std::string reason = move_graph(*inner, from, names, scopes); !reason.empty()) {
          return reason;
        }
      }
    }
    if (!node.domain.empty()) {
      nodes.push_back(node);
      continue;
    }
    const OpsetRow row = opset_row(node.op_type);
    if (!row.known) {
      return node_text(node) + " (ptq does not know how to move this operator)";
    }
    if (row.adapter == nullptr) {
      nodes.push_back(node);
    } else if (const std::string reason = row.adapter(move, node); !reason.empty()) {
      return node_text(node) + " (" + reason + ")";
    }
  }
  graph.nodes = std::move(nodes);
  std::move(constants.begin(), constants.end(), std::back_inserter(graph.initializers));
  return {};
}

}  // namespace

OpsetRow opset_row(std::string_view op_type) {
  const auto found = std::lower_bound(
      kTable.begin(), kTable.end(), op_type,
      [](const TableRow& row, std::string_view wanted) { return row.op_type < wanted; });
  if (found == kTable.end() || found->op_type != op_type) {
    return {};
  }
  return {true, found->adapter};
}

int64_t raise_opset(Model& model, Notes& notes) {
  const int64_t from = model.opset();
  if (from == 0 || from >= kTarget) {
    return 0;
  }
  const auto keep = [&](const std::string& reason) {
    notes.push_back("kept opset " + std::to_string(from) + " because of " + reason +
                    ": weights will be quantized per tensor");
    return 0;
  };
  if (from < kOldest) {
    return keep("its age: ptq raises opset 6 and newer");
  }
  if (model.has_functions) {
    return keep("the local functions, which have opsets of their own");
  }
  Model raised = model;
  raised.graph = copy_graph(model.graph);
  infer_shapes(raised);
  NameScope names(raised.graph);
  if (from == kOldest) {
    if (const std::string reason = move_from_6_to_7(raised, names); !reason.empty()) {
      return keep(reason);
    }
    infer_shapes(raised);
  }
  const int64_t current = std::max(from, kOldest + 1);
  if (const std::string reason = move_graph(raised.graph, current, names, {}); !reason.empty()) {
    return keep(reason);
  }
  raised.set_opset("", kTarget);
  model = std::move(raised);
  notes.push_back("opset raised from " + std::to_string(from) + " to " + std::to_string(kTarget));
  return 1;
}

}  // namespace ptq

#include "transform/insert_blocks.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "graph/edit.h"
#include "graph/index.h"
#include "ptq/error.h"

namespace ptq {
namespace {

constexpr std::string_view kContrib = "com.microsoft";

// MatMulNBits and GatherBlockQuantized want a power of two; one that holds the whole axis stands
// for a scale a channel in a lookup, while products have kernels up to 256 only.
int64_t fused_block_size(const PlannedBlocks& planned, int64_t reduced_size) {
  if (planned.scheme.block_size > 0) {
    return planned.scheme.block_size;
  }
  constexpr int64_t kLargest = 256;
  const auto whole = static_cast<int64_t>(
      std::bit_ceil(static_cast<uint64_t>(std::max<int64_t>(16, reduced_size))));
  return planned.use == BlockUse::kLookup ? whole : std::min(whole, kLargest);
}

// Rewrites one graph of the copy; `index` is that of the graph as planned.
class Inserter {
 public:
  Inserter(const GraphIndex& index, Graph& graph, NameScope& names, WeightFormat format)
      : index_(index), graph_(graph), names_(names), format_(format) {
    before_.resize(graph.nodes.size());
    behind_.resize(graph.nodes.size());
  }

  BlockNames insert(const PlannedBlocks& planned, const Tensor& source) {
    const BlockCodes form = {.reduced = planned.reduced,
                             .rows = source.shape()[0],
                             .columns = source.shape()[1],
                             .block_size = planned.scheme.block_size};
    const BlockTensors tensors = block_tensors(form, planned, source.dtype(), format_, false);
    BlockNames names;
    names.codes = add_constant(planned.constant + "_quantized", tensors.codes);
    names.scale = add_constant(planned.constant + "_scale", tensors.scale);
    if (tensors.zero_point.size() > 0) {
      names.zero_point = add_constant(planned.constant + "_zero_point", tensors.zero_point);
    }
    scale_type_ = source.dtype();
    stored_scale_type_ = tensors.scale.dtype();
    const bool contrib = format_ == WeightFormat::kMatMulNBits;
    if (planned.use == BlockUse::kLookup) {
      contrib ? look_up_fused(planned, names) : look_up_codes(planned, names, source.shape()[1]);
    } else {
      split_summand(planned.node, source, planned.reduced, contrib);
      contrib ? multiply_fused(planned, names, source) : multiply_decoded(planned, names);
    }
    return names;
  }

  void finish() {
    std::vector<Node> nodes;
    for (size_t k = 0; k < graph_.nodes.size(); ++k) {
      std::ranges::move(before_[k], std::back_inserter(nodes));
      nodes.push_back(std::move(graph_.nodes[k]));
      std::ranges::move(behind_[k], std::back_inserter(nodes));
    }
    graph_.nodes = std::move(nodes);
    remove_dead(graph_);
  }

 private:
  std::string add_constant(const std::string& base, Tensor tensor) {
    std::string name = names_.unique(base);
    graph_.initializers.push_back({.name = name, .tensor = std::move(tensor)});
    return name;
  }

  // A node whose result has a name of its own, in front of `position`.
  std::string add_before(size_t position, std::string_view op, const std::string& base,
                         std::vector<std::string> inputs) {
    Node node{.name = names_.unique(base + "_" + std::string(op)), .op_type = std::string(op)};
    node.inputs = std::move(inputs);
    node.outputs = {names_.unique(base + "_" + std::string(op) + "_out")};
    before_[position].push_back(std::move(node));
    return before_[position].back().outputs.front();
  }

  // Scales that are stored shorter than the model computes.
  std::string widened_scale(size_t position, const std::string& scale, const std::string& base) {
    if (stored_scale_type_ == scale_type_) {
      return scale;
    }
    std::string out = add_before(position, "Cast", base, {scale});
    before_[position].back().set_attribute("to", static_cast<int64_t>(scale_type_));
    return out;
  }

  // y = DequantizeLinear(…) as operand 1; the runtime fuses both.
  void multiply_decoded(const PlannedBlocks& planned, const BlockNames& names) {
    const size_t position = planned.node;
    const std::string scale = widened_scale(position, names.scale, names.scale);
    std::vector<std::string> inputs = {names.codes, scale};
    if (!names.zero_point.empty()) {
      inputs.push_back(names.zero_point);
    }
    const std::string decoded =
        add_before(position, "DequantizeLinear", planned.constant, std::move(inputs));
    Node& dequantize = before_[position].back();
    if (planned.scheme.block_size == 0) {
      dequantize.set_attribute("axis", int64_t{1});
    } else {
      dequantize.set_attribute("axis", int64_t{0});
      dequantize.set_attribute("block_size", planned.scheme.block_size);
    }
    Node& node = graph_.nodes[position];
    node.inputs[1] = decoded;
    node.erase_attribute("transB");
  }

  void multiply_fused(const PlannedBlocks& planned, const BlockNames& names, const Tensor& source) {
    const bool first = planned.reduced == ReducedAxis::kFirst;
    Node& node = graph_.nodes[planned.node];
    Node fused{.name = node.name, .domain = std::string(kContrib), .op_type = "MatMulNBits"};
    fused.inputs = {node.inputs[0], names.codes,
                    widened_scale(planned.node, names.scale, names.scale)};
    if (!names.zero_point.empty()) {
      fused.inputs.push_back(names.zero_point);
    }
    fused.outputs = node.outputs;
    fused.set_attribute("K", source.shape()[first ? 0 : 1]);
    fused.set_attribute("N", source.shape()[first ? 1 : 0]);
    fused.set_attribute("bits", static_cast<int64_t>(bit_width(planned.scheme.dtype)));
    fused.set_attribute("block_size", fused_block_size(planned, source.shape()[first ? 0 : 1]));
    node = std::move(fused);
  }

  // A Gemm keeps a constant summand of one value an output, where the format has it; any other
  // becomes an Add behind a MatMul.
  void split_summand(size_t position, const Tensor& source, ReducedAxis reduced, bool contrib) {
    Node& node = graph_.nodes[position];
    if (!node.is("Gemm")) {
      return;
    }
    const int64_t outputs = source.shape()[reduced == ReducedAxis::kFirst ? 1 : 0];
    const std::string summand(node.input(2));
    if (!contrib && !summand.empty()) {
      const Constant* constant = index_.fixed_constant(summand);
      if (constant != nullptr && constant->tensor.size() == outputs &&
          constant->tensor.rank() <= 2 && constant->tensor.shape().back() == outputs) {
        if (constant->tensor.rank() == 2) {
          node.inputs[2] = add_constant(summand, constant->tensor.reshaped({outputs}));
        }
        return;
      }
    }
    if (!contrib && summand.empty()) {
      return;
    }
    node.op_type = "MatMul";
    node.attributes.clear();
    node.inputs.resize(2);
    if (!summand.empty()) {
      Node add{.name = names_.unique(node.name + "_Add"), .op_type = "Add"};
      const std::string product = names_.unique(node.outputs[0] + "_product");
      add.inputs = {product, summand};
      add.outputs = {node.outputs[0]};
      node.outputs[0] = product;
      behind_[position].push_back(std::move(add));
    }
  }

  // Rows of codes and of scales are looked up, and only those decoded. Lookups know no 4-bit types,
  // so the runtime is given a cast of a constant, which it computes once when it loads the file.
  void look_up_codes(const PlannedBlocks& planned, const BlockNames& names, int64_t width) {
    const size_t position = planned.node;
    const std::string ids = graph_.nodes[position].inputs[1];
    const auto rows = [&](const std::string& from, bool codes) {
      std::string table = from;
      if (codes && bit_width(planned.scheme.dtype) == 4) {
        table = add_before(position, "Cast", from, {from});
        const bool is_signed = planned.scheme.dtype == DType::kInt4;
        before_[position].back().set_attribute(
            "to", static_cast<int64_t>(is_signed ? DType::kInt8 : DType::kUint8));
      }
      std::string out = add_before(position, "Gather", from, {table, ids});
      before_[position].back().set_attribute("axis", int64_t{0});
      return out;
    };
    std::vector<std::string> inputs = {rows(names.codes, true)};
    inputs.push_back(widened_scale(position, rows(names.scale, false), names.scale));
    if (!names.zero_point.empty()) {
      inputs.push_back(rows(names.zero_point, true));
    }
    Node& node = graph_.nodes[position];
    Node decoded{.name = node.name, .op_type = "DequantizeLinear"};
    decoded.inputs = std::move(inputs);
    decoded.outputs = node.outputs;
    decoded.set_attribute("axis", int64_t{-1});
    decoded.set_attribute("block_size",
                          planned.scheme.block_size > 0 ? planned.scheme.block_size : width);
    node = std::move(decoded);
  }

  void look_up_fused(const PlannedBlocks& planned, const BlockNames& names) {
    Node& node = graph_.nodes[planned.node];
    Node fused{
        .name = node.name, .domain = std::string(kContrib), .op_type = "GatherBlockQuantized"};
    fused.inputs = {names.codes, node.inputs[1],
                    widened_scale(planned.node, names.scale, names.scale)};
    if (!names.zero_point.empty()) {
      fused.inputs.push_back(names.zero_point);
    }
    fused.outputs = node.outputs;
    const Constant* table = index_.constant(planned.constant);
    PTQ_CHECK(table != nullptr);
    fused.set_attribute("gather_axis", int64_t{0});
    fused.set_attribute("quantize_axis", int64_t{1});
    fused.set_attribute("bits", static_cast<int64_t>(bit_width(planned.scheme.dtype)));
    fused.set_attribute("block_size", fused_block_size(planned, table->tensor.shape()[1]));
    node = std::move(fused);
  }

  const GraphIndex& index_;
  Graph& graph_;
  NameScope& names_;
  WeightFormat format_;
  DType scale_type_ = DType::kFloat;         // of the model
  DType stored_scale_type_ = DType::kFloat;  // of the file
  std::vector<std::vector<Node>> before_;
  std::vector<std::vector<Node>> behind_;
};

Tensor promised(DType dtype, Shape shape) {
  const size_t size = packed_byte_size(dtype, element_count(shape));
  return Tensor::view(dtype, std::move(shape), nullptr, nullptr, size);
}

bool is_signed(DType dtype) {
  return dtype == DType::kInt4 || dtype == DType::kInt8;
}

// Unsigned codes in the type's own bits: a signed type has the sign where they have half the range.
Tensor pack_codes(const std::vector<uint8_t>& codes, DType dtype, Shape shape) {
  Tensor out(dtype, std::move(shape));
  const std::span<std::byte> bytes = out.mutable_bytes();
  if (bit_width(dtype) == 8) {
    const auto flip = static_cast<uint8_t>(is_signed(dtype) ? 0x80U : 0U);
    for (size_t i = 0; i < codes.size(); ++i) {
      bytes[i] = static_cast<std::byte>(codes[i] ^ flip);
    }
    return out;
  }
  const unsigned flip = is_signed(dtype) ? 0x88U : 0U;
  const size_t pairs = codes.size() / 2;
  for (size_t i = 0; i < pairs; ++i) {
    bytes[i] = static_cast<std::byte>((codes[2 * i] | codes[2 * i + 1] << 4U) ^ flip);
  }
  if (codes.size() % 2 != 0) {
    bytes[pairs] = static_cast<std::byte>((codes.back() ^ flip) & 0xFU);
  }
  return out;
}

uint16_t bfloat_bits(float value) {
  return static_cast<uint16_t>(std::bit_cast<uint32_t>(value) >> 16U);
}

// `value` is a float16 number with the exponent of a normal one.
uint16_t half_bits(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const uint32_t exponent = ((bits >> 23U) & 0xFFU) - 127U + 15U;
  return static_cast<uint16_t>((bits >> 16U & 0x8000U) | exponent << 10U | (bits >> 13U & 0x3FFU));
}

Tensor pack_scales(const std::vector<float>& scales, DType dtype, Shape shape) {
  if (dtype == DType::kFloat) {
    return Tensor::from<float>(std::move(shape), std::span<const float>(scales));
  }
  Tensor out(dtype, std::move(shape));
  const std::span<std::byte> bytes = out.mutable_bytes();
  for (size_t i = 0; i < scales.size(); ++i) {
    const uint16_t bits = dtype == DType::kFloat16 ? half_bits(scales[i]) : bfloat_bits(scales[i]);
    bytes[2 * i] = static_cast<std::byte>(bits & 0xFFU);
    bytes[2 * i + 1] = static_cast<std::byte>(bits >> 8U);
  }
  return out;
}

// Rows of `width` values, each packed on its own and filled up with `fill`.
std::vector<uint8_t> padded_rows(const std::vector<uint8_t>& values, int64_t rows, int64_t width,
                                 int64_t padded, uint8_t fill) {
  std::vector<uint8_t> out(static_cast<size_t>(rows * padded), fill);
  for (int64_t r = 0; r < rows; ++r) {
    std::copy_n(values.data() + r * width, width, out.data() + r * padded);
  }
  return out;
}

template <typename T>
std::vector<T> repeated(const std::vector<T>& values, int64_t times) {
  std::vector<T> out;
  out.reserve(values.size() * static_cast<size_t>(times));
  for (const T value : values) {
    out.insert(out.end(), static_cast<size_t>(times), value);
  }
  return out;
}

bool needs_zero_points(const BlockScheme& scheme) {
  return !scheme.symmetric || !is_signed(scheme.dtype);
}

// DequantizeLinear: a product's weight is [K, N], a lookup's [V, D] as it was.
BlockTensors decoded_tensors(const BlockCodes& stored, const PlannedBlocks& planned,
                             DType scale_dtype, bool with_data) {
  const bool turn = planned.use == BlockUse::kProduct && planned.reduced == ReducedAxis::kSecond;
  const bool zeros = needs_zero_points(planned.scheme);
  const int64_t block =
      planned.scheme.block_size > 0 ? planned.scheme.block_size : stored.reduced_size();
  const int64_t count = block == 0 ? 0 : (stored.reduced_size() + block - 1) / block;
  Shape codes_shape = {stored.rows, stored.columns};
  Shape scale_shape = planned.reduced == ReducedAxis::kFirst ? Shape{count, stored.columns}
                                                             : Shape{stored.rows, count};
  if (turn) {
    std::swap(codes_shape[0], codes_shape[1]);
    std::swap(scale_shape[0], scale_shape[1]);
  }
  if (planned.scheme.block_size == 0 && planned.use == BlockUse::kProduct) {
    scale_shape = {codes_shape[1]};
  }
  BlockTensors out;
  if (!with_data) {
    out.codes = promised(planned.scheme.dtype, codes_shape);
    out.scale = promised(scale_dtype, scale_shape);
    out.zero_point = zeros ? promised(planned.scheme.dtype, scale_shape) : Tensor();
    return out;
  }
  const BlockCodes turned = turn ? transposed(stored) : BlockCodes();
  const BlockCodes& blocks = turn ? turned : stored;
  out.codes = pack_codes(blocks.codes, planned.scheme.dtype, codes_shape);
  out.scale = pack_scales(blocks.scale, scale_dtype, scale_shape);
  out.zero_point = zeros ? pack_codes(blocks.zero, planned.scheme.dtype, scale_shape) : Tensor();
  return out;
}

// MatMulNBits: codes [N, blocks, bytes of a block], scales [N, blocks], zero points packed by rows.
// GatherBlockQuantized: the same tables in two dimensions.
BlockTensors fused_tensors(const BlockCodes& stored, const PlannedBlocks& planned,
                           DType scale_dtype, bool with_data) {
  const bool lookup = planned.use == BlockUse::kLookup;
  const bool zeros = !planned.scheme.symmetric;
  const int64_t bits = bit_width(planned.scheme.dtype);
  const int64_t size = stored.reduced_size();
  const int64_t outputs = stored.output_size();
  const int64_t block = fused_block_size(planned, size);
  const int64_t count = (size + block - 1) / block;
  const int64_t zero_bytes = (count * bits + 7) / 8;
  // Without zero points an operator takes 0 for 4 bits of either type, and 128 for 8 bits.
  const DType table = bits == 8                  ? DType::kUint8
                      : planned.scheme.symmetric ? DType::kInt4
                                                 : DType::kUint4;
  const Shape codes_shape = lookup ? Shape{outputs, size} : Shape{outputs, count, block * bits / 8};
  const Shape scale_shape = {outputs, count};
  const Shape zero_shape = lookup ? scale_shape : Shape{outputs, zero_bytes};
  BlockTensors out;
  if (!with_data) {
    out.codes = promised(lookup ? table : DType::kUint8, codes_shape);
    out.scale = promised(scale_dtype, scale_shape);
    out.zero_point = zeros ? promised(lookup ? table : DType::kUint8, zero_shape) : Tensor();
    return out;
  }
  const bool turn = stored.reduced == ReducedAxis::kFirst;
  const BlockCodes turned = turn ? transposed(stored) : BlockCodes();
  const BlockCodes& blocks = turn ? turned : stored;
  // One scale a channel is repeated for each block that the kernel wants.
  const int64_t times = count / std::max<int64_t>(1, blocks.blocks());
  const std::vector<uint8_t> zero = times > 1 ? repeated(blocks.zero, times) : blocks.zero;
  out.scale = pack_scales(times > 1 ? repeated(blocks.scale, times) : blocks.scale, scale_dtype,
                          scale_shape);
  if (lookup) {
    out.codes = pack_codes(blocks.codes, table, codes_shape);
    out.zero_point = zeros ? pack_codes(zero, table, zero_shape) : Tensor();
    return out;
  }
  const auto raw = [&](const std::vector<uint8_t>& values, Shape shape) {
    const Tensor packed = pack_codes(values, bits == 8 ? DType::kUint8 : DType::kUint4,
                                     {static_cast<int64_t>(values.size())});
    Tensor bytes(DType::kUint8, std::move(shape));
    std::ranges::copy(packed.bytes(), bytes.mutable_bytes().begin());
    return bytes;
  };
  out.codes = raw(padded_rows(blocks.codes, outputs, size, count * block, 0), codes_shape);
  if (zeros) {
    out.zero_point = raw(padded_rows(zero, outputs, count, zero_bytes * 8 / bits, 0), zero_shape);
  }
  return out;
}

}  // namespace

bool is_promised(const Tensor& tensor) {
  return tensor.bytes().data() == nullptr && !tensor.bytes().empty();
}

BlockTensors block_tensors(const BlockCodes& blocks, const PlannedBlocks& planned, DType source,
                           WeightFormat format, bool with_data) {
  const DType scale_dtype = source == DType::kFloat ? planned.scheme.scale_dtype : source;
  return format == WeightFormat::kQdq ? decoded_tensors(blocks, planned, scale_dtype, with_data)
                                      : fused_tensors(blocks, planned, scale_dtype, with_data);
}

InsertedBlocks insert_blocks(const Model& model, const BlockPlan& plan, WeightFormat format) {
  PTQ_CHECK(format != WeightFormat::kQdq || model.opset() >= 21);
  InsertedBlocks out;
  out.model = model;
  out.model.graph = copy_graph(model.graph);
  NameScope names(out.model.graph);
  const ModelIndex index(model.graph);
  const std::vector<Graph*> graphs = all_graphs(out.model.graph);
  out.names.resize(plan.weights.size());
  // Inner graphs first: finishing a graph moves its nodes.
  for (size_t k = graphs.size(); k-- > 0;) {
    Inserter inserter(index[k], *graphs[k], names, format);
    for (size_t w = 0; w < plan.weights.size(); ++w) {
      const PlannedBlocks& planned = plan.weights[w];
      if (planned.graph != k) {
        continue;
      }
      const Constant* source = index[k].constant(planned.constant);
      PTQ_CHECK(source != nullptr);
      out.names[w] = inserter.insert(planned, source->tensor);
    }
    inserter.finish();
  }
  if (format == WeightFormat::kMatMulNBits && !plan.weights.empty() &&
      out.model.opset(kContrib) == 0) {
    out.model.set_opset(kContrib, 1);
  }
  return out;
}

}  // namespace ptq

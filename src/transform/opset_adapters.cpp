// Adapters that move attributes of opset 7…12 to inputs of opset 13, after the change logs of the
// operators (ONNX Operators.md and Changelog.md).
//
//   Clip{min = 0, max = 6}(x)                  Clip(x, min, max)
//   Softmax{axis = 1}(x)   x [n,c,h,w]         Reshape(Softmax{axis = -1}(Flatten{axis = 1}(x)), …)
//   Upsample{mode}(x, scales)                  Resize{mode, asymmetric, floor}(x, , scales)

#include "transform/opset_adapters.h"

#include <algorithm>
#include <span>
#include <utility>

namespace ptq {
namespace {

Tensor int64_vector(const std::vector<int64_t>& values) {
  return Tensor::from<int64_t>({static_cast<int64_t>(values.size())}, values);
}

std::string accept(OpsetMove& move, Node node) {
  move.nodes.push_back(std::move(node));
  return {};
}

// Puts `name` at input k, with absent inputs before it.
void set_input(Node& node, size_t k, std::string name) {
  if (node.inputs.size() <= k) {
    node.inputs.resize(k + 1);
  }
  node.inputs[k] = std::move(name);
}

// The attribute `attribute`, when there, becomes an int64 vector at input k.
void ints_to_input(OpsetMove& move, Node& node, std::string_view attribute, size_t k) {
  if (node.find_attribute(attribute) == nullptr) {
    return;
  }
  const std::vector<int64_t> values = node.ints_attribute(attribute);
  node.erase_attribute(attribute);
  set_input(node, k, move.add_constant(node, attribute, int64_vector(values)));
}

// A float attribute as a scalar of the element type of input 0. False when that type is unknown.
bool float_to_input(OpsetMove& move, Node& node, std::string_view attribute, size_t k) {
  const float value = node.float_attribute(attribute, 0.0F);
  const DType dtype = move.dtype(node.input(0));
  Tensor tensor;
  if (dtype == DType::kFloat) {
    tensor = Tensor::scalar(value);
  } else if (dtype == DType::kDouble) {
    tensor = Tensor::scalar(static_cast<double>(value));
  } else {
    return false;
  }
  node.erase_attribute(attribute);
  set_input(node, k, move.add_constant(node, attribute, std::move(tensor)));
  return true;
}

std::string element_type_reason(const OpsetMove& move, const Node& node) {
  return "the element type of its input is " + std::string(dtype_name(move.dtype(node.input(0))));
}

}  // namespace

std::string OpsetMove::add_constant(const Node& node, std::string_view role, Tensor tensor) {
  const std::string base = node.outputs.empty() ? node.name : node.outputs.front();
  std::string name = names.unique(base + "_" + std::string(role));
  constants.push_back({name, std::move(tensor), {}});
  return name;
}

const Tensor* OpsetMove::constant(std::string_view value) const {
  for (const GraphIndex* scope : scopes) {
    if (const Constant* found = scope->fixed_constant(value)) {
      return &found->tensor;
    }
  }
  return nullptr;
}

const Shape* OpsetMove::shape(std::string_view value) const {
  for (const GraphIndex* scope : scopes) {
    if (const Shape* found = scope->shape(value)) {
      return found;
    }
  }
  return nullptr;
}

DType OpsetMove::dtype(std::string_view value) const {
  for (const GraphIndex* scope : scopes) {
    if (const DType found = scope->dtype(value); found != DType::kUndefined) {
      return found;
    }
  }
  return DType::kUndefined;
}

std::string move_axes_to_input(OpsetMove& move, Node node) {
  ints_to_input(move, node, "axes", 1);
  return accept(move, std::move(node));
}

std::string move_split_to_input(OpsetMove& move, Node node) {
  ints_to_input(move, node, "split", 1);
  return accept(move, std::move(node));
}

std::string move_clip_to_inputs(OpsetMove& move, Node node) {
  if (move.from < 11) {
    if (node.find_attribute("min") != nullptr && !float_to_input(move, node, "min", 1)) {
      return element_type_reason(move, node);
    }
    if (node.find_attribute("max") != nullptr && !float_to_input(move, node, "max", 2)) {
      return element_type_reason(move, node);
    }
  }
  return accept(move, std::move(node));
}

std::string move_pad_to_inputs(OpsetMove& move, Node node) {
  if (move.from < 11) {
    ints_to_input(move, node, "pads", 1);
    if (node.float_attribute("value", 0.0F) == 0.0F) {
      node.erase_attribute("value");  // 0 is the default of the input, too
    } else if (!float_to_input(move, node, "value", 2)) {
      return element_type_reason(move, node);
    }
  }
  return accept(move, std::move(node));
}

std::string move_slice_to_inputs(OpsetMove& move, Node node) {
  if (move.from < 10) {
    ints_to_input(move, node, "starts", 1);
    ints_to_input(move, node, "ends", 2);
    ints_to_input(move, node, "axes", 3);
  }
  return accept(move, std::move(node));
}

std::string move_k_to_input(OpsetMove& move, Node node) {
  if (move.from < 10) {
    const int64_t k = node.int_attribute("k", 0);
    node.erase_attribute("k");
    set_input(node, 1, move.add_constant(node, "k", int64_vector({k})));
  }
  return accept(move, std::move(node));
}

std::string move_ratio_to_input(OpsetMove& move, Node node) {
  if (move.from < 12) {
    // The mask changed its element type (opset 10) and, in the runtime, its values (opset 12).
    if (node.outputs.size() > 1 && !node.outputs[1].empty()) {
      return "its mask is used";
    }
    node.erase_attribute("ratio");  // without meaning at inference
  }
  return accept(move, std::move(node));
}

std::string turn_upsample_to_resize(OpsetMove& move, Node node) {
  if (move.from < 9) {
    const Attribute* scales = node.find_attribute("scales");
    if (scales == nullptr || scales->kind != AttributeKind::kFloats) {
      return "it has no scales";
    }
    const auto count = static_cast<int64_t>(scales->floats.size());
    Tensor tensor = Tensor::from<float>({count}, scales->floats);
    node.erase_attribute("scales");
    set_input(node, 1, move.add_constant(node, "scales", std::move(tensor)));
  }
  if (node.inputs.size() != 2) {
    return "it has no scales";
  }
  node.op_type = "Resize";
  node.inputs = {node.inputs[0], "", node.inputs[1]};
  if (node.string_attribute("mode", "nearest") == "nearest") {
    node.set_attribute("nearest_mode", std::string("floor"));
  }
  node.set_attribute("coordinate_transformation_mode", std::string("asymmetric"));
  return accept(move, std::move(node));
}

std::string move_resize(OpsetMove& move, Node node) {
  if (move.from >= 11) {
    return accept(move, std::move(node));
  }
  // Opset 10 knew neither a coordinate rule nor a rounding rule. The runtime maps coordinates
  // asymmetrically and rounds down where it enlarges, up where it shrinks.
  if (node.inputs.size() != 2) {
    return "it has no scales";
  }
  if (node.string_attribute("mode", "nearest") == "nearest") {
    const Tensor* scales = move.constant(node.inputs[1]);
    if (scales == nullptr || scales->dtype() != DType::kFloat) {
      return "its scales are not constant";
    }
    const std::span<const float> values = scales->data<float>();
    const bool enlarges = std::any_of(values.begin(), values.end(), [](float s) { return s > 1; });
    const bool shrinks = std::any_of(values.begin(), values.end(), [](float s) { return s < 1; });
    if (enlarges && shrinks) {
      return "it enlarges one dimension and shrinks another";
    }
    node.set_attribute("nearest_mode", std::string(shrinks ? "ceil" : "floor"));
  }
  node.inputs = {node.inputs[0], "", node.inputs[1]};
  node.set_attribute("coordinate_transformation_mode", std::string("asymmetric"));
  return accept(move, std::move(node));
}

std::string rename_scatter(OpsetMove& move, Node node) {
  node.op_type = "ScatterElements";
  return accept(move, std::move(node));
}

std::string drop_spatial(OpsetMove& move, Node node) {
  if (node.int_attribute("spatial", 1) != 1) {
    return "it normalizes each position apart (spatial = 0)";
  }
  node.erase_attribute("spatial");
  return accept(move, std::move(node));
}

std::string refuse_old_scan(OpsetMove& move, Node node) {
  if (move.from < 9) {
    return "its batch dimension has no counterpart";
  }
  return accept(move, std::move(node));
}

// Before opset 13 the input counted as a matrix: dimensions before `axis` are rows, the others one
// long row. From 13 only the dimension `axis` is summed over.
std::string move_softmax(OpsetMove& move, Node node) {
  int64_t axis = node.int_attribute("axis", 1);
  const std::string input(node.input(0));
  const Shape* shape = move.shape(input);
  if (shape != nullptr && axis < 0) {
    axis += static_cast<int64_t>(shape->size());
  }
  const auto is_one = [](int64_t dim) { return dim == 1; };
  if (shape != nullptr && axis >= 0 && axis < static_cast<int64_t>(shape->size()) &&
      std::all_of(shape->begin() + axis + 1, shape->end(), is_one)) {
    const bool is_last = axis + 1 == static_cast<int64_t>(shape->size());
    node.set_attribute("axis", is_last ? int64_t{-1} : axis);
    return accept(move, std::move(node));
  }
  if (axis == -1) {
    return accept(move, std::move(node));
  }
  const std::string& output = node.outputs.front();
  Node flatten{.op_type = "Flatten", .inputs = {input}};
  flatten.outputs = {move.names.unique(output + "_flat_in")};
  flatten.set_attribute("axis", axis);
  Node reshape{.op_type = "Reshape", .outputs = {output}};
  std::string target;
  if (shape != nullptr &&
      std::count_if(shape->begin(), shape->end(), [](int64_t dim) { return dim <= 0; }) == 0) {
    target = move.add_constant(node, "shape", int64_vector(*shape));
  } else {
    Node read{.op_type = "Shape", .inputs = {input}};
    target = move.names.unique(output + "_shape");
    read.outputs = {target};
    move.nodes.push_back(std::move(read));
  }
  node.inputs = {flatten.outputs[0]};
  node.outputs = {move.names.unique(output + "_flat_out")};
  node.set_attribute("axis", int64_t{-1});
  reshape.inputs = {node.outputs[0], target};
  move.nodes.push_back(std::move(flatten));
  move.nodes.push_back(std::move(node));
  return accept(move, std::move(reshape));
}

}  // namespace ptq

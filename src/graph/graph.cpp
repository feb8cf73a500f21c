#include "ptq/graph.h"

#include <algorithm>
#include <utility>

namespace ptq {
namespace {

Attribute& attribute_slot(Node& node, std::string_view name) {
  for (Attribute& attribute : node.attributes) {
    if (attribute.name == name) {
      attribute = Attribute{.name = std::string(name)};
      return attribute;
    }
  }
  node.attributes.push_back(Attribute{.name = std::string(name)});
  return node.attributes.back();
}

}  // namespace

const Attribute* Node::find_attribute(std::string_view wanted) const {
  for (const Attribute& attribute : attributes) {
    if (attribute.name == wanted) {
      return &attribute;
    }
  }
  return nullptr;
}

int64_t Node::int_attribute(std::string_view wanted, int64_t fallback) const {
  const Attribute* found = find_attribute(wanted);
  return found != nullptr && found->kind == AttributeKind::kInt ? found->i : fallback;
}

float Node::float_attribute(std::string_view wanted, float fallback) const {
  const Attribute* found = find_attribute(wanted);
  return found != nullptr && found->kind == AttributeKind::kFloat ? found->f : fallback;
}

std::string Node::string_attribute(std::string_view wanted, std::string_view fallback) const {
  const Attribute* found = find_attribute(wanted);
  return found != nullptr && found->kind == AttributeKind::kString ? found->s
                                                                   : std::string(fallback);
}

std::vector<int64_t> Node::ints_attribute(std::string_view wanted) const {
  const Attribute* found = find_attribute(wanted);
  return found != nullptr && found->kind == AttributeKind::kInts ? found->ints
                                                                 : std::vector<int64_t>{};
}

void Node::set_attribute(std::string_view wanted, int64_t value) {
  Attribute& slot = attribute_slot(*this, wanted);
  slot.kind = AttributeKind::kInt;
  slot.i = value;
}

void Node::set_attribute(std::string_view wanted, std::vector<int64_t> values) {
  Attribute& slot = attribute_slot(*this, wanted);
  slot.kind = AttributeKind::kInts;
  slot.ints = std::move(values);
}

void Node::set_attribute(std::string_view wanted, std::string value) {
  Attribute& slot = attribute_slot(*this, wanted);
  slot.kind = AttributeKind::kString;
  slot.s = std::move(value);
}

void Node::set_attribute(std::string_view wanted, float value) {
  Attribute& slot = attribute_slot(*this, wanted);
  slot.kind = AttributeKind::kFloat;
  slot.f = value;
}

void Node::erase_attribute(std::string_view wanted) {
  const std::string erased(wanted);  // the view may point into an attribute that moves
  std::erase_if(attributes, [&](const Attribute& a) { return a.name == erased; });
}

std::string_view Node::input(size_t k) const {
  return k < inputs.size() ? std::string_view(inputs[k]) : std::string_view();
}

int64_t Model::opset(std::string_view domain) const {
  for (const OpsetImport& import : opset_imports) {
    if (import.domain == domain) {
      return import.version;
    }
  }
  return 0;
}

void Model::set_opset(std::string_view domain, int64_t version) {
  for (OpsetImport& import : opset_imports) {
    if (import.domain == domain) {
      import.version = version;
      return;
    }
  }
  opset_imports.push_back({std::string(domain), version});
}

Graph copy_graph(const Graph& graph) {
  Graph copy = graph;
  for (Node& node : copy.nodes) {
    for (Attribute& attribute : node.attributes) {
      for (std::shared_ptr<Graph>& inner : attribute.graphs) {
        inner = std::make_shared<Graph>(copy_graph(*inner));
      }
    }
  }
  return copy;
}

}  // namespace ptq

#include "report/markup_check.h"

#include <algorithm>
#include <array>

namespace ptq::testing {
namespace {

constexpr std::array<std::string_view, 4> kVoid = {"meta", "link", "wbr", "br"};

bool is_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
}

class Reader {
 public:
  explicit Reader(std::string_view html) : rest_(html) {}

  Markup read() {
    constexpr std::string_view kType = "<!DOCTYPE html>";
    if (rest_.starts_with(kType)) {
      rest_.remove_prefix(kType.size());
    }
    while (!rest_.empty() && markup_.error.empty()) {
      rest_.front() == '<' ? tag() : characters();
    }
    if (!open_.empty()) {
      fail("never closed: " + markup_.elements[open_.back()].name);
    }
    return std::move(markup_);
  }

 private:
  void fail(const std::string& what) {
    if (markup_.error.empty()) {
      markup_.error = what + " before '" + std::string(rest_.substr(0, 60)) + "'";
    }
  }

  std::string name() {
    const auto end = std::ranges::find_if_not(rest_, is_name);
    const auto size = static_cast<size_t>(end - rest_.begin());
    const std::string found(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return found;
  }

  std::string unescaped(std::string_view raw) {
    static const std::map<std::string_view, char> kReferences = {
        {"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&#39;", '\''}};
    std::string out;
    while (!raw.empty()) {
      if (raw.front() != '&') {
        out += raw.front();
        raw.remove_prefix(1);
        continue;
      }
      const auto found = kReferences.find(raw.substr(0, raw.find(';') + 1));
      if (found == kReferences.end()) {
        fail("unknown reference " + std::string(raw.substr(0, 12)));
        return out;
      }
      out += found->second;
      raw.remove_prefix(found->first.size());
    }
    return out;
  }

  void characters() {
    const size_t size = std::min(rest_.find('<'), rest_.size());
    const std::string_view raw = rest_.substr(0, size);
    const bool style = !open_.empty() && markup_.elements[open_.back()].name == "style";
    if (!style && raw.find('>') != std::string_view::npos) {
      fail("stray >");
    }
    if (!open_.empty()) {
      markup_.elements[open_.back()].text += style ? std::string(raw) : unescaped(raw);
    }
    rest_.remove_prefix(size);
  }

  void tag() {
    rest_.remove_prefix(1);
    if (rest_.starts_with("/")) {
      rest_.remove_prefix(1);
      const std::string closed = name();
      if (open_.empty() || markup_.elements[open_.back()].name != closed ||
          !rest_.starts_with(">")) {
        return fail("wrong end tag " + closed);
      }
      open_.pop_back();
      rest_.remove_prefix(1);
      return;
    }
    Element element{.name = name()};
    if (element.name.empty()) {
      return fail("stray <");
    }
    while (rest_.starts_with(" ")) {
      rest_.remove_prefix(1);
      attribute(element);
    }
    const bool closed = rest_.starts_with("/");
    rest_.remove_prefix(closed ? 1 : 0);
    if (!rest_.starts_with(">")) {
      return fail("bad tag " + element.name);
    }
    rest_.remove_prefix(1);
    const bool leaf = closed || std::ranges::find(kVoid, element.name) != kVoid.end();
    markup_.elements.push_back(std::move(element));
    if (!leaf) {
      open_.push_back(markup_.elements.size() - 1);
    }
  }

  void attribute(Element& element) {
    const std::string key = name();
    if (key.empty() || !rest_.starts_with("=\"")) {
      return fail("attribute without quotes");
    }
    rest_.remove_prefix(2);
    const size_t end = rest_.find('"');
    if (end == std::string_view::npos || rest_.substr(0, end).find('<') != std::string_view::npos) {
      return fail("attribute without end");
    }
    if (!element.attributes.emplace(key, unescaped(rest_.substr(0, end))).second) {
      fail("attribute given twice: " + key);
    }
    rest_.remove_prefix(end + 1);
  }

  std::string_view rest_;
  Markup markup_;
  std::vector<size_t> open_;
};

}  // namespace

std::vector<const Element*> Markup::all(std::string_view name) const {
  std::vector<const Element*> found;
  for (const Element& element : elements) {
    if (element.name == name) {
      found.push_back(&element);
    }
  }
  return found;
}

const Element* Markup::with_id(std::string_view id) const {
  for (const Element& element : elements) {
    const auto found = element.attributes.find("id");
    if (found != element.attributes.end() && found->second == id) {
      return &element;
    }
  }
  return nullptr;
}

std::string Markup::text() const {
  std::string out;
  for (const Element& element : elements) {
    out += element.text + "\n";
  }
  return out;
}

Markup read_markup(std::string_view html) {
  return Reader(html).read();
}

}  // namespace ptq::testing

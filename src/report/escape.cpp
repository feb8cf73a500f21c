#include "report/escape.h"

#include <fmt/format.h>

#include "ptq/error.h"

namespace ptq {
namespace {

// `text` with each character that `replacement` knows replaced.
std::string replaced(std::string_view text, std::string_view (*replacement)(char c)) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const std::string_view other = replacement(c);
    if (other.empty()) {
      out += c;
    } else {
      out += other;
    }
  }
  return out;
}

std::string_view markup_reference(char c) {
  switch (c) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\'':
      return "&#39;";
    default:
      return {};
  }
}

// `printable` leaves no ends of lines, which would be %0A and %0D.
std::string_view message_code(char c) {
  return c == '%' ? "%25" : "";
}

std::string_view property_code(char c) {
  return c == ':' ? "%3A" : c == ',' ? "%2C" : message_code(c);
}

}  // namespace

std::string markup_escaped(std::string_view text, size_t max_size) {
  return replaced(printable(text, max_size), markup_reference);
}

std::string markdown_text(std::string_view text, size_t max_size) {
  constexpr std::string_view kMarkup = "\\`*_{}[]()#!|~$";
  std::string out;
  for (const char c : printable(text, max_size)) {
    if (c == '&' || c == '<' || c == '>') {
      out += markup_reference(c);
    } else if (c == ':' && !out.empty() && out.back() == ':') {
      out += "&#58;";  // two would begin a workflow command
    } else if (c == '@') {
      out += "&#64;";  // would call a person
    } else {
      if (kMarkup.find(c) != std::string_view::npos) {
        out += '\\';
      }
      out += c;
    }
  }
  return out;
}

std::string workflow_message(std::string_view text, size_t max_size) {
  return replaced(printable(text, max_size), message_code);
}

std::string workflow_property(std::string_view text, size_t max_size) {
  return replaced(printable(text, max_size), property_code);
}

}  // namespace ptq

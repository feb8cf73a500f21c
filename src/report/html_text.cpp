#include "report/html_text.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "ptq/error.h"
#include "report/escape.h"

namespace ptq {
namespace {

// Rows beyond which a table gets a frame of its own.
constexpr size_t kTallRows = 14;

// A hyphen in front of a figure becomes a minus sign.
std::string with_minus(std::string text) {
  return !text.empty() && text.front() == '-' ? "\u2212" + text.substr(1) : text;
}

// "1.50e+06" as "1.50·10⁶", "1e-05" as "10⁻⁵".
std::string power_figure(std::string_view scientific) {
  constexpr std::array<std::string_view, 10> kRaised = {"⁰", "¹", "²", "³", "⁴",
                                                        "⁵", "⁶", "⁷", "⁸", "⁹"};
  const size_t e = scientific.find('e');
  std::string_view exponent = scientific.substr(e + 1);
  std::string out(scientific.substr(0, e));
  out = out == "1" ? "10" : out == "-1" ? "-10" : out + "·10";
  out += exponent.front() == '-' ? "⁻" : "";
  exponent.remove_prefix(1);
  while (exponent.size() > 1 && exponent.front() == '0') {
    exponent.remove_prefix(1);
  }
  for (const char digit : exponent) {
    out += kRaised.at(static_cast<size_t>(digit - '0'));
  }
  return with_minus(std::move(out));
}

// A line does not end between a figure and its decibels.
std::string with_tied_units(std::string text) {
  constexpr std::string_view kUnit = " dB";
  for (size_t at = text.find(kUnit); at != std::string::npos; at = text.find(kUnit, at + 1)) {
    text.replace(at, 1, "\u00A0");
  }
  return text;
}

std::string_view severity_class(std::string_view severity) {
  return severity == "error" ? " bad" : severity == "warning" ? " mid" : "";
}

std::string special_figure(double value) {
  return std::isnan(value) ? "NaN" : value > 0 ? "∞" : "\u2212∞";
}

}  // namespace

std::string html_text(std::string_view text, size_t max_size) {
  return markup_escaped(text, max_size);
}

std::string html_name(std::string_view name, size_t max_size) {
  if (name.size() <= max_size) {
    return html_text(name, max_size);
  }
  std::string_view end = name.substr(name.size() - max_size);
  while (!end.empty() && (static_cast<unsigned char>(end.front()) & 0xC0U) == 0x80U) {
    end.remove_prefix(1);  // do not begin inside a character
  }
  return "…" + html_text(end, max_size);
}

std::string html_path(std::string_view name, size_t max_size) {
  std::string out;
  for (const char c : html_name(name, max_size)) {
    out += c;
    if (c == '/' || c == '.' || c == '_' || c == ':') {
      out += "<wbr>";
    }
  }
  return out;
}

std::string figure(double value, int significant_digits) {
  if (!std::isfinite(value)) {
    return special_figure(value);
  }
  if (value == 0.0) {
    return "0";
  }
  const double magnitude = std::abs(value);
  if (magnitude < 1e-4 || magnitude >= 1e6) {
    return power_figure(fmt::format("{:.{}e}", value, significant_digits - 1));
  }
  const int decimals = significant_digits - 1 - static_cast<int>(std::floor(std::log10(magnitude)));
  return with_minus(fmt::format("{:.{}f}", value, std::max(0, decimals)));
}

std::string fixed_figure(double value, int decimals) {
  if (!std::isfinite(value)) {
    return special_figure(value);
  }
  const std::string text = fmt::format("{:.{}f}", value, decimals);
  const bool zero = text.find_first_not_of("-0.") == std::string::npos;
  return zero && text.front() == '-' ? text.substr(1) : with_minus(text);
}

std::string count_figure(uint64_t value) {
  std::string digits = std::to_string(value);
  for (size_t at = digits.size(); at > 3;) {
    at -= 3;
    digits.insert(at, ",");
  }
  return digits;
}

std::string large_figure(double value) {
  constexpr std::array<std::string_view, 5> kSteps = {"", " k", " M", " G", " T"};
  if (!std::isfinite(value)) {
    return special_figure(value);
  }
  size_t step = 0;
  while (std::abs(value) >= 999.5 && step + 1 < kSteps.size()) {
    value /= 1000.0;
    ++step;
  }
  const double magnitude = std::abs(value);
  const int decimals = step == 0 && value == std::floor(value) ? 0
                       : magnitude < 9.995                     ? 2
                       : magnitude < 99.95                     ? 1
                                                               : 0;
  return with_minus(fmt::format("{:.{}f}{}", value, decimals, kSteps[step]));
}

std::string decibel_figure(double db) {
  if (std::isinf(db) && db > 0) {
    return "lossless";
  }
  return fixed_figure(db, 1) + " dB";
}

std::string percent_figure(double percent) {
  if (percent == 0.0) {
    return "0 %";
  }
  if (std::abs(percent) >= 0.1 || !std::isfinite(percent)) {
    return fixed_figure(percent, 1) + " %";
  }
  return figure(percent, 2) + " %";
}

std::string tick_figure(double value) {
  const double magnitude = std::abs(value);
  if (magnitude == 0.0) {
    return "0";
  }
  if (magnitude >= 1e-3 && magnitude < 1e5) {
    return with_minus(fmt::format("{:.5g}", value));
  }
  std::string shortest = fmt::format("{:.3e}", value);
  const size_t e = shortest.find('e');
  size_t end = e;
  while (end > 0 && (shortest[end - 1] == '0' || shortest[end - 1] == '.')) {
    const bool point = shortest[--end] == '.';
    if (point) {
      break;
    }
  }
  return power_figure(shortest.substr(0, end) + shortest.substr(e));
}

std::string optional_count(std::optional<double> value) {
  return value && *value >= 0.0 && *value < 1e15 ? count_figure(static_cast<uint64_t>(*value))
                                                 : "–";
}

std::string optional_figure(std::optional<double> value, int significant_digits) {
  return value ? figure(*value, significant_digits) : "–";
}

std::string milliseconds_figure(double ms) {
  return ms < 1000.0 || !std::isfinite(ms) ? figure(ms) + " ms" : figure(ms / 1000.0) + " s";
}

void HtmlTable::add_row(const std::vector<std::string>& cells) {
  PTQ_CHECK(cells.size() <= columns_.size());
  body_ += "<tr>";
  for (size_t i = 0; i < columns_.size(); ++i) {
    const std::string_view cell = i < cells.size() ? cells[i] : std::string_view();
    switch (columns_[i].kind) {
      case Kind::kText:
        body_ += fmt::format("<td>{}</td>", with_tied_units(html_text(cell)));
        break;
      case Kind::kNumber:
        body_ += fmt::format("<td class=\"n\">{}</td>", html_text(cell));
        break;
      case Kind::kCode:
        body_ += fmt::format("<td class=\"nw\">{}</td>", html_text(cell, 40));
        break;
      case Kind::kSeverity:
        body_ += fmt::format("<td><span class=\"sev{}\">{}</span></td>", severity_class(cell),
                             html_text(cell));
        break;
      case Kind::kName:
        body_ += fmt::format("<td class=\"id\">{}</td>", html_path(cell));
        break;
    }
  }
  body_ += "</tr>\n";
  ++rows_;
}

std::string HtmlTable::html() const {
  std::string head;
  for (const Column& column : columns_) {
    head +=
        fmt::format("<th scope=\"col\"{}>{}</th>",
                    column.kind == Kind::kNumber ? " class=\"n\"" : "", html_text(column.title));
  }
  return fmt::format(
      "<div class=\"scroll{}\" "
      "tabindex=\"0\"><table>\n<thead><tr>{}</tr></thead>\n<tbody>\n{}</tbody>"
      "\n</table></div>\n",
      rows_ > kTallRows ? " tall" : "", head, body_);
}

std::string HtmlTable::folded(std::string_view title) const {
  return fmt::format("<details><summary>{} ({} {})</summary>\n{}</details>\n", html_text(title),
                     rows_, rows_ == 1 ? "row" : "rows", html());
}

std::string html_note(std::string_view text) {
  return fmt::format("<p class=\"note\">{}</p>\n", html_text(text, 2000));
}

std::string note_if(std::string_view text) {
  return text.empty() ? "" : html_note(text);
}

}  // namespace ptq

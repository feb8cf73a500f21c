#pragma once
// Names come from models, files and messages and may hold any bytes. Every way that they take into
// another language passes through here. All functions leave out control characters and marks of
// writing direction, give valid UTF-8 and cut after `max_size` bytes of the source. Pure; any
// thread.

#include <cstddef>
#include <string>
#include <string_view>

namespace ptq {

// Safe as text of HTML and XML and inside a quoted attribute: & < > " ' are escaped.
std::string markup_escaped(std::string_view text, size_t max_size = 600);

// Text inside a line or a table of GitHub's Markdown: no markup, no HTML, no mention of a person,
// no workflow command.
std::string markdown_text(std::string_view text, size_t max_size = 300);

// The message of a workflow command of GitHub Actions, and the value of one of its properties.
std::string workflow_message(std::string_view text, size_t max_size = 1000);
std::string workflow_property(std::string_view text, size_t max_size = 200);

}  // namespace ptq

#pragma once
// Lines and fields of comma-separated tables, for the readers of labels. Free functions; any
// thread.

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace ptq {

// Calls `visit` with each line, without its line feed and without a byte order mark. Throws
// Error{kInput} for a file of more than 256 MB.
void for_each_csv_line(const std::filesystem::path& path,
                       const std::function<void(std::string_view line)>& visit);

// Fields of one line (RFC 4180, but no line breaks within quotes), trimmed. `where` begins the
// message of Error{kInput}.
std::vector<std::string> csv_fields(std::string_view line, const std::string& where);

// Without blanks and carriage returns at both ends.
std::string_view trimmed(std::string_view text);

}  // namespace ptq

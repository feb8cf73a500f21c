#pragma once
// The files that arguments of --data name, before a model tells input names apart. Free functions;
// any thread.

#include <filesystem>
#include <string>
#include <vector>

namespace ptq {

// The files, folders and lists that stand in the arguments themselves and exist: what a report
// names as its inputs.
std::vector<std::filesystem::path> argument_paths(const std::vector<std::string>& data);

// These, and what patterns match and lists name: what an output must not replace. Throws
// Error{kInput} for a damaged list.
std::vector<std::filesystem::path> named_paths(const std::vector<std::string>& data);

}  // namespace ptq

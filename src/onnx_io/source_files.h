#pragma once
// The files that a model consists of. The pipeline lists them to refuse an output that is one of
// them, and to notice that one was changed while it was in use. One thread.

#include <cstdint>
#include <filesystem>
#include <vector>

namespace ptq {

struct SourceFile {
  std::filesystem::path path;  // as the system knows it, links resolved
  uint64_t size_bytes = 0;
  int64_t modified_ns = 0;
  uint64_t inode = 0;
};

// The model file, then its external data files by path. Throws what read_model throws.
std::vector<SourceFile> list_source_files(const std::filesystem::path& model);

// Throws Error{kInput} naming the first file that is no longer as it was listed.
void check_unchanged(const std::vector<SourceFile>& files);

}  // namespace ptq

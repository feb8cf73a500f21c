#pragma once
// Tensor data that lies in a file of its own beside the model. A model is untrusted: its paths must
// not lead out of its folder. As ONNX Runtime does, a file is accepted inside the folder of the
// model as it was named, or inside the folder of the file that this name finally leads to: Hugging
// Face caches keep the model as a link snapshots/REV/model.onnx -> ../../blobs/HASH, its data
// likewise. Used while one model is read; one thread.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "onnx_io/mapped_file.h"
#include "onnx_io/onnx_fwd.h"

namespace ptq {

struct ExternalReference {
  std::string location;  // relative, '/' between components
  uint64_t offset = 0;
  std::optional<uint64_t> length;
};

// The entries of a tensor whose data_location is EXTERNAL. Throws Error{kInput} when the location
// is missing, absolute, has a "..", a backslash or a NUL, or when a number is none. Opens nothing.
ExternalReference parse_external_reference(const onnx::TensorProto& tensor);

struct ExternalBytes {
  std::shared_ptr<const MappedFile> owner;
  const std::byte* data = nullptr;
};

class ExternalData {
 public:
  // Without a folder: every reference is refused.
  ExternalData() = default;
  // The folders that files may lie in.
  explicit ExternalData(const std::vector<std::filesystem::path>& folders);
  // The two folders of a model file (see above).
  static ExternalData beside(const std::filesystem::path& model);

  // `size_bytes` bytes at the reference. Throws Error{kInput} when the file is missing, not a
  // regular file, outside the folders or too short, or when the reference states another length.
  ExternalBytes map(const ExternalReference& reference, size_t size_bytes);

  // The file of a location. Throws Error{kInput} when it is missing or outside the folders.
  std::filesystem::path resolve(const std::string& location) const;

  // Warns of tensors that share a part of their bytes. Call after the last `map`.
  void warn_of_overlaps() const;

 private:
  struct File {
    std::shared_ptr<const MappedFile> mapped;
    std::map<uint64_t, uint64_t> ranges;  // begin -> end of the longest range that begins there
  };

  std::vector<std::filesystem::path> folders_;
  std::map<std::string, File> files_;  // by location
};

}  // namespace ptq

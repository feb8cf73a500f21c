#include "onnx_io/fingerprint.h"

#include "core/hash.h"
#include "onnx_io/mapped_file.h"
#include "onnx_io/model_stream.h"

namespace ptq {

std::string model_fingerprint(const Model& model) {
  StreamOptions options;
  options.essence_only = true;
  const ModelStream stream(model, options);
  // Large models are read through mapped files, whose pages count as memory of this process.
  constexpr size_t kReleaseAfter = size_t{256} << 20;
  size_t read = 0;
  Sha256 hash;
  stream.write_model([&](std::span<const std::byte> piece) {
    hash.update(piece);
    read += piece.size();
    if (read >= kReleaseAfter) {
      MappedFile::release_pages();
      read = 0;
    }
  });
  return hash.hex();
}

}  // namespace ptq

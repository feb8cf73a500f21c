#include "onnx_io/fingerprint.h"

#include "core/hash.h"
#include "onnx_io/model_stream.h"

namespace ptq {

std::string model_fingerprint(const Model& model) {
  StreamOptions options;
  options.essence_only = true;
  const ModelStream stream(model, options);
  Sha256 hash;
  stream.write_model([&](std::span<const std::byte> piece) { hash.update(piece); });
  return hash.hex();
}

}  // namespace ptq

#include "core/input_hash.h"

#include <array>
#include <cstdint>
#include <string_view>

#include "core/hash.h"

namespace ptq {
namespace {

void update_number(Sha256& hash, uint64_t value) {
  std::array<std::byte, 8> bytes{};
  for (std::byte& each : bytes) {
    each = static_cast<std::byte>(value & 0xff);
    value >>= 8;
  }
  hash.update(std::span<const std::byte>(bytes));
}

}  // namespace

Digest input_hash(const std::map<std::string, Tensor>& inputs) {
  Sha256 hash;
  update_number(hash, inputs.size());
  for (const auto& [name, tensor] : inputs) {
    update_number(hash, name.size());
    hash.update(std::string_view(name));
    update_number(hash, static_cast<uint64_t>(tensor.dtype()));
    update_number(hash, tensor.shape().size());
    for (const int64_t dimension : tensor.shape()) {
      update_number(hash, static_cast<uint64_t>(dimension));
    }
    update_number(hash, tensor.bytes().size());
    hash.update(tensor.bytes());
  }
  return hash.digest();
}

}  // namespace ptq

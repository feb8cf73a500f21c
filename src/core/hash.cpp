#include "core/hash.h"

// The functions of OpenSSL 1.1: those that follow them link the whole of its providers, some
// megabytes, into libptq_observe.
#define OPENSSL_API_COMPAT 0x10100000L
#include <openssl/sha.h>

#include "ptq/error.h"
#include "ptq/fingerprint.h"

namespace ptq {

struct Sha256::State {
  SHA256_CTX context{};
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  PTQ_CHECK(SHA256_Init(&state_->context) == 1);
}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(std::span<const std::byte> bytes) {
  PTQ_CHECK(SHA256_Update(&state_->context, bytes.data(), bytes.size()) == 1);
}

void Sha256::update(std::string_view text) {
  update(std::as_bytes(std::span(text)));
}

void Sha256::update_field(std::string_view text) {
  update(std::to_string(text.size()) + ":");
  update(text);
}

std::array<std::byte, 32> Sha256::digest() const {
  SHA256_CTX copy = state_->context;
  std::array<std::byte, 32> out{};
  PTQ_CHECK(SHA256_Final(reinterpret_cast<unsigned char*>(out.data()), &copy) == 1);
  return out;
}

std::string Sha256::hex() const {
  return hex_text(digest());
}

}  // namespace ptq

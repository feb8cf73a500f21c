#include "core/hash.h"

#include <openssl/evp.h>

#include "ptq/error.h"
#include "ptq/fingerprint.h"

namespace ptq {

struct Sha256::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();

  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { EVP_MD_CTX_free(context); }
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  PTQ_CHECK(state_->context != nullptr);
  PTQ_CHECK(EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr) == 1);
}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(std::span<const std::byte> bytes) {
  PTQ_CHECK(EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) == 1);
}

void Sha256::update(std::string_view text) {
  update(std::as_bytes(std::span(text)));
}

void Sha256::update_field(std::string_view text) {
  update(std::to_string(text.size()) + ":");
  update(text);
}

std::array<std::byte, 32> Sha256::digest() const {
  State copy;
  PTQ_CHECK(EVP_MD_CTX_copy_ex(copy.context, state_->context) == 1);
  std::array<std::byte, 32> out{};
  unsigned size = 0;
  PTQ_CHECK(EVP_DigestFinal_ex(copy.context, reinterpret_cast<unsigned char*>(out.data()), &size) ==
            1);
  PTQ_CHECK(size == out.size());
  return out;
}

std::string Sha256::hex() const {
  return hex_text(digest());
}

}  // namespace ptq

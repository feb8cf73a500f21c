#pragma once
// SHA-256, for fingerprints and checksums. One object belongs to one thread.

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace ptq {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void update(std::span<const std::byte> bytes);
  void update(std::string_view text);
  // Length first, then the bytes: two fields never run into each other.
  void update_field(std::string_view text);

  // The digest of what was added so far; the object may be used further.
  std::array<std::byte, 32> digest() const;
  std::string hex() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ptq

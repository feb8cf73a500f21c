#include "ptq/fingerprint.h"

#include <algorithm>
#include <span>

#include "core/hash.h"

namespace ptq {

std::string hex_text(const Digest& digest) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const std::byte byte : digest) {
    text += kDigits[std::to_integer<size_t>(byte >> 4)];
    text += kDigits[std::to_integer<size_t>(byte & std::byte{15})];
  }
  return text;
}

std::string multiset_fingerprint(std::vector<Digest> digests) {
  std::sort(digests.begin(), digests.end());
  Sha256 hash;
  hash.update(std::string_view("ptq.samples/2\n"));
  for (const Digest& digest : digests) {
    hash.update(std::span<const std::byte>(digest));
  }
  return hash.hex();
}

}  // namespace ptq

#pragma once
// Fingerprints of content: SHA-256 digests, and their text form. Plain values; any thread.

#include <array>
#include <cstddef>
#include <string>
#include <vector>

namespace ptq {

using Digest = std::array<std::byte, 32>;

// 64 lower-case hexadecimal digits.
std::string hex_text(const Digest& digest);

// One fingerprint for a multiset of digests, in whatever order they come: SHA-256 (hex) of
// "ptq.samples/2\n" and the digests in ascending order.
std::string multiset_fingerprint(std::vector<Digest> digests);

}  // namespace ptq

#include "core/hash.h"

#include <string>

#include <gtest/gtest.h>

namespace ptq {
namespace {

std::string hash_of(std::string_view text) {
  Sha256 hash;
  hash.update(text);
  return hash.hex();
}

// The examples of FIPS 180-4 and NIST's "SHA-256 long message" set.
TEST(Sha256, KnownVectors) {
  EXPECT_EQ(hash_of(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hash_of("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hash_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(hash_of(std::string(1'000'000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, DoesNotDependOnHowTheBytesAreCut) {
  const std::string text(1000, 'x');
  for (size_t cut = 0; cut <= text.size(); cut += 63) {
    Sha256 hash;
    hash.update(std::string_view(text).substr(0, cut));
    hash.update(std::string_view(text).substr(cut));
    EXPECT_EQ(hash.hex(), hash_of(text)) << cut;
  }
}

TEST(Sha256, MayBeUsedFurtherAfterTheDigest) {
  Sha256 hash;
  hash.update("a");
  EXPECT_EQ(hash.hex(), hash_of("a"));
  EXPECT_EQ(hash.hex(), hash_of("a"));
  hash.update("bc");
  EXPECT_EQ(hash.hex(), hash_of("abc"));
}

TEST(Sha256, FieldsNeverRunIntoEachOther) {
  const auto fields = [](std::string_view first, std::string_view second) {
    Sha256 hash;
    hash.update_field(first);
    hash.update_field(second);
    return hash.hex();
  };
  EXPECT_NE(fields("ab", "c"), fields("a", "bc"));
  EXPECT_NE(fields("", "1:a"), fields("1:a", ""));
  EXPECT_EQ(fields("ab", "c"), hash_of("2:ab1:c"));
}

}  // namespace
}  // namespace ptq

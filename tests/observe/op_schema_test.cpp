#include "observe/op_schema.h"

#include <gtest/gtest.h>

#include "ptq/error.h"

namespace ptq {
namespace {

TEST(OpSchema, PackedListsComeBack) {
  const std::vector<std::string> texts = {"a", "", "12:b", "x\ny", std::string("n\0l", 3)};
  EXPECT_EQ(unpack_texts(pack_texts(texts)), texts);
  EXPECT_TRUE(unpack_texts(pack_texts({})).empty());
  const std::vector<Shape> shapes = {{1, -1, 64}, {}, {3}, {-1, -1}};
  EXPECT_EQ(unpack_shapes(pack_shapes(shapes)), shapes);
  EXPECT_TRUE(unpack_shapes(pack_shapes({})).empty());
}

TEST(OpSchema, DamagedListsAreRefused) {
  for (const char* const packed : {"a", "3:ab", "2", "-1:a", "99999999999999999999:a", "1a"}) {
    EXPECT_THROW(unpack_texts(packed), Error) << packed;
  }
  for (const char* const packed : {"1,2", "x;", "1,;", "1;;2", "1 2;"}) {
    EXPECT_THROW(unpack_shapes(packed), Error) << packed;
  }
}

}  // namespace
}  // namespace ptq

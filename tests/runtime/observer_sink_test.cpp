#include "runtime/observer_sink.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

namespace ptq {
namespace {

std::vector<float> pieces_of(const ObservedTensor& tensor) {
  std::vector<float> values;
  for_each_piece(tensor, [&](std::span<const float> piece) {
    values.insert(values.end(), piece.begin(), piece.end());
  });
  return values;
}

TEST(ForEachPiece, GivesAPlainTensorWhole) {
  const std::vector<float> stored = {1, 2, 3, 4, 5, 6};
  const std::vector<int64_t> shape = {2, 3};
  EXPECT_EQ(pieces_of({stored, shape, 0, 0}), stored);
}

TEST(ForEachPiece, GivesNothingForAnEmptyTensor) {
  const std::vector<int64_t> shape = {0, 16, 2, 2};
  EXPECT_TRUE(pieces_of({{}, shape, 12, 8}).empty());
}

// Padding lanes hold NaN here, so that one that slips through is seen; real values are their
// position.
TEST(ForEachPiece, LeavesOutThePaddingOfEveryImage) {
  for (const int64_t block : {8, 16}) {
    for (const int64_t channels : {1, 7, 8, 9, 15, 16, 17, 24, 31, 40}) {
      for (const int64_t images : {1, 3}) {
        const int64_t blocks = (channels + block - 1) / block;
        const int64_t pixels = 37 * 23;  // more than one piece
        std::vector<float> stored;
        std::vector<float> expected;
        for (int64_t n = 0; n < images; ++n) {
          for (int64_t b = 0; b < blocks; ++b) {
            for (int64_t p = 0; p < pixels; ++p) {
              for (int64_t lane = 0; lane < block; ++lane) {
                const bool real = b * block + lane < channels;
                stored.push_back(real ? static_cast<float>(stored.size()) : std::nanf(""));
                if (real) {
                  expected.push_back(stored.back());
                }
              }
            }
          }
        }
        const std::vector<int64_t> shape = {images, blocks * block, 37, 23};
        EXPECT_EQ(pieces_of({stored, shape, channels, block}), expected)
            << channels << " channels, block " << block << ", " << images << " images";
      }
    }
  }
}

}  // namespace
}  // namespace ptq

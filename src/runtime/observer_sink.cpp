#include "runtime/observer_sink.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "ptq/error.h"

namespace ptq {
namespace {

constexpr size_t kPieceSize = 2048;  // floats: 8 KB, stays in the first-level cache

// One channel block: `lanes` values of every `block` are real.
void visit_partial_block(std::span<const float> stored, size_t block, size_t lanes,
                         const std::function<void(std::span<const float>)>& visit) {
  std::array<float, kPieceSize> piece;
  size_t filled = 0;
  for (size_t at = 0; at < stored.size(); at += block) {
    if (filled + lanes > piece.size()) {
      visit({piece.data(), filled});
      filled = 0;
    }
    std::memcpy(piece.data() + filled, stored.data() + at, lanes * sizeof(float));
    filled += lanes;
  }
  if (filled != 0) {
    visit({piece.data(), filled});
  }
}

}  // namespace

void for_each_piece(const ObservedTensor& tensor,
                    const std::function<void(std::span<const float>)>& visit) {
  if (tensor.stored.empty()) {
    return;
  }
  if (tensor.block == 0 || tensor.channels % tensor.block == 0) {
    visit(tensor.stored);
    return;
  }
  const auto block = static_cast<size_t>(tensor.block);
  const auto channels = static_cast<size_t>(tensor.channels);
  const size_t padded = (channels + block - 1) / block * block;
  PTQ_CHECK(block <= kPieceSize && tensor.shape.size() >= 2 &&
            static_cast<size_t>(tensor.shape[1]) == padded && tensor.shape[0] > 0);
  const size_t image = tensor.stored.size() / static_cast<size_t>(tensor.shape[0]);
  const size_t channel_block = image / (padded / block);  // one block of channels of one image
  const size_t whole = image - channel_block;
  for (size_t at = 0; at < tensor.stored.size(); at += image) {
    if (whole != 0) {
      visit(tensor.stored.subspan(at, whole));
    }
    visit_partial_block(tensor.stored.subspan(at + whole, channel_block), block, channels % block,
                        visit);
  }
}

}  // namespace ptq

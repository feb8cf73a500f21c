#include "runtime/observer_sink.h"

#include <array>
#include <cstring>

#include "ptq/error.h"

namespace ptq {
namespace {

constexpr size_t kPieceSize = 4096;  // floats: 16 KB, stays in the first-level cache
constexpr size_t kMaxBlock = 16;

// One channel block: `lanes` values of every kBlock are real.
template <size_t kBlock>
void visit_partial_block(std::span<const float> stored, size_t lanes,
                         const std::function<void(std::span<const float>)>& visit) {
  std::array<float, kPieceSize + kMaxBlock> piece;
  size_t filled = 0;
  for (size_t at = 0; at < stored.size(); at += kBlock) {
    // The whole block, as that is one or two instructions; the next one overwrites what is too
    // much.
    std::memcpy(piece.data() + filled, stored.data() + at, kBlock * sizeof(float));
    filled += lanes;
    if (filled >= kPieceSize) {
      visit({piece.data(), filled});
      filled = 0;
    }
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
  PTQ_CHECK((block == 8 || block == kMaxBlock) && tensor.shape.size() >= 2 &&
            static_cast<size_t>(tensor.shape[1]) == padded && tensor.shape[0] > 0);
  const size_t image = tensor.stored.size() / static_cast<size_t>(tensor.shape[0]);
  const size_t channel_block = image / (padded / block);  // one block of channels of one image
  const size_t whole = image - channel_block;
  for (size_t at = 0; at < tensor.stored.size(); at += image) {
    if (whole != 0) {
      visit(tensor.stored.subspan(at, whole));
    }
    const auto visit_rest = block == 8 ? visit_partial_block<8> : visit_partial_block<kMaxBlock>;
    visit_rest(tensor.stored.subspan(at + whole, channel_block), channels % block, visit);
  }
}

}  // namespace ptq

#include "calib/second_moment.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "calib/gram_kernel.h"
#include "ptq/error.h"

namespace ptq {
namespace {

constexpr size_t kBlockSize = kGramBlock * kGramBlock;
// Rows packed at a time: so few that two blocks stay in the first-level cache, so many that the
// matrix, which does not, is seldom passed over.
constexpr size_t kPanelPairs = 4 * kPairsInt32;
constexpr uint64_t kMaxRows = uint64_t{1} << 38;  // of products up to 2^24 in int64

size_t blocks_of(size_t columns) {
  return (columns + kGramBlock - 1) / kGramBlock;
}

// Where block (row, column), row ≤ column, of `side` · `side` blocks begins.
size_t block_offset(size_t row, size_t column, size_t side) {
  return (row * side - row * (row + 1) / 2 + column) * kBlockSize;
}

// Packs `pairs` pairs of rows from row `first` on, a block of columns after the other. A missing
// last row and missing columns are zero.
void pack(const MomentRows& rows, size_t group, size_t first, size_t pairs,
          std::vector<uint32_t>& panel) {
  const size_t columns = rows.columns();
  const size_t* const column_offsets = rows.column_offsets.data() + group * columns;
  panel.assign(blocks_of(columns) * pairs * kGramBlock, 0);
  for (size_t block = 0; block < blocks_of(columns); ++block) {
    const size_t lanes = std::min(kGramBlock, columns - block * kGramBlock);
    const size_t* const offsets = column_offsets + block * kGramBlock;
    for (size_t pair = 0; pair < pairs; ++pair) {
      const size_t row = first + 2 * pair;
      const int16_t* const low = rows.codes.data() + rows.row_offsets[row];
      uint32_t* const out = panel.data() + (block * pairs + pair) * kGramBlock;
      if (row + 1 < rows.row_offsets.size()) {
        const int16_t* const high = rows.codes.data() + rows.row_offsets[row + 1];
        for (size_t lane = 0; lane < lanes; ++lane) {
          out[lane] = packed_codes(low[offsets[lane]], high[offsets[lane]]);
        }
      } else {
        for (size_t lane = 0; lane < lanes; ++lane) {
          out[lane] = packed_codes(low[offsets[lane]], 0);
        }
      }
    }
  }
}

void add_panel(const std::vector<uint32_t>& panel, size_t pairs, size_t first_lock,
               std::span<std::mutex> locks, SecondMoment& moment) {
  const GramTile add_tile = gram_kernels().back().add_tile;
  const size_t side = blocks_of(moment.columns());
  const size_t block = pairs * kGramBlock;
  for (size_t i = 0; i < side; ++i) {
    std::optional<std::lock_guard<std::mutex>> guard;
    if (!locks.empty()) {
      guard.emplace(locks[(first_lock + i) % locks.size()]);
    }
    for (size_t j = i; j < side; ++j) {
      add_tile(panel.data() + i * block, panel.data() + j * block, pairs,
               moment.blocks.data() + block_offset(i, j, side));
    }
  }
}

}  // namespace

double SecondMoment::at(size_t i, size_t j) const {
  const size_t row = std::min(i, j);
  const size_t column = std::max(i, j);
  const size_t offset = block_offset(row / kGramBlock, column / kGramBlock, blocks_of(columns())) +
                        row % kGramBlock * kGramBlock + column % kGramBlock;
  return exponents[i] == kZeroChannel || exponents[j] == kZeroChannel
             ? 0.0
             : std::ldexp(static_cast<double>(blocks[offset]), -exponents[i] - exponents[j]);
}

std::vector<double> SecondMoment::dense() const {
  const size_t k = columns();
  std::vector<double> out(k * k);
  for (size_t i = 0; i < k; ++i) {
    for (size_t j = i; j < k; ++j) {
      out[i * k + j] = at(i, j);
      out[j * k + i] = out[i * k + j];
    }
  }
  return out;
}

void SecondMoment::merge(const SecondMoment& other) {
  if (exponents != other.exponents) {
    throw Error(ErrorCode::kInput,
                "second moments: expected the same steps of all columns, found others; take both "
                "with the ranges of the same first pass");
  }
  PTQ_CHECK(other.rows <= kMaxRows - rows);
  rows += other.rows;
  for (size_t k = 0; k < blocks.size(); ++k) {
    blocks[k] += other.blocks[k];
  }
}

SecondMoment empty_second_moment(std::vector<int> exponents) {
  SecondMoment moment;
  const size_t side = blocks_of(exponents.size());
  moment.blocks.assign(side * (side + 1) / 2 * kBlockSize, 0);
  moment.exponents = std::move(exponents);
  return moment;
}

void add_rows(const MomentRows& rows, size_t group, std::span<std::mutex> locks,
              SecondMoment& moment) {
  PTQ_CHECK(group < rows.groups && rows.columns() == moment.columns());
  const size_t count = rows.row_offsets.size();
  std::vector<uint32_t> panel;
  for (size_t first = 0; first < count; first += 2 * kPanelPairs) {
    const size_t pairs = std::min(kPanelPairs, (count - first + 1) / 2);
    pack(rows, group, first, pairs, panel);
    add_panel(panel, pairs, group, locks, moment);
  }
  std::optional<std::lock_guard<std::mutex>> guard;
  if (!locks.empty()) {
    guard.emplace(locks[0]);
  }
  PTQ_CHECK(count <= kMaxRows - moment.rows);
  moment.rows += count;
}

}  // namespace ptq

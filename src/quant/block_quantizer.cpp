#include "quant/block_quantizer.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <span>

#include <fmt/format.h>

#include "core/parallel.h"
#include "ptq/error.h"
#include "quant/block_tile.h"

namespace ptq {
namespace {

constexpr int64_t kLanes = kTileLanes;
constexpr int64_t kTilesPerTask = 16;

// What all tasks of one weight share.
struct Job {
  const Tensor& weight;
  TileGrid grid{};
  FitTile fit = nullptr;
  BlockCodes& out;
};

struct Sums {
  double signal = 0.0;
  double noise = 0.0;
};

float half_bits(uint16_t bits) {
  return half_to_float(bits);
}
float bfloat_bits(uint16_t bits) {
  return bfloat16_to_float(bits);
}

// `count` elements from `first` on, as float32.
void copy_floats(const Tensor& weight, int64_t first, int64_t count, float* to) {
  const std::byte* bytes = weight.bytes().data();
  if (weight.dtype() == DType::kFloat) {
    std::memcpy(to, bytes + first * 4, static_cast<size_t>(count) * 4);
    return;
  }
  const auto convert = weight.dtype() == DType::kFloat16 ? half_bits : bfloat_bits;
  for (int64_t i = 0; i < count; ++i) {
    uint16_t bits = 0;
    std::memcpy(&bits, bytes + (first + i) * 2, 2);
    to[i] = convert(bits);
  }
}

[[noreturn]] void refuse_value(const Job& job, int64_t first_output, int64_t first_reduced,
                               int64_t rows) {
  const BlockCodes& out = job.out;
  for (int64_t k = first_reduced; k < first_reduced + rows; ++k) {
    for (int64_t n = first_output; n < std::min(first_output + kLanes, out.output_size()); ++n) {
      const bool first = out.reduced == ReducedAxis::kFirst;
      const int64_t row = first ? k : n;
      const int64_t column = first ? n : k;
      float value = 0.0F;
      copy_floats(job.weight, row * out.columns + column, 1, &value);
      if (!std::isfinite(value)) {
        throw Error(ErrorCode::kInput,
                    fmt::format("element [{}, {}] is {}; expected finite numbers: repair the "
                                "model, or keep the node in float with --keep-float",
                                row, column, value));
      }
    }
  }
  throw Error(ErrorCode::kInternal, "a tile of finite weights was taken for one that is not");
}

// One tile: `rows` elements of the reduced axis for up to kLanes outputs.
void fill_tile(const Job& job, int64_t first_output, int64_t first_reduced, int64_t rows,
               std::vector<float>& tile, std::vector<float>& line) {
  const BlockCodes& out = job.out;
  const int64_t lanes = std::min(kLanes, out.output_size() - first_output);
  if (lanes < kLanes) {
    std::ranges::fill(tile, 0.0F);
  }
  if (out.reduced == ReducedAxis::kFirst) {
    for (int64_t k = 0; k < rows; ++k) {
      copy_floats(job.weight, (first_reduced + k) * out.columns + first_output, lanes,
                  tile.data() + k * kLanes);
    }
    return;
  }
  for (int64_t n = 0; n < lanes; ++n) {
    copy_floats(job.weight, (first_output + n) * out.columns + first_reduced, rows, line.data());
    for (int64_t k = 0; k < rows; ++k) {
      tile[static_cast<size_t>(k * kLanes + n)] = line[static_cast<size_t>(k)];
    }
  }
}

void keep_tile(const Job& job, int64_t first_output, int64_t block, int64_t rows,
               const TileFit& fit, const std::vector<uint8_t>& codes) {
  BlockCodes& out = job.out;
  const bool first = out.reduced == ReducedAxis::kFirst;
  const int64_t lanes = std::min(kLanes, out.output_size() - first_output);
  const int64_t first_reduced = block * out.block_size;
  const int64_t blocks = out.blocks();
  for (int64_t n = 0; n < lanes; ++n) {
    const int64_t output = first_output + n;
    const auto at =
        static_cast<size_t>(first ? block * out.columns + output : output * blocks + block);
    out.scale[at] = fit.scale[static_cast<size_t>(n)];
    out.zero[at] = fit.zero[static_cast<size_t>(n)];
  }
  for (int64_t k = 0; k < rows; ++k) {
    const uint8_t* from = codes.data() + k * kLanes;
    if (first) {
      std::copy_n(from, lanes, out.codes.data() + (first_reduced + k) * out.columns + first_output);
      continue;
    }
    for (int64_t n = 0; n < lanes; ++n) {
      out.codes[static_cast<size_t>((first_output + n) * out.columns + first_reduced + k)] =
          from[n];
    }
  }
}

Sums run_task(const Job& job, int64_t block, int64_t first_tile, int64_t tiles) {
  const int64_t first_reduced = block * job.out.block_size;
  const int64_t rows = std::min(job.out.block_size, job.out.reduced_size() - first_reduced);
  std::vector<float> tile(static_cast<size_t>(rows * kLanes));
  std::vector<float> line(static_cast<size_t>(rows));
  std::vector<uint8_t> codes(static_cast<size_t>(rows * kLanes));
  TileFit fit;
  Sums sums;
  for (int64_t t = first_tile; t < first_tile + tiles; ++t) {
    const int64_t first_output = t * kLanes;
    fill_tile(job, first_output, first_reduced, rows, tile, line);
    job.fit(tile.data(), static_cast<size_t>(rows), job.grid, fit, codes.data());
    if (!fit.finite) {
      refuse_value(job, first_output, first_reduced, rows);
    }
    const auto lanes = static_cast<size_t>(std::min(kLanes, job.out.output_size() - first_output));
    for (size_t n = 0; n < lanes; ++n) {
      sums.signal += static_cast<double>(fit.signal[n]);
      sums.noise += static_cast<double>(fit.error[n]);
    }
    keep_tile(job, first_output, block, rows, fit, codes);
  }
  return sums;
}

}  // namespace

int64_t BlockCodes::blocks() const {
  return block_size == 0 ? 0 : (reduced_size() + block_size - 1) / block_size;
}

BlockCodes quantize_blocks(const Tensor& weight, ReducedAxis reduced, const BlockScheme& scheme,
                           int threads) {
  const DType dtype = weight.dtype();
  PTQ_CHECK(weight.rank() == 2 &&
            (dtype == DType::kFloat || dtype == DType::kFloat16 || dtype == DType::kBfloat16));
  const int bits = bit_width(scheme.dtype);
  PTQ_CHECK(bits == 4 || bits == 8);
  BlockCodes out{.reduced = reduced, .rows = weight.shape()[0], .columns = weight.shape()[1]};
  out.block_size =
      scheme.block_size > 0 ? scheme.block_size : std::max<int64_t>(1, out.reduced_size());
  const int64_t blocks = out.blocks();
  out.codes.resize(static_cast<size_t>(weight.size()));
  out.scale.resize(static_cast<size_t>(blocks * out.output_size()));
  out.zero.resize(out.scale.size());
  Job job{.weight = weight, .out = out};
  job.grid = {.levels = (1 << bits) - 1,
              .symmetric = scheme.symmetric,
              .search = scheme.method == BlockMethod::kSearch,
              .scale_dtype = scheme.scale_dtype};
  job.fit = tile_kernels().back().fit;
  const int64_t tiles = (out.output_size() + kLanes - 1) / kLanes;
  const int64_t parts = (tiles + kTilesPerTask - 1) / kTilesPerTask;
  std::vector<Sums> sums(static_cast<size_t>(blocks * parts));
  parallel_for(sums.size(), threads, [&](size_t task, int /*worker*/) {
    // Neighbouring tasks read neighbouring memory: along a row of the weight as it is stored.
    const auto number = static_cast<int64_t>(task);
    const int64_t block = reduced == ReducedAxis::kFirst ? number / parts : number % blocks;
    const int64_t part = reduced == ReducedAxis::kFirst ? number % parts : number / blocks;
    const int64_t first = part * kTilesPerTask;
    sums[task] = run_task(job, block, first, std::min(kTilesPerTask, tiles - first));
  });
  for (const Sums& part : sums) {
    out.signal += part.signal;
    out.noise += part.noise;
  }
  return out;
}

std::vector<float> decode_blocks(const BlockCodes& blocks) {
  std::vector<float> out(blocks.codes.size());
  for (int64_t row = 0; row < blocks.rows; ++row) {
    for (int64_t column = 0; column < blocks.columns; ++column) {
      const int64_t at = blocks.reduced == ReducedAxis::kFirst
                             ? row / blocks.block_size * blocks.columns + column
                             : row * blocks.blocks() + column / blocks.block_size;
      const auto index = static_cast<size_t>(row * blocks.columns + column);
      const auto parameter = static_cast<size_t>(at);
      out[index] = blocks.scale[parameter] *
                   static_cast<float>(blocks.codes[index] - blocks.zero[parameter]);
    }
  }
  return out;
}

namespace {

template <typename T>
std::vector<T> transpose(const std::vector<T>& from, int64_t rows, int64_t columns) {
  constexpr int64_t kSquare = 64;  // fits into the first-level cache
  std::vector<T> out(from.size());
  for (int64_t r0 = 0; r0 < rows; r0 += kSquare) {
    for (int64_t c0 = 0; c0 < columns; c0 += kSquare) {
      for (int64_t r = r0; r < std::min(rows, r0 + kSquare); ++r) {
        for (int64_t c = c0; c < std::min(columns, c0 + kSquare); ++c) {
          out[static_cast<size_t>(c * rows + r)] = from[static_cast<size_t>(r * columns + c)];
        }
      }
    }
  }
  return out;
}

}  // namespace

BlockCodes transposed(const BlockCodes& blocks) {
  BlockCodes out = blocks;
  const bool first = blocks.reduced == ReducedAxis::kFirst;
  out.reduced = first ? ReducedAxis::kSecond : ReducedAxis::kFirst;
  std::swap(out.rows, out.columns);
  out.codes = transpose(blocks.codes, blocks.rows, blocks.columns);
  const int64_t parameter_rows = first ? blocks.blocks() : blocks.rows;
  const int64_t parameter_columns = first ? blocks.columns : blocks.blocks();
  out.scale = transpose(blocks.scale, parameter_rows, parameter_columns);
  out.zero = transpose(blocks.zero, parameter_rows, parameter_columns);
  return out;
}

}  // namespace ptq

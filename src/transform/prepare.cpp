#include "transform/prepare.h"

#include <array>

#include "transform/passes.h"

namespace ptq {
namespace {

constexpr auto kPasses = std::to_array<Pass>({
    {"inline_functions", "expands local functions where they are called", inline_functions, 0},
    {"unique_names", "values inside If, Loop and Scan get names of their own", unique_names, 1},
    {"raise_ir_version", "IR version 7: constants need not be inputs", raise_ir_version, 2},
    {"constants_to_initializers", "Constant nodes become initializers", constants_to_initializers,
     3},
    {"drop_identity", "cuts out Identity and inference Dropout", drop_identity, 4},
    {"raise_opset", "opset 13, the first with per-channel quantization", raise_opset, 5},
    {"move_constants_inward", "constants go into the inner graph that alone reads them",
     move_constants_inward, 6},
    {"fold_constants", "computes what depends on constants alone", fold_constants, 7},
    {"inline_constant_if", "an If of a constant becomes the branch that is taken",
     inline_constant_if, 7},
    {"widen_float16", "float16 operators compute in float32", widen_float16, 8},
    {"fold_gemm_factors", "alpha and beta of Gemm into its constants", fold_gemm_factors, 9},
    {"fold_pad", "zero padding into the Conv behind it", fold_pad, 9},
    {"fuse_hard_sigmoid", "clipped sums over their bound become HardSigmoid", fuse_hard_sigmoid,
     10},
    {"fuse_hard_swish", "x times its HardSigmoid becomes HardSwish", fuse_hard_swish, 11},
    {"fold_batch_norm", "BatchNormalization into the linear operator before it", fold_batch_norm,
     12},
    {"fold_channel_affine", "constant factors and summands into the linear operator before",
     fold_channel_affine, 12},
    {"drop_unused", "removes what no output needs", drop_unused, 13},
});

}  // namespace

std::span<const Pass> prepare_passes() {
  return kPasses;
}

std::vector<PassResult> prepare(Model& model) {
  std::vector<PassResult> results;
  for (size_t first = 0; first < kPasses.size();) {
    size_t last = first;
    while (last < kPasses.size() && kPasses[last].round == kPasses[first].round) {
      results.push_back({std::string(kPasses[last].name), 0, {}});
      ++last;
    }
    int64_t changes = 0;
    do {
      changes = 0;
      for (size_t i = first; i < last; ++i) {
        results[i].notes.clear();
        const int64_t found = kPasses[i].run(model, results[i].notes);
        results[i].changes += found;
        changes += found;
      }
    } while (changes > 0 && last - first > 1);
    first = last;
  }
  return results;
}

}  // namespace ptq

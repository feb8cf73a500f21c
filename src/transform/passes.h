#pragma once
// The passes of `prepare`, one source file each. A pass edits the model in place, keeps what it
// computes in float32 and the names of its inputs and outputs, appends to `notes` one line for what
// it had to leave, and returns the number of its edits. One thread.

#include <cstdint>
#include <string>
#include <vector>

#include "ptq/graph.h"

namespace ptq {

using Notes = std::vector<std::string>;

int64_t inline_functions(Model& model, Notes& notes);
int64_t unique_names(Model& model, Notes& notes);
int64_t raise_ir_version(Model& model, Notes& notes);
int64_t constants_to_initializers(Model& model, Notes& notes);
int64_t drop_identity(Model& model, Notes& notes);
int64_t raise_opset(Model& model, Notes& notes);
int64_t widen_float16(Model& model, Notes& notes);
int64_t move_constants_inward(Model& model, Notes& notes);
int64_t fold_constants(Model& model, Notes& notes);
int64_t inline_constant_if(Model& model, Notes& notes);
int64_t fold_gemm_factors(Model& model, Notes& notes);
int64_t fold_pad(Model& model, Notes& notes);
int64_t fuse_hard_sigmoid(Model& model, Notes& notes);
int64_t fuse_hard_swish(Model& model, Notes& notes);
int64_t fold_batch_norm(Model& model, Notes& notes);
int64_t fold_channel_affine(Model& model, Notes& notes);
int64_t drop_unused(Model& model, Notes& notes);

}  // namespace ptq

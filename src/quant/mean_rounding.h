#pragma once
// Rounding that keeps what a non-zero mean of the activation would turn into an offset. With codes
// off by δ_k, an output is off by Σ δ_k x_k. For activations of mean μ and variance σ², taken as
// uncorrelated, its expected square is σ² Σ δ_k² + μ² (Σ δ_k)². Round to nearest minimizes the
// first sum alone; behind a Relu, or for raw pixels, μ² is of the size of σ² and the second one is
// larger. It is the rounding search of AdaRound (Nagel et al. 2020) for a second moment of rank one
// plus the identity, where a greedy search by cost suffices. Pure functions; any thread.

#include <cstdint>
#include <span>

#include "ptq/quant_params.h"

namespace ptq {

// `row`: the weights that one output sums up, in units of the scale; `codes`: their codes without
// zero point, changed by at most one step each and never out of `range`. `mean_ratio` = μ² / σ²
// ≥ 0. With `pair_limited`, a step that breaks the limit of pair_limit.h is not taken.
void keep_row_mean(std::span<const float> row, std::span<int32_t> codes, CodeRange range,
                   bool pair_limited, double mean_ratio);

}  // namespace ptq

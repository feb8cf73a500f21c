#pragma once
// Choosing few samples of many by what they do inside the model. Called by `ptq select` and
// `ptq coverage --pool`. Pure functions; any thread. The result depends on the sketches and the
// options only.

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "ptq/coverage.h"
#include "ptq/sample_sketch.h"

namespace ptq {

struct SelectOptions {
  size_t count = 128;
  uint64_t seed = 0;  // orders samples of equal value
};

struct Selection {
  std::vector<size_t> chosen{};  // positions in SampleSketches::samples, ascending
  // Mean over values and sides of zero of the largest magnitude chosen by the largest of the pool;
  // 1 when every range of the pool is reached.
  double reach = 1.0;
  // Mean over values and sides of the share of the pool's samples that stay within what was chosen.
  double samples_within = 1.0;
  // Mean over values of the Kullback-Leibler divergence of the pool's octaves from those of what
  // was chosen, in bits; 0: equal shares.
  double divergence_bits = 0.0;
  std::map<std::string, size_t> strata{};  // samples by stratum
};

// The `count` samples that cover activation space best. Greedy maximization of a submodular
// function (within 1 − 1/e of the best; Nemhauser, Wolsey, Fisher 1978), by lazy evaluation
// (Minoux 1978), of two parts:
//   - for each value and side of zero, the mean of how far the largest sample chosen reaches of the
//     pool's range, and of the share of the pool's samples it exceeds (facility location);
//   - for each value, Σ p log c over the octaves, with p the pool's share and c what was chosen,
//     which is largest where c is proportional to p.
// With strata, each gets samples in proportion to its size (largest remainder), at least one.
// Throws Error{kInput} when there are fewer samples than asked for, or more strata than samples
// asked for; Error{kUsage} for a count of 0.
Selection select_samples(const SampleSketches& pool, const SelectOptions& options);

// Samples a stratum, in order of name, which add up to `count` ≤ Σ sizes. Each gets one at least.
std::vector<size_t> stratum_quotas(const std::vector<size_t>& sizes, size_t count);

// What samples of a pool do about the tensors whose production goes beyond what calibration saw.
struct GapClosing {
  std::vector<size_t> chosen{};  // positions in SampleSketches::samples, ascending; may be empty
  size_t gaps = 0;               // sides of tensors that production exceeds by 1 % or more
  // Mean over them of how much of the way from calibration to production the samples reach.
  double closed = 0.0;
  double closed_by_pool = 0.0;  // by all samples of the pool
};

// Greedy cover by as few samples as reach what the pool can, to within 1 % of one gap for each
// sample; at most `limit` of them (0: any number).
GapClosing close_gaps(const SampleSketches& pool, const std::vector<TensorCoverage>& tensors,
                      size_t limit);

}  // namespace ptq

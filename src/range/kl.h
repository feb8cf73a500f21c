#pragma once
// The entropy search on a linear histogram of |x|, apart from where the histogram comes from.
// Called by estimate_kl and its tests; pure, any thread.

#include <cstddef>
#include <span>

namespace ptq {

// Number of leading bins to keep so that the first `levels`-level quantization of them is closest
// to the whole in Kullback-Leibler divergence: i in [levels, bins.size()], the last of equal ones.
// The caller has removed the spike at zero. bins.size() when there are no more bins than levels.
size_t kl_best_bins(std::span<const double> bins, size_t levels);

}  // namespace ptq

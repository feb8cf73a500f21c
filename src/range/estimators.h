#pragma once
// The estimators of the table in table.cpp, one file each. Called through range_estimators(); pure
// functions, any thread. Every one of them returns lo ≤ 0 ≤ hi, finite, with the clipped fraction
// and the predicted SQNR filled, for whatever the statistics hold (no value, all zero, denormal,
// …).

#include "ptq/range.h"

namespace ptq {

Range estimate_absmax(const TensorStats& stats, const RangeOptions& options);
Range estimate_percentile(const TensorStats& stats, const RangeOptions& options);
Range estimate_mse(const TensorStats& stats, const RangeOptions& options);
Range estimate_kl(const TensorStats& stats, const RangeOptions& options);

}  // namespace ptq

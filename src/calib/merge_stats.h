#pragma once
// Adding up statistics that are known to belong together: those of the workers of a run and those
// of its checkpoint. merge_stats (ptq/activation_stats.h) checks first. Any thread.

#include "ptq/activation_stats.h"

namespace ptq {

// Adds samples, strata and tensors of `part`; other fields of `into` stay as they are.
void absorb(ActivationStats& into, const ActivationStats& part);

}  // namespace ptq

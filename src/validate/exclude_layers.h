#pragma once
// Which layers to leave in float, from what each costs alone. Errors of layers are taken to add in
// power. Pure; any thread.

#include "ptq/layer_error.h"

namespace ptq {

// Fills `exclude` and `sqnr_db_without` of `errors` from alone_sqnr_db.
void choose_exclusions(LayerErrors& errors);

}  // namespace ptq

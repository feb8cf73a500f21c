// Values and nodes inside If, Loop and Scan bodies get names that no other graph of the model uses.
// ONNX only forbids the names of the graphs around, so two branches may share a name; statistics
// and plans speak of values by name.
//
//   then { t = Conv(x) … }  else { t = Conv(x) … }      then { t … }  else { t_1 … }

#include "graph/unique_names.h"

#include "transform/passes.h"

namespace ptq {

int64_t unique_names(Model& model, Notes& /*notes*/) {
  return make_names_unique(model.graph);
}

}  // namespace ptq

#pragma once
// Feeds outputs of a stateful model back as its next inputs, and begins anew with each sequence.
// One object belongs to one thread; it is used in the order of the samples.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "data/sample_source.h"
#include "ptq/graph.h"
#include "ptq/measure_options.h"
#include "ptq/tensor.h"

namespace ptq {

class StateFeed {
 public:
  // Throws Error{kUsage} for a name that is no output or input of the graph, an input that is given
  // twice, and types that differ.
  StateFeed(const Graph& graph, std::vector<StateLink> links);

  // Sets the state inputs of `inputs`, the tensors of a sample of sequence `sequence`. The first
  // sample of a sequence gets what the data hold, else zeros of the declared shape with 1 for
  // dimensions that are open; a later one gets what the run before left.
  void begin(int64_t sequence, std::map<std::string, Tensor>& inputs);
  // Keeps the states of a run whose outputs are in the order of the graph.
  void take(const std::vector<Tensor>& outputs);

 private:
  struct State {
    std::string input;
    size_t output = 0;  // position
    Tensor zero;
    Tensor last;
  };

  std::vector<State> states_;
  int64_t sequence_ = -1;
};

}  // namespace ptq

#pragma once
// How much noise each layer of a planned structure brings to the outputs: gains of the graph times
// what ranges and weights are predicted to lose. Used by diagnose_layers. One thread.

#include <map>
#include <string>
#include <string_view>

#include "diagnose/noise_gain.h"
#include "graph/model_index.h"
#include "plan/structure.h"
#include "ptq/layer_diagnosis.h"

namespace ptq {

class LayerNoise {
 public:
  // `structure` is that of the main graph of `index`; `sized` the same graph with shapes. The rest
  // is for NoiseGain.
  LayerNoise(const GraphIndex& index, const Structure& structure, const GraphIndex& sized,
             const std::map<std::string, TensorStats>& stats,
             const std::vector<std::string>& outputs,
             const std::map<std::string, Moments>& measured, const NoiseGain::Gains& gains);

  // The observed value whose codes `value` carries: itself, or what it is moved from; "" for none.
  std::string source_of(std::string_view value) const;
  // Noise by signal at the output from the codes of `value` as operand of the node at `position`,
  // when they are predicted to have `sqnr_db`.
  double through_product(std::string_view value, size_t position, double sqnr_db) const;
  // The same through everything that is no integer product: sums, float readers, outputs.
  double elsewhere(const std::string& source, double sqnr_db) const;
  // From a weight of `sqnr_db` whose rows of `row_length` values have the mean square `power`, in
  // the node that reads `operand` and makes `result`.
  double from_weight(std::string_view operand, std::string_view result, double row_length,
                     double power, double sqnr_db) const;

 private:
  double noise_power(const std::string& source, double sqnr_db) const;

  const std::map<std::string, TensorStats>& stats_;
  NoiseGain gain_;
  std::map<std::string, std::string, std::less<>> shares_;  // coded value → whose codes it has
  std::map<std::string, double> elsewhere_;                 // by source, for noise of power 1
};

}  // namespace ptq

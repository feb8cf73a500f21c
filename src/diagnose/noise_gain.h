#pragma once
// How much of the noise on a value arrives at the outputs of a model, from weights and statistics.
// Noise of rounding is white where it arises: a product turns noise of power N into Σ w² · N an
// output channel, a sum adds powers, a Relu passes the share that is not zero, a mean over n
// elements divides by n. What came through a product is no longer white: it lies where trained
// weights put the signal, and goes on by a geometric mean of the white gain and that of the
// signal's variance. One pass from each output back to front gives the power that noise of power 1
// on any value has there. Operators that are not known keep the ratio of noise to signal.
// Where gains of values were measured, these take the place of estimates, and what lies before a
// value is estimated from there. docs/diagnosis.md says how near that comes. Pure; any thread.

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "diagnose/linear_map.h"
#include "diagnose/signal_moments.h"
#include "graph/index.h"
#include "ptq/activation_stats.h"

namespace ptq {

class NoiseGain {
 public:
  // For each value, in the order of `outputs`: noise by signal there for noise of power 1 on each
  // element of the value; nothing where that was not measured.
  using Gains = std::map<std::string, std::vector<std::optional<double>>>;

  // `index`: of the main graph, with shapes where they are known; `outputs`: names of the values
  // where noise is judged, at most 16 are looked at; `measured`: moments of values without
  // statistics, as far as they are known; `gains`: measured ones, as far as there are any.
  NoiseGain(const GraphIndex& index, const std::map<std::string, TensorStats>& stats,
            const std::vector<std::string>& outputs,
            const std::map<std::string, Moments>& measured = {}, const Gains& gains = {});

  // Noise by signal at the output where that is worst, for noise of power 1 on each element of
  // `value`; 0 where nothing of it arrives.
  double relative(const std::string& value) const;
  // The part of it that goes through one use: the node at this position of the graph reads `value`.
  double through(const std::string& value, size_t node) const;
  // Mean square of the signal, measured or estimated (signal_moments.h); 0 for unknown names.
  double power(const std::string& value) const;

 private:
  std::map<std::string, Moments> moments_;
  std::map<std::string, double> relative_;
  std::map<std::pair<std::string, size_t>, double> through_;
};

}  // namespace ptq

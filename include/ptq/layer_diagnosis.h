#pragma once
// A model diagnosed layer by layer, and what follows from it: whether post-training quantization
// will do, in which form, and what to run next. Made by the pipeline from statistics, weights and
// structure; judged by a pure function of the rows. Plain values; any thread.

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ptq/diagnosis.h"
#include "ptq/range.h"

namespace ptq {

// A constant weight as integers would represent it, symmetric, scales from absolute maxima.
struct WeightProfile {
  std::string name{};
  int64_t channels = 0;
  uint64_t values = 0;
  bool finite = true;         // false: the figures below mean nothing
  double power = 0.0;         // mean square of the values
  double spread = 1.0;        // largest by median absmax of the channels that are not dead
  int64_t dead_channels = 0;  // all values zero
  // Quantiles of the channels' absolute maxima at 0, 1/16 … 1, ascending; of up to 17 channels the
  // maxima themselves.
  std::vector<float> channel_absmax{};
  double channel_db_8 = 0.0;      // SQNR with a scale for each channel, ±127
  double channel_db_4 = 0.0;      // ±7
  double group_db_4 = 0.0;        // ±7, a scale for each 32 values of a channel
  double coded_db_8 = 0.0;        // as the target codes it (limited pair sums), where it is coded
  int32_t largest_pair_sum = 0;   // of plain INT8 codes whose kernel adds in 16 bits, else 0
  double saturating_share = 0.0;  // upper bound for the pair sums that would saturate then
};

// One row: a product with the activation that it reads, or another observed value with the node
// that makes it.
struct LayerDiagnosis {
  std::string node{};                       // its name, or its first output
  std::string op_type{};                    // "input" for a value that no node makes
  bool product = false;                     // Conv, ConvTranspose, MatMul, Gemm
  bool integer = false;                     // planned to run in integers
  std::string decision{};                   // why
  size_t position = 0;                      // in the order of computation
  std::optional<TensorDiagnosis> tensor{};  // of the activation; none where it is not observed
  // By estimator (absmax, percentile, mse, kl), with the codes of the target at 8 and 4 bits.
  std::map<std::string, Range> predicted_8{};
  std::map<std::string, Range> predicted_4{};
  std::optional<WeightProfile> weight{};
  std::optional<uint64_t> macs{};  // of one sample, 0 for what is no product; none: unknown
  // Noise by signal that the layer alone brings to the output where that is worst (1 = as strong as
  // the signal): from its activation with the chosen range, and from its weight in three forms.
  double activation_noise = 0.0;
  double weight_noise_8 = 0.0;
  double channel_noise_4 = 0.0;
  double group_noise_4 = 0.0;
  std::vector<std::string> codes{};  // of findings, "PTQ-D011"
};

struct DiagnosisFinding {
  std::string code{};
  std::string severity{};  // "error", "warning" or "info"
  std::string layer{};     // node or value; empty: the whole model
  std::string message{};   // with the numbers
};

// Channels of an activation that had one value at every position of every sample looked at.
struct StillChannels {
  std::string value{};
  int64_t channels = 0;
  std::vector<int64_t> zero{};      // indices, ascending
  std::vector<int64_t> constant{};  // of one value other than 0
};

struct ModelTraits {
  std::string architecture{};  // "convolutional", "transformer", "recurrent", "feed-forward"
  std::string size{};          // "small", "medium" or "redundant", by parameters
  uint64_t parameters = 0;     // elements of float weights
  uint64_t recurrent_parameters = 0;
  uint64_t macs = 0;  // of the products whose work is known
  uint64_t convolution_macs = 0;
  uint64_t unknown_products = 0;
  uint64_t samples = 0;
  // Samples on which it was measured what noise on each value does to the outputs; 0: estimated.
  uint64_t probed_samples = 0;
};

// What the architecture and its size are, by operators and counts.
struct OperatorCounts {
  uint64_t convolutions = 0;
  uint64_t products_of_activations = 0;
  uint64_t softmaxes = 0;
  uint64_t attentions = 0;  // attention in one operator
  uint64_t recurrent = 0;
};
std::string architecture_of(const OperatorCounts& counts, const ModelTraits& traits);
std::string size_class(uint64_t parameters);  // small below 5 million, redundant from 25 million

struct VerdictRequest {
  int bits = 8;         // 8: static activations and weights; 4: weights alone
  double budget = 1.0;  // points of accuracy that may be lost
};

enum class Answer {
  kInt8PerChannel,
  kInt4PerChannel,
  kInt4GroupWise,
  kMixedPrecision,
  kDynamicOrWeightOnly,
  kTrainWithQuantization
};
std::string_view answer_name(Answer answer);  // "int8-per-channel", …

struct Verdict {
  Answer answer = Answer::kInt8PerChannel;
  std::string sentence{};
  std::vector<std::string> steps{};         // the framework, with the numbers
  std::vector<std::string> float_layers{};  // kMixedPrecision: to keep above the bit-width
  double noise = 0.0;                       // predicted at the output, of the form answered
  double sqnr_db = 0.0;
  double loss = 0.0;         // predicted points of accuracy
  double loss_static = 0.0;  // of the form first asked for: all products at `bits`
  std::vector<DiagnosisFinding> findings{};
};

// Points of accuracy that noise of this power, by the signal, costs at most by what was measured on
// classifiers (docs/diagnosis.md); at most 100.
double predicted_loss(double noise);

// Target bit-width → architecture → noise → budget. Throws Error{kUsage} for other bits than 8 and
// 4 and for a budget that is negative or not finite.
Verdict judge_model(std::span<const LayerDiagnosis> layers, const ModelTraits& traits,
                    const VerdictRequest& request);

// Ranges of the four estimators with the codes of `scheme` at this width, 8 or 4.
std::map<std::string, Range> predicted_ranges(const TensorStats& stats, const QuantScheme& scheme,
                                              int bits, double percentile);

}  // namespace ptq

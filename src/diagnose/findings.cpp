#include "diagnose/findings.h"

#include <algorithm>
#include <array>

#include "ptq/error.h"

namespace ptq {
namespace {

using C = DiagnosisCode;

constexpr auto kRows = std::to_array<DiagnosisRow>({
    {C::kOverBudget, "PTQ-D001", "error", "no post-training form stays within the accuracy budget",
     "The noise predicted at the output exceeds what --budget allows, and neither a few layers in "
     "float nor another form of the weights brings it below.",
     "A file would be written, but it would answer worse than was asked for.",
     "Train with quantization in the loop, allow more with --budget, or measure first: the "
     "prediction has an error of its own (docs/diagnosis.md)."},
    {C::kMixedPrecision, "PTQ-D002", "warning", "some layers have to stay in float",
     "With all products in integers the predicted loss exceeds --budget; without the named layers, "
     "which hold the largest shares of the noise, it does not.",
     "Few layers usually carry most of the error, and keeping them in float costs little speed.",
     "Run the command of the verdict; `ptq quantize --data` looks for such layers by measuring."},
    {C::kDynamicOrWeightOnly, "PTQ-D003", "warning", "static ranges do not fit, weights do",
     "The noise comes from activations (or from operators that have no static integer kernel), "
     "while the weights alone stay within --budget.",
     "Ranges that are chosen for each run, or activations left in float, avoid that noise; the "
     "file still shrinks.",
     "Quantize dynamically or the weights alone, and compare speed: on convolutions dynamic "
     "quantization is often slower than float."},
    {C::kGroupWise, "PTQ-D004", "info", "4-bit weights need a scale for each group",
     "With one scale a channel, 4-bit weights exceed --budget; with one for each 32 weights of a "
     "row they do not.",
     "A few large weights in a row make the step of 4 bits too coarse for all others of it.",
     "Use group-wise INT4 of the weights (MatMulNBits), with activations in float."},
    {C::kLongTail, "PTQ-D011", "warning", "an activation with very long tails",
     "max|x| is more than 10 times the 99th percentile of |x|, and more than 3 times what a "
     "light-tailed (Laplace) tensor of as many values would show.",
     "A full range spends most of its codes on few values; a clipped one loses these.",
     "See which estimator was chosen and what it is predicted to cost; smooth or equalize the "
     "layer, or keep it in float with --keep-float."},
    {C::kHardTensor, "PTQ-D012", "warning", "an activation that 8 bits cannot represent well",
     "The best of the estimators is predicted below 25 dB at 8 bits.",
     "No choice of range helps here: the values span too many magnitudes for 256 codes.",
     "Keep the layer in float, take 16-bit activations (--target qnn-a16 where it runs), or "
     "smooth it before."},
    {C::kFewValues, "PTQ-D013", "info", "too few values for the percentile",
     "Fewer than 10 of the observed values lie above the percentile that was asked for.",
     "Such a percentile is set by one or two values and moves with every new sample.",
     "Give more samples, or a smaller --percentile. The rule does not choose percentile here."},
    {C::kConstantTensor, "PTQ-D014", "warning", "an activation with one value throughout",
     "Minimum and maximum over all samples are equal and not zero.",
     "Either the samples do not reach this part of the model, or it computes a constant.",
     "Check that the samples vary as production does; a real constant can be folded away."},
    {C::kAllZero, "PTQ-D015", "warning", "an activation that is always zero",
     "Every observed value is zero.",
     "A range cannot be chosen from zeros: whatever differs from zero later is clipped or coarse.",
     "Give samples that reach this part of the model; if it is dead, prune it."},
    {C::kMostlyZero, "PTQ-D016", "info", "an activation that is mostly zero",
     "At least 90 % of the observed values are zero.",
     "Zero is exact, so this does no harm, but the range rests on few values.",
     "Nothing, if the samples are representative; more samples make the range firmer."},
    {C::kNotFinite, "PTQ-D017", "error", "NaN or infinity in an activation",
     "Calibration met values that are no finite numbers; they are counted, not used.",
     "The FP32 model itself overflows or divides by zero; its codes mean nothing there.",
     "Find the operator in the FP32 model, or keep the layer in float with --keep-float."},
    {C::kNeverComputed, "PTQ-D018", "warning", "a value that no sample computed",
     "The value has no statistics, as in a branch that no sample takes.",
     "Without a range, the nodes around it stay in float.", "Add samples that take this branch."},
    {C::kFarFromZero, "PTQ-D019", "warning", "an activation whose values all lie far from zero",
     "All values have one sign, and the smallest magnitude is more than half of the largest.",
     "Ranges contain zero, so more than half of the codes are never used.",
     "Subtract the offset in front of the layer (it folds into the bias behind it), as raw pixels "
     "or temperatures often need."},
    {C::kStillChannels, "PTQ-D020", "info", "channels of an activation that never move",
     "What a product reads has channels that were zero, or one other value, at every position of "
     "every sample that was looked at (the first 64 at most).",
     "Dead channels cost time and answer nothing; or the samples do not reach what they stand for, "
     "and production will meet values that calibration never saw.",
     "Look whether the samples vary as production does. Channels that are dead there too can be "
     "pruned."},
    {C::kChannelSpread, "PTQ-D021", "info", "weight channels of very different size",
     "The largest channel absmax of the weight is at least 20 times the median one.",
     "One scale a channel absorbs this; one scale for the tensor would round small channels to "
     "nothing.",
     "Nothing with one scale a channel. For targets with one scale a tensor, equalize the layers "
     "first."},
    {C::kDeadChannels, "PTQ-D022", "info", "output channels whose weights are all zero",
     "The weight has channels without any weight but zero.",
     "They cost time and answer only with their bias.",
     "Nothing for accuracy; pruning them makes the model smaller."},
    {C::kSaturatingWeight, "PTQ-D023", "warning",
     "weight codes whose pair sums saturate on old x86",
     "Plain INT8 codes of this weight have neighbours of equal sign that add up to more than 128, "
     "and the calibrated activations reach codes at which that leaves 16 bits.",
     "On x86 processors without VNNI the runtime then saturates in silence.",
     "Keep the default --weights int8-safe; --assume-vnni is for machines that are known."},
    {C::kHardWeight, "PTQ-D024", "warning", "a weight that the bit-width cannot represent well",
     "With one scale a channel the weight has less than 25 dB at 8 bits, or less than 12 dB at 4.",
     "Rounding the weight alone then costs this layer more than the activations do.",
     "Keep the layer in float with --keep-float, or at 4 bits use groups or 8 bits for it."},
    {C::kNotFiniteWeight, "PTQ-D025", "error", "NaN or infinity in a weight",
     "The weight holds values that are no finite numbers.",
     "No scale represents them, and the FP32 model computes with them already.",
     "Repair the model; the layer can be left out with --keep-float."},
    {C::kTwoActivations, "PTQ-D031", "info", "a product of two activations stays in float",
     "The operands of a MatMul both come from activations, and the target keeps it in float.",
     "The operators around attention scores are float; converting both operands costs more time "
     "than the integer kernel saves.",
     "Nothing. Its share of the work is in the column of multiply-accumulates."},
    {C::kRecurrent, "PTQ-D032", "warning", "a recurrent operator stays in float",
     "LSTM, GRU and RNN have no static integer kernel on this target.",
     "Their weights, often most of the model, keep their size and their time.",
     "Quantize the model dynamically, or this part by training."},
    {C::kUnknownWork, "PTQ-D033", "info", "the work of some products is unknown",
     "Dimensions are open and no sample closes them, or the product lies in a loop.",
     "Shares of multiply-accumulates then leave these layers out.", "Give samples with --data."},
    {C::kFewSamples, "PTQ-D034", "warning", "statistics of few samples",
     "The statistics rest on fewer than 16 samples.",
     "Extremes and tails keep moving with every further sample; 128 to 512 are usual.",
     "Calibrate on more samples, or add further runs with `ptq merge`."},
    {C::kEstimatedNoise, "PTQ-D035", "info", "noise at the output is estimated, not measured",
     "What noise on a value does to the outputs was followed through weights and statistics, since "
     "there were no samples to run, --no-probe was given, or it would have taken too long.",
     "Estimates are 3 dB off on plain convolutional networks and 20 dB and more, mostly too noisy, "
     "where norms and attention are written out (docs/diagnosis.md).",
     "Give samples with --data, beside --stats too, or measure the quantized model with `ptq "
     "validate`."},
});

}  // namespace

std::span<const DiagnosisRow> diagnosis_rows() {
  return kRows;
}

const DiagnosisRow& diagnosis_row(DiagnosisCode finding) {
  const auto* row = std::ranges::find(kRows, finding, &DiagnosisRow::finding);
  PTQ_CHECK(row != kRows.end());
  return *row;
}

}  // namespace ptq

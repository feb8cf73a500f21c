#include "validate/gates.h"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ptq/error.h"
#include "validate/findings.h"
#include "validate/statistics.h"

namespace ptq {
namespace {

using ::testing::HasSubstr;

Validation two_outputs() {
  Validation validation{.samples = 100};
  validation.outputs = {{.name = "a", .sqnr_db = 30.0, .max_abs = 0.5},
                        {.name = "b", .sqnr_db = 18.0, .max_abs = 2.0}};
  return validation;
}

// Top-1 with so many broken and repaired samples.
Validation scored(uint64_t broken, uint64_t repaired, uint64_t samples) {
  Validation validation{.samples = samples};
  const auto b = static_cast<double>(broken);
  const auto c = static_cast<double>(repaired);
  const auto n = static_cast<double>(samples);
  const Interval bounds = paired_proportion_interval(b, c, n, 0.95);
  MetricResult metric{.name = "top1", .title = "top-1 accuracy", .unit = "%"};
  metric.drop = 100.0 * (b - c) / n;
  metric.method = IntervalMethod::kTango;
  metric.interval = {100.0 * bounds.lower, 100.0 * bounds.upper};
  metric.broken = broken;
  metric.repaired = repaired;
  validation.task = TaskResult{.name = "classification", .samples = samples, .metrics = {metric}};
  return validation;
}

Gate only_gate(const ValidationLimits& limits, Validation& validation) {
  apply_gates(limits, validation);
  EXPECT_EQ(validation.gates.size(), 1U);
  return validation.gates.at(0);
}

TEST(MaxDrop, PassesWhenTheUpperBoundIsBelowTheLimit) {
  Validation validation = scored(5, 5, 2000);
  const Gate gate = only_gate({.max_drop = 1.0}, validation);
  EXPECT_EQ(gate.outcome, GateOutcome::kPass);
  EXPECT_TRUE(validation.passed());
  EXPECT_EQ(validation.verdict(), "PASS");
}

TEST(MaxDrop, FailsWhenTheLowerBoundIsAboveTheLimit) {
  Validation validation = scored(80, 5, 2000);
  EXPECT_EQ(only_gate({.max_drop = 1.0}, validation).outcome, GateOutcome::kFail);
  EXPECT_EQ(validation.verdict(), "FAIL");
}

TEST(MaxDrop, SaysHowManySamplesWouldDecide) {
  Validation validation = scored(2, 1, 200);
  const Gate gate = only_gate({.max_drop = 1.0}, validation);
  EXPECT_EQ(gate.outcome, GateOutcome::kInconclusive);
  EXPECT_EQ(validation.verdict(), "INCONCLUSIVE");
  EXPECT_FALSE(validation.passed());
  ASSERT_GT(gate.samples_needed, 200U);
  // With that many samples of the same kind the gate decides, with 2 % less it does not.
  const auto decides = [](double samples) {
    const double factor = samples / 200.0;
    const Interval bounds = paired_proportion_interval(2.0 * factor, factor, samples, 0.95);
    return 100.0 * bounds.upper <= 1.0;
  };
  EXPECT_TRUE(decides(static_cast<double>(gate.samples_needed)));
  EXPECT_FALSE(decides(0.98 * static_cast<double>(gate.samples_needed)));
}

TEST(MaxDrop, ADropAtTheLimitIsNeverDecided) {
  Validation validation = scored(2, 0, 200);
  const Gate gate = only_gate({.max_drop = 1.0}, validation);
  EXPECT_EQ(gate.outcome, GateOutcome::kInconclusive);
  EXPECT_EQ(gate.samples_needed, 0U);
  EXPECT_THAT(gate.text, HasSubstr("too near the limit"));
}

TEST(MaxDrop, FollowsThePolicyWhenUndecided) {
  Validation warned = scored(2, 1, 200);
  const Gate warn =
      only_gate({.max_drop = 1.0, .on_inconclusive = InconclusivePolicy::kWarn}, warned);
  EXPECT_EQ(warn.outcome, GateOutcome::kWarn);
  EXPECT_TRUE(warned.passed());
  EXPECT_EQ(warned.warnings.size(), 1U);
  Validation let = scored(2, 1, 200);
  const Gate pass = only_gate({.max_drop = 1.0, .on_inconclusive = InconclusivePolicy::kPass}, let);
  EXPECT_EQ(pass.outcome, GateOutcome::kInconclusive);
  EXPECT_TRUE(let.passed());
  EXPECT_EQ(let.verdict(), "PASS");
}

TEST(MaxDrop, AMetricThatIsNoNumberFails) {
  Validation validation = scored(0, 0, 100);
  validation.task->metrics[0].drop = std::nan("");
  EXPECT_EQ(only_gate({.max_drop = 1.0}, validation).outcome, GateOutcome::kFail);
  Validation without;
  EXPECT_THROW(apply_gates({.max_drop = 1.0}, without), Error);
}

TEST(MinSqnr, JudgesTheLowestOrTheNamedOutput) {
  Validation lowest = two_outputs();
  EXPECT_EQ(only_gate({.min_sqnr_db = {{.limit = 20.0}}}, lowest).target, "b");
  EXPECT_FALSE(lowest.passed());
  Validation named = two_outputs();
  EXPECT_EQ(only_gate({.min_sqnr_db = {{.output = "a", .limit = 20.0}}}, named).outcome,
            GateOutcome::kPass);
  Validation unknown = two_outputs();
  EXPECT_THROW(apply_gates({.min_sqnr_db = {{.output = "c", .limit = 20.0}}}, unknown), Error);
}

TEST(MinSqnr, ANumberThatIsNoneFails) {
  Validation validation = two_outputs();
  validation.outputs[0].sqnr_db = std::nan("");
  EXPECT_EQ(only_gate({.min_sqnr_db = {{.limit = -1e9}}}, validation).outcome, GateOutcome::kFail);
}

TEST(MaxError, JudgesTheNamedOutput) {
  Validation validation = two_outputs();
  apply_gates({.max_error = {{.output = "a", .limit = 0.6}, {.output = "b", .limit = 1.0}}},
              validation);
  ASSERT_EQ(validation.gates.size(), 2U);
  EXPECT_EQ(validation.gates[0].outcome, GateOutcome::kPass);
  EXPECT_EQ(validation.gates[1].outcome, GateOutcome::kFail);
}

TEST(Decided, AgreementAndDivergence) {
  Validation validation = two_outputs();
  validation.decisions = Decisions{.output = "a", .rows = 200, .top1_equal = 198, .mean_kl = 0.02};
  apply_gates({.min_agreement = 99.0, .max_kl = 0.01}, validation);
  ASSERT_EQ(validation.gates.size(), 2U);
  EXPECT_EQ(validation.gates[0].outcome, GateOutcome::kPass);
  EXPECT_EQ(validation.gates[1].outcome, GateOutcome::kFail);
  Validation without = two_outputs();
  EXPECT_THROW(apply_gates({.max_kl = 0.01}, without), Error);
}

TEST(SizeRatio, IsThatOfTheFiles) {
  Validation validation{.fp32_bytes = 400, .quantized_bytes = 100};
  EXPECT_EQ(only_gate({.min_size_ratio = 4.0}, validation).outcome, GateOutcome::kPass);
  Validation larger{.fp32_bytes = 399, .quantized_bytes = 100};
  EXPECT_EQ(only_gate({.min_size_ratio = 4.0}, larger).outcome, GateOutcome::kFail);
}

TEST(IntegerShare, UnknownIsUndecided) {
  Validation validation;
  EXPECT_EQ(only_gate({.min_integer_share = 0.9}, validation).outcome, GateOutcome::kInconclusive);
  EXPECT_FALSE(validation.passed());
  Validation known{.integer_share = 0.95};
  EXPECT_EQ(only_gate({.min_integer_share = 0.9}, known).outcome, GateOutcome::kPass);
}

Validation timed(Quartiles speedup, double spread) {
  const Quartiles times{.lower = 1.0 - spread / 2.0, .median = 1.0, .upper = 1.0 + spread / 2.0};
  Validation validation;
  validation.benchmark = Benchmark{.runs = 36, .fp32_ms = times, .quantized_ms = times};
  validation.benchmark->speedup = speedup;
  return validation;
}

TEST(Speedup, NeedsAQuietMachineAndAClearMedian) {
  const Quartiles clear{.lower = 1.9, .median = 2.0, .upper = 2.1};  // ± 0.052
  Validation quiet = timed(clear, 0.05);
  EXPECT_EQ(only_gate({.min_speedup = 1.9}, quiet).outcome, GateOutcome::kPass);
  Validation slow = timed(clear, 0.05);
  EXPECT_EQ(only_gate({.min_speedup = 2.1}, slow).outcome, GateOutcome::kFail);
  Validation near = timed(clear, 0.05);
  EXPECT_EQ(only_gate({.min_speedup = 2.0}, near).outcome, GateOutcome::kInconclusive);
  Validation noisy = timed(clear, 0.3);
  const Gate gate = only_gate({.min_speedup = 1.0}, noisy);
  EXPECT_EQ(gate.outcome, GateOutcome::kInconclusive);
  EXPECT_THAT(gate.cause, HasSubstr("too noisy"));
}

TEST(Regression, ComparesEachOutputWithTheBaseline) {
  ValidationLimits limits;
  limits.baseline = ValidationBaseline{.name = "v.json", .sqnr_db = {{"a", 30.4}, {"b", 18.6}}};
  limits.max_regression_db = 0.5;
  Validation validation = two_outputs();
  apply_gates(limits, validation);
  ASSERT_EQ(validation.gates.size(), 2U);
  EXPECT_EQ(validation.gates[0].outcome, GateOutcome::kPass);
  EXPECT_EQ(validation.gates[1].outcome, GateOutcome::kFail);
  limits.baseline->sqnr_db = {{"other", 1.0}};
  Validation unknown = two_outputs();
  EXPECT_THROW(apply_gates(limits, unknown), Error);
}

TEST(Regression, LosslessOnceIsLosslessAlways) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  ValidationLimits limits;
  limits.baseline = ValidationBaseline{.sqnr_db = {{"a", kInfinity}}};
  Validation validation{.outputs = {{.name = "a", .sqnr_db = kInfinity}}};
  EXPECT_EQ(only_gate(limits, validation).outcome, GateOutcome::kPass);
  Validation worse{.outputs = {{.name = "a", .sqnr_db = 90.0}}};
  EXPECT_EQ(only_gate(limits, worse).outcome, GateOutcome::kFail);
}

TEST(Findings, ErrorsFailWithoutAnyLimitAndAreTheCauseOfOthers) {
  Validation validation = two_outputs();
  validation.findings.push_back(make_finding(ValidationCode::kDamagedWeight, "channel 3 of conv"));
  apply_gates({.min_sqnr_db = {{.limit = 25.0}}}, validation);
  ASSERT_EQ(validation.gates.size(), 2U);
  EXPECT_EQ(validation.gates[0].name, "weights");
  EXPECT_EQ(validation.gates[1].cause, "channel 3 of conv");
  EXPECT_EQ(validation.verdict(), "FAIL");
}

TEST(Findings, OverlapFailsOnlyWhereItIsForbidden) {
  Validation tolerated = two_outputs();
  tolerated.hygiene.overlap = 2;
  tolerated.findings.push_back(make_finding(ValidationCode::kOverlap, "2 samples"));
  apply_gates({}, tolerated);
  EXPECT_TRUE(tolerated.gates.empty());
  Validation forbidden = tolerated;
  EXPECT_EQ(only_gate({.forbid_overlap = true}, forbidden).outcome, GateOutcome::kFail);
  Validation clean = two_outputs();
  EXPECT_EQ(only_gate({.forbid_overlap = true}, clean).outcome, GateOutcome::kPass);
}

TEST(GateRows, HaveNamesOfTheirOwn) {
  for (const GateRow& row : gate_rows()) {
    EXPECT_EQ(std::ranges::count(gate_rows(), row.name, &GateRow::name), 1) << row.name;
  }
}

}  // namespace
}  // namespace ptq

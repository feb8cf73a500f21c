// Plans of small models against what the runtime makes of them, and plans that are broken on
// purpose: the proof must see each.

#include "pipeline/kernel_proof.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipeline/node_matching.h"
#include "pipeline/sized_graph.h"
#include "plan/make_plan.h"
#include "ptq/error.h"
#include "runtime/model_session.h"
#include "transform/insert_qdq.h"
#include "transform/measured_plan.h"

namespace ptq {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::measured_ranges;
using testing::parse_prepared;
using testing::random_weight;
using testing::unit_feeds;

struct Planned {
  Model model{};
  QuantPlan plan{};
};

Planned planned(const std::string& body, const std::vector<std::string>& keep_float = {},
                const char* target = "ort-x86") {
  Planned made{.model = parse_prepared(body)};
  const Target& wanted = find_target(target);
  const Structure structure = analyze_structure(made.model.graph, keep_float, wanted);
  const Session fp32 = open_session(made.model, {});
  made.plan = make_plan(made.model.graph, structure,
                        measured_ranges(made.model, structure, unit_feeds(fp32, 3)), wanted,
                        WeightForm::kInt8);
  return made;
}

RuntimeCheck check(const Planned& made) {
  return check_runtime(made.model.graph, made.plan, insert_qdq(made.model, made.plan).model,
                       sized_graph(made.model, {}));
}

const KernelRow& row(const RuntimeCheck& check, std::string_view label) {
  const auto found = std::ranges::find(check.rows, label, &KernelRow::label);
  PTQ_CHECK(found != check.rows.end());
  return *found;
}

std::string outcomes(const RuntimeCheck& check) {
  std::string out;
  for (const KernelRow& each : check.rows) {
    out += each.op_type + " " + std::string(outcome_name(each.outcome)) + " " + each.kernel + "; ";
  }
  return out;
}

const std::string kInput = "g (float[1,4,8,8] x) => (float[1,4,8,8] y)\n";
const std::string kWeight = random_weight("4,4,1,1", 16, "w");

const std::string kResidual =
    kInput + "<" + kWeight +
    "> { a = Conv(x, w)\n r = Relu(a)\n b = Conv(r, w)\n s = Add(r, b)\n y = Conv(s, w) }";

TEST(KernelProof, FindsEachNodeOfAResidualBlock) {
  const RuntimeCheck proof = check(planned(kResidual));
  EXPECT_EQ(outcomes(proof),
            "Conv integer QLinearConv; Relu absorbed ; Conv integer QLinearConv; "
            "Add integer QLinearAdd; Conv integer QLinearConv; ");
  EXPECT_EQ(proof.fallbacks(), 0U);
  EXPECT_THAT(kernel_findings(proof), IsEmpty());
  EXPECT_EQ(proof.known_macs, 3U * 4U * 64U * 4U);
  EXPECT_EQ(proof.integer_mac_percent(), 100.0);
}

TEST(KernelProof, ANodeKeptInFloatIsFloatByPlan) {
  const RuntimeCheck proof = check(planned(kResidual, {"y"}));
  EXPECT_EQ(row(proof, "y").outcome, KernelOutcome::kFloatByPlan);
  EXPECT_THAT(row(proof, "y").reason, HasSubstr("--keep-float"));
  EXPECT_EQ(row(proof, "y").kernel, "Conv");
  EXPECT_EQ(proof.fallbacks(), 0U);
  EXPECT_NEAR(proof.integer_mac_percent().value_or(0.0), 200.0 / 3.0, 1e-9);
  EXPECT_EQ(proof.float_nodes, 1U);
}

TEST(KernelProof, ANodeKeptInFloatBetweenCodesIsFloat) {
  const RuntimeCheck proof = check(planned(kResidual, {"b"}));
  EXPECT_EQ(row(proof, "b").outcome, KernelOutcome::kFloatByPlan);
  EXPECT_THAT(kernel_findings(proof), IsEmpty());
}

// Without the shield the runtime quantizes a float weight between two coded values unasked.
TEST(KernelProof, ANodeKeptInFloatThatTheRuntimeQuantizesIsSeen) {
  const Planned made = planned(kResidual, {"b"});
  Model written = insert_qdq(made.model, made.plan).model;
  for (Node& node : written.graph.nodes) {
    if (node.is("Conv") && node.inputs[0].ends_with("_channels")) {
      const std::string& shielded = node.inputs[0];
      node.inputs[0] = shielded.substr(0, shielded.size() - std::string("_channels").size());
    }
  }
  const RuntimeCheck proof =
      check_runtime(made.model.graph, made.plan, written, sized_graph(made.model, {}));
  EXPECT_EQ(row(proof, "b").outcome, KernelOutcome::kIntegerAgainstPlan);
  EXPECT_EQ(proof.fallbacks(), 0U);
  EXPECT_THAT(kernel_findings(proof),
              ElementsAre(HasSubstr("1 node(s) were to stay in float and run in integers")));
}

TEST(KernelProof, ProductsOfMatricesAndMovedCodes) {
  const RuntimeCheck proof = check(planned(
      "g (float[1,4,8,8] x) => (float[1,2] y)\n<" + kWeight + "," +
      random_weight("64,4", 256, "v") + "," + random_weight("4,2", 8, "u") +
      "> { a = Conv(x, w)\n p = MaxPool<kernel_shape=[2,2], strides=[2,2]>(a)\n f = Flatten(p)\n "
      "g = Gemm(f, v)\n m = MatMul(g, u)\n y = Exp(m) }"));
  EXPECT_EQ(outcomes(proof),
            "Conv integer QLinearConv; MaxPool integer NhwcMaxPool; Flatten integer Flatten; "
            "Gemm integer QGemm; MatMul integer MatMulIntegerToFloat; Exp float by plan Exp; ");
}

TEST(KernelProof, APairThatIsMissingInFrontOfANodeIsNamed) {
  Planned made = planned(kResidual);
  // The plan says integers for all; the codes of x are forgotten.
  std::erase_if(made.plan.activations,
                [](const PlannedActivation& each) { return each.value == "x"; });
  const RuntimeCheck proof = check(made);
  EXPECT_EQ(row(proof, "a").outcome, KernelOutcome::kFloatAgainstPlan);
  EXPECT_THAT(row(proof, "a").reason, HasSubstr("operand 0 (x) has no DequantizeLinear"));
  EXPECT_EQ(row(proof, "b").outcome, KernelOutcome::kInteger);
  EXPECT_EQ(proof.fallbacks(), 1U);
  EXPECT_THAT(kernel_findings(proof), ElementsAre(HasSubstr("1 node(s) were planned in integers")));
  EXPECT_LT(proof.integer_mac_percent().value_or(100.0), 70.0);
}

TEST(KernelProof, AResultThatIsReadAsFloatIsNamed) {
  Planned made = planned(kInput + "<" + kWeight +
                         "> { a = Conv(x, w)\n b = Conv(a, w)\n e = Exp(a)\n y = Add(b, e) }");
  for (PlannedActivation& each : made.plan.activations) {
    each.all_uses = false;  // Exp reads the float result, so the Conv cannot make codes only
  }
  const RuntimeCheck proof = check(made);
  EXPECT_EQ(row(proof, "a").outcome, KernelOutcome::kFloatAgainstPlan) << outcomes(proof);
  EXPECT_THAT(row(proof, "a").reason, HasSubstr("also read as float, by a"));
}

TEST(KernelProof, AnUnquantizedFileIsAllAgainstThePlan) {
  const Planned made = planned(kResidual);
  const RuntimeCheck proof =
      check_runtime(made.model.graph, made.plan, made.model, sized_graph(made.model, {}));
  EXPECT_EQ(row(proof, "a").outcome, KernelOutcome::kFloatAgainstPlan);
  EXPECT_EQ(row(proof, "y").outcome, KernelOutcome::kFloatAgainstPlan);
  EXPECT_EQ(proof.integer_mac_percent(), 0.0);
  EXPECT_EQ(proof.integer_nodes, 0U);
}

TEST(KernelProof, NodesWithoutOrWithEqualNamesAreToldApart) {
  Planned made = planned(kResidual, {"y"});
  for (Node& node : made.model.graph.nodes) {
    node.name = "same";
  }
  const RuntimeCheck proof = check(made);
  EXPECT_EQ(row(proof, "a").outcome, KernelOutcome::kInteger);
  EXPECT_EQ(row(proof, "b").outcome, KernelOutcome::kInteger);
  EXPECT_EQ(row(proof, "y").outcome, KernelOutcome::kFloatByPlan);
}

TEST(KernelProof, AGraphOutputInTheMiddleIsFollowedThroughItsPair) {
  const RuntimeCheck proof =
      check(planned("g (float[1,4,8,8] x) => (float[1,4,8,8] y, float[1,4,8,8] a)\n<" + kWeight +
                    "> { a = Conv(x, w)\n y = Conv(a, w) }"));
  EXPECT_EQ(outcomes(proof), "Conv integer QLinearConv; Conv integer QLinearConv; ");
}

TEST(KernelProof, WorkThatCannotBeCountedLeavesTheShareUnknownUnlessAllRunsInIntegers) {
  for (const bool all : {false, true}) {
    const Planned made =
        planned(kResidual, all ? std::vector<std::string>() : std::vector<std::string>{"y"});
    Graph sized = made.model.graph;
    sized.inputs.clear();
    sized.outputs.clear();
    sized.value_infos.clear();
    const RuntimeCheck proof =
        check_runtime(made.model.graph, made.plan, insert_qdq(made.model, made.plan).model, sized);
    EXPECT_EQ(proof.unknown_products, 3U);
    EXPECT_EQ(proof.unknown_integer_products, all ? 3U : 2U);
    EXPECT_EQ(proof.integer_mac_percent(), all ? std::optional<double>(100.0) : std::nullopt);
  }
}

TEST(KernelProof, SignedActivationsAreJudgedAsTheirProcessorsRunThem) {
  const RuntimeCheck proof = check(planned(kResidual, {}, "ort-arm"));
  EXPECT_EQ(row(proof, "y").outcome, KernelOutcome::kInteger) << outcomes(proof);
  EXPECT_EQ(proof.fallbacks(), 0U) << outcomes(proof);
}

TEST(KernelProof, AProductThatLeftNoTraceIsNotCalledInteger) {
  const Planned made = planned(kInput + "<" + kWeight + "> { y = Conv(x, w) }");
  const Model quantized = insert_qdq(made.model, made.plan).model;
  const RuntimeCheck proof = prove_kernels(made.model.graph, made.plan, quantized.graph, Graph(),
                                           sized_graph(made.model, {}));
  EXPECT_EQ(row(proof, "y").outcome, KernelOutcome::kNotFound);
  EXPECT_EQ(proof.fallbacks(), 1U);
  EXPECT_EQ(proof.integer_mac_percent(), 0.0);
}

TEST(KernelProof, OutcomesHaveNames) {
  EXPECT_EQ(outcome_name(KernelOutcome::kInteger), "integer");
  EXPECT_EQ(outcome_name(KernelOutcome::kIntegerAgainstPlan), "integer against plan");
  EXPECT_EQ(outcome_name(KernelOutcome::kFloatAgainstPlan), "float against plan");
  EXPECT_EQ(outcome_name(KernelOutcome::kNotFound), "not found");
}

TEST(MarkNodes, GivesEachNodeItsPositionAndChangesNothingElse) {
  const Planned made = planned(kResidual);
  const Model marked = mark_nodes(made.model);
  ASSERT_EQ(marked.graph.nodes.size(), made.model.graph.nodes.size());
  EXPECT_EQ(marked.graph.nodes[2].name, "ptq.2.");
  EXPECT_EQ(marked.graph.nodes[2].inputs, made.model.graph.nodes[2].inputs);
}

}  // namespace
}  // namespace ptq

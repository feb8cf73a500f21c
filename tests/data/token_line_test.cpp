#include "data/token_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/npy_writer.h"
#include "ptq/error.h"

namespace ptq {
namespace {

using ::ptq::testing::error_of;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::vector<InputSpec> kBert = {{"input_ids", DType::kInt64, {-1, -1}},
                                      {"attention_mask", DType::kInt64, {-1, -1}}};
const std::vector<InputSpec> kIds = {{"input_ids", DType::kInt64, {-1, -1}}};

TokenRow parse(const std::string& line, const std::vector<InputSpec>& inputs = kIds,
               const DataOptions& options = {}) {
  check_token_options(inputs, options);
  return parse_token_line(line, inputs, options, "f.jsonl: line 7");
}

std::string refusal(const std::string& line, const std::vector<InputSpec>& inputs = kIds,
                    const DataOptions& options = {}, ErrorCode code = ErrorCode::kInput) {
  return error_of([&] { parse(line, inputs, options); }, code);
}

TEST(TokenLine, GivesEachListASampleAxis) {
  const TokenRow row =
      parse(R"({"text":"a b","input_ids":[5,6,7],"attention_mask":[1,1,0]})", kBert);
  EXPECT_EQ(row.inputs.at("input_ids").shape(), (Shape{1, 3}));
  EXPECT_THAT(row.inputs.at("input_ids").data<int64_t>(), ElementsAre(5, 6, 7));
  EXPECT_THAT(row.inputs.at("attention_mask").data<int64_t>(), ElementsAre(1, 1, 0));
  EXPECT_EQ(row.batch, 1);
}

TEST(TokenLine, TakesNumbersNestedListsAndEveryType) {
  const std::vector<InputSpec> inputs = {{"n", DType::kInt32, {-1}},
                                         {"box", DType::kUint8, {-1, -1, 2}},
                                         {"keep", DType::kBool, {1, 3}},
                                         {"w", DType::kFloat, {-1, 2}},
                                         {"any", DType::kInt64, {}, /*has_shape=*/false}};
  const TokenRow row = parse(
      R"({"n":3,"box":[[1,2],[3,255]],"keep":[true,0,1],"w":[0.1,2e3],"any":[[[4]]],"z":{"a":[{}]}})",
      inputs);
  EXPECT_THAT(row.inputs.at("n").data<int32_t>(), ElementsAre(3));
  EXPECT_EQ(row.inputs.at("n").shape(), Shape{1});
  EXPECT_EQ(row.inputs.at("box").shape(), (Shape{1, 2, 2}));
  EXPECT_THAT(row.inputs.at("box").data<uint8_t>(), ElementsAre(1, 2, 3, 255));
  EXPECT_THAT(row.inputs.at("keep").data<bool>(), ElementsAre(true, false, true));
  EXPECT_THAT(row.inputs.at("w").data<float>(), ElementsAre(0.1F, 2000.0F));
  EXPECT_EQ(row.inputs.at("any").shape(), (Shape{1, 1, 1, 1}));
  // A list that has the sample axis already is taken as it is.
  EXPECT_EQ(parse(R"({"input_ids":[[1,2,3]]})").inputs.at("input_ids").shape(), (Shape{1, 3}));
}

TEST(TokenLine, PadsIdsWithTheIdAndOthersWithZero) {
  DataOptions options{.pad_id = 9, .pad_to = 5};
  const TokenRow row = parse(R"({"input_ids":[5,6,7],"attention_mask":[1,1,1]})", kBert, options);
  EXPECT_THAT(row.inputs.at("input_ids").data<int64_t>(), ElementsAre(5, 6, 7, 9, 9));
  EXPECT_THAT(row.inputs.at("attention_mask").data<int64_t>(), ElementsAre(1, 1, 1, 0, 0));
  options.truncate = 2;
  const TokenRow cut = parse(R"({"input_ids":[5,6,7],"attention_mask":[1,1,1]})", kBert, options);
  EXPECT_THAT(cut.inputs.at("input_ids").data<int64_t>(), ElementsAre(5, 6, 9, 9, 9));
  EXPECT_THAT(cut.inputs.at("attention_mask").data<int64_t>(), ElementsAre(1, 1, 0, 0, 0));
  const DataOptions only_cut{.truncate = 2};
  EXPECT_THAT(
      parse(R"({"input_ids":[5,6,7]})", kIds, only_cut).inputs.at("input_ids").data<int64_t>(),
      ElementsAre(5, 6));
  // Rows of a nested list are padded whole.
  const std::vector<InputSpec> boxes = {{"input_ids", DType::kInt64, {-1, -1}},
                                        {"bbox", DType::kInt64, {-1, -1, 2}}};
  EXPECT_THAT(parse(R"({"input_ids":[5],"bbox":[[1,2]]})", boxes, {.pad_id = 9, .pad_to = 2})
                  .inputs.at("bbox")
                  .data<int64_t>(),
              ElementsAre(1, 2, 0, 0));
}

TEST(TokenLine, RefusesLengthsThatDoNotFit) {
  EXPECT_THAT(refusal(R"({"input_ids":[5,6,7]})", kIds, {.pad_id = 0, .pad_to = 2}),
              AllOf(HasSubstr("line 7"), HasSubstr("add --truncate 2"), HasSubstr("PTQ-S022")));
  EXPECT_THAT(refusal(R"({"input_ids":[5,6],"attention_mask":[1]})", kBert),
              HasSubstr("'attention_mask' has shape [1], but 'input_ids' has [2]"));
  const std::vector<InputSpec> t5 = {{"input_ids", DType::kInt64, {-1, -1}},
                                     {"decoder_input_ids", DType::kInt64, {-1, -1}}};
  EXPECT_EQ(parse(R"({"input_ids":[5,6],"decoder_input_ids":[1]})", t5).inputs.size(), 2U);
  EXPECT_THAT(
      refusal(R"({"input_ids":[5,6],"decoder_input_ids":[1]})", t5, {.pad_id = 0, .pad_to = 4}),
      HasSubstr("1 elements beside 2 ids"));
  const std::vector<InputSpec> fixed = {{"input_ids", DType::kInt64, {-1, 4}}};
  EXPECT_THAT(refusal(R"({"input_ids":[5,6]})", fixed),
              AllOf(HasSubstr("expected shape [?,4]"), HasSubstr("--pad-to")));
}

TEST(TokenLine, RefusesOptionsThatLackAPart) {
  const auto usage = [](const DataOptions& options, const std::vector<InputSpec>& inputs = kIds) {
    return refusal("{}", inputs, options, ErrorCode::kUsage);
  };
  EXPECT_THAT(usage({.pad_id = 0}), HasSubstr("--pad-id needs --pad-to"));
  EXPECT_THAT(usage({.pad_to = 8}), HasSubstr("--pad-to needs --pad-id"));
  EXPECT_THAT(usage({.pad_id = -1, .pad_to = 8}), HasSubstr("is no id"));
  EXPECT_THAT(usage({.pad_id = 0, .pad_to = 8, .truncate = 9}), HasSubstr("at most that"));
  EXPECT_THAT(usage({.pad_id = 0, .pad_to = int64_t{1} << 40}), HasSubstr("limit"));
  EXPECT_THAT(
      usage({.truncate = 8}, {{"a", DType::kInt64, {-1, -1}}, {"b", DType::kInt64, {-1, -1}}}),
      HasSubstr("none of several"));
}

TEST(TokenLine, RefusesRaggedLists) {
  for (const char* value :
       {"[[1,2],[3]]", "[1,[2]]", "[[1],2]", "[[],1]", "[[],[1]]", "[[[1]],[2]]", "[[1],[[2]]]"}) {
    EXPECT_THAT(refusal(std::string(R"({"input_ids":)") + value + "}"),
                AllOf(HasSubstr("line 7"), HasSubstr("PTQ-S022")))
        << value;
  }
  EXPECT_THAT(refusal(R"({"input_ids":[[[[[[[[[1]]]]]]]]]})"), HasSubstr("too deeply"));
  for (const char* value : {"[]", "[[],[]]"}) {
    EXPECT_THAT(refusal(std::string(R"({"input_ids":)") + value + "}"), HasSubstr("PTQ-S015"));
  }
}

TEST(TokenLine, RefusesIdsOutOfRange) {
  EXPECT_THAT(refusal(R"({"input_ids":[1,-1]})"), HasSubstr("negative number -1"));
  const std::vector<InputSpec> narrow = {{"input_ids", DType::kInt32, {-1, -1}}};
  EXPECT_EQ(parse(R"({"input_ids":[2147483647]})", narrow).inputs.size(), 1U);
  EXPECT_THAT(refusal(R"({"input_ids":[2147483648]})", narrow),
              AllOf(HasSubstr("2147483648, which int32 cannot hold"), HasSubstr("PTQ-S023")));
  EXPECT_THAT(refusal(R"({"input_ids":[18446744073709551615]})"), HasSubstr("which is no id"));
  EXPECT_THAT(refusal(R"({"input_ids":[99999999999999999999]})"), HasSubstr("PTQ-S011"));
  EXPECT_THAT(refusal(R"({"input_ids":[1.5]})"), HasSubstr("a fraction"));
  const std::vector<InputSpec> real = {{"x", DType::kFloat, {-1, -1}}};
  EXPECT_THAT(refusal(R"({"x":[1e300]})", real), HasSubstr("PTQ-S016"));
}

TEST(TokenLine, RefusesLinesThatAreNoObjects) {
  for (const char* line :
       {"", "x", "[1,2]", "5", "\"a\"", "null", "true", "-3", "1.5", R"({"input_ids":[1,2])",
        R"({"input_ids":[1,]})", R"({"input_ids":[1]} {"input_ids":[1]})", "{\"input_ids\":[\x01]}",
        R"({"input_ids":"1 2"})", R"({"input_ids":null})", R"({"input_ids":{"a":1}})",
        R"({"input_ids":[1],"input_ids":[2]})", R"({"input_ids":[NaN]})"}) {
    EXPECT_THAT(refusal(line), AllOf(HasSubstr("f.jsonl: line 7"), HasSubstr("PTQ-S021"))) << line;
  }
}

TEST(TokenLine, SaysWhichKeyToAdd) {
  EXPECT_THAT(refusal(R"({"input_ids":[1],"mask":[1]})", kBert),
              AllOf(HasSubstr("no key for model input 'attention_mask'"),
                    HasSubstr("found 'input_ids', 'mask'"),
                    HasSubstr(R"(add "attention_mask":[...] to each line)")));
  DataOptions options;
  options.optional_inputs = {"attention_mask"};
  EXPECT_EQ(parse(R"({"input_ids":[1]})", kBert, options).inputs.size(), 1U);
}

TEST(TokenLine, ReadsLabels) {
  EXPECT_EQ(parse(R"({"input_ids":[1],"y":3})", kIds, {.label_key = "y"}).label, 3);
  EXPECT_THAT(refusal(R"({"input_ids":[1]})", kIds, {.label_key = "y"}), HasSubstr("PTQ-S018"));
  EXPECT_THAT(refusal(R"({"input_ids":[1],"y":[3]})", kIds, {.label_key = "y"}),
              HasSubstr("PTQ-S018"));
}

TEST(TokenLine, KnowsTheBatchThatTheModelFixes) {
  const std::vector<InputSpec> inputs = {{"input_ids", DType::kInt64, {4, -1}}};
  const TokenRow row = parse(R"({"input_ids":[1,2]})", inputs);
  EXPECT_EQ(row.batch, 4);
  EXPECT_EQ(row.inputs.at("input_ids").shape(), (Shape{1, 2}));
}

}  // namespace
}  // namespace ptq

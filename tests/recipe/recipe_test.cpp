#include "ptq/recipe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ptq/error.h"
#include "recipe/recipe_fields.h"

namespace ptq {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// Every member away from its default.
Recipe unusual() {
  Recipe recipe;
  recipe.target = &find_target("qnn-a16");
  recipe.weight_form = WeightForm::kUint8;
  recipe.granularity = WeightGranularity::kTensor;
  recipe.policy = {
      .low_ratio = 2.5, .high_ratio = 77.125, .veto_db = 0.1, .forced = "kl", .percentile = 99.99};
  recipe.methods = choose_methods(Effort::kFast, {}, {"mean-rounding"});
  recipe.keep_float = {"a\"b\\c", "caf\xc3\xa9 \xf0\x9f\x98\x80", "tab\there", "plain"};
  recipe.float_below_db = 12.0625;
  return recipe;
}

std::string message_of(std::string_view text) {
  try {
    parse_recipe(text, "r.toml");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUsage);
    return error.what();
  }
  return "no error";
}

TEST(RecipeFile, EachFieldSurvivesTheFile) {
  const std::string text = recipe_text(unusual());
  const std::string usual = recipe_text(Recipe{});
  const Recipe read = parse_recipe(text, "r.toml");
  EXPECT_EQ(recipe_text(read), text);
  EXPECT_EQ(read.keep_float, unusual().keep_float);
  EXPECT_EQ(read.methods, unusual().methods);
  for (const RecipeField& field : recipe_fields()) {
    EXPECT_NE(field.write(read), field.write(Recipe{}))
        << field.key << ": give it an unusual value above";
  }
  EXPECT_EQ(recipe_text(parse_recipe(usual, "r.toml")), usual);
}

TEST(RecipeFile, NamesTheMethodsOneByOneAndTheFormThatTheTargetWouldChoose) {
  Recipe recipe;
  recipe.target = &find_target("ort-arm");
  const std::string text = recipe_text(recipe);
  EXPECT_THAT(text, AllOf(HasSubstr("weights = \"int8\"\n"), HasSubstr("  \"mean-rounding\",\n")));
  EXPECT_EQ(text.find("effort"), std::string::npos);
}

TEST(RecipeFile, IsAsciiWhateverNamesNodesHave) {
  for (const char c : recipe_text(unusual())) {
    EXPECT_TRUE(c == '\n' || (c >= 0x20 && c < 0x7F));
  }
}

TEST(RecipeFile, RefusesNamesThatAreNoUtf8) {
  for (const std::string name :
       {"\xff", "\xc0\x80", "\xed\xa0\x80", "\xe2\x82", "\xf5\x80\x80\x80"}) {
    Recipe recipe;
    recipe.keep_float = {name};
    EXPECT_THROW(recipe_text(recipe), Error);
  }
}

TEST(RecipeFile, SaysWhichKeysThereAre) {
  const std::string message =
      message_of("recipe = 1\ntarget = \"qnn\"\nmethods = []\nestimater = \"kl\"\n");
  EXPECT_THAT(message, AllOf(HasSubstr("r.toml:4:1: unknown key 'estimater'"),
                             HasSubstr("did you mean 'estimator'?"), HasSubstr("float_below")));
}

TEST(RecipeFile, MissesWhatNoDefaultMayFill) {
  EXPECT_THAT(message_of("target = \"qnn\"\nmethods = []\n"),
              HasSubstr("begins with 'recipe = 1'"));
  EXPECT_THAT(message_of("recipe = 1\nmethods = []\n"), HasSubstr("the key 'target' is missing"));
  EXPECT_THAT(message_of("recipe = 1\ntarget = \"qnn\"\n"),
              HasSubstr("the key 'methods' is missing"));
  EXPECT_EQ(message_of("recipe = 1\ntarget = \"qnn\"\nmethods = []\n"), "no error");
}

TEST(RecipeFile, RefusesBadValuesWithTheirPlace) {
  const std::string head = "recipe = 1\ntarget = \"qnn\"\nmethods = []\n";
  EXPECT_THAT(message_of("recipe = 2\n"), HasSubstr("r.toml:1:10: key 'recipe': expected 1"));
  EXPECT_THAT(message_of("recipe = 1\ntarget = \"mars\"\nmethods = []\n"),
              HasSubstr("r.toml:2:10: key 'target': no target is called mars; there are: ort-x86"));
  EXPECT_THAT(message_of("recipe = 1\ntarget = \"qnn\"\nmethods = [\"magic\"]\n"),
              HasSubstr("no method is called magic; there are: "));
  EXPECT_THAT(
      message_of(head + "float_below = -1\n"),
      HasSubstr("r.toml:4:15: key 'float_below': expected a number from 0 to 200, found -1"));
  EXPECT_THAT(message_of(head + "float_below = nan\n"), HasSubstr("expected a number"));
  EXPECT_THAT(message_of(head + "float_below = true\n"), HasSubstr("found true"));
  EXPECT_THAT(message_of(head + "estimator = 3\n"),
              HasSubstr("expected a text in quotes, found 3"));
  EXPECT_THAT(message_of(head + "estimator = \"median\"\n"), HasSubstr("key 'estimator': "));
  EXPECT_THAT(message_of(head + "keep_float = \"a\"\n"), HasSubstr("expected a list of texts"));
  EXPECT_THAT(message_of(head + "keep_float = [\"a\", 3]\n"), HasSubstr("found 3"));
  EXPECT_THAT(message_of(head + "keep_float = [\"\"]\n"), HasSubstr("found ''"));
  EXPECT_THAT(message_of(head + "low_ratio = 11\n"),
              HasSubstr("low_ratio 11 is above high_ratio 10"));
  EXPECT_THAT(message_of(head + "[table]\n"), HasSubstr("r.toml:4:1: "));
  EXPECT_THAT(message_of(head + "weights = \n"), HasSubstr("no valid TOML"));
}

TEST(RecipeOptions, MayRepeatTheRecipeButNotContradictIt) {
  Recipe recipe;
  recipe.policy.forced = "kl";
  Recipe typed;  // as of a command line without options
  check_agreement(recipe, typed, {"--data", "--threads"}, "r.toml");
  typed.policy.forced = "kl";
  check_agreement(recipe, typed, {"--estimator"}, "r.toml");
  typed.policy.forced = "mse";
  try {
    check_agreement(recipe, typed, {"--data", "--estimator"}, "r.toml");
    FAIL() << "a contradiction was not seen";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUsage);
    EXPECT_STREQ(error.what(),
                 "--estimator gives estimator = \"mse\", but the recipe r.toml says \"kl\"; leave "
                 "the option out or change the recipe");
  }
}

TEST(RecipeOptions, LevelsOfEffortAreComparedByTheirMethods) {
  Recipe recipe;
  recipe.methods = MethodSet{};
  EXPECT_THROW(check_agreement(recipe, Recipe{}, {"--effort"}, "r.toml"), Error);
  recipe.methods = choose_methods(Effort::kDefault);
  check_agreement(recipe, Recipe{}, {"--effort"}, "r.toml");
}

}  // namespace
}  // namespace ptq

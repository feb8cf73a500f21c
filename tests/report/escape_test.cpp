#include "report/escape.h"

#include <gtest/gtest.h>

namespace ptq {
namespace {

TEST(MarkupEscaped, IsTextForElementsAndAttributes) {
  EXPECT_EQ(markup_escaped("<a b=\"c\">&'"), "&lt;a b=&quot;c&quot;&gt;&amp;&#39;");
  EXPECT_EQ(markup_escaped("a\x01\x1b\n\xff\u202e"), "a?????");
  EXPECT_EQ(markup_escaped("abcdef", 4), "abcd...");
}

TEST(MarkdownText, IsTextForMarkdownHtmlAndCi) {
  EXPECT_EQ(markdown_text("a|b_c*`"), "a\\|b\\_c\\*\\`");
  EXPECT_EQ(markdown_text("<b>&"), "&lt;b&gt;&amp;");
  EXPECT_EQ(markdown_text("::error::x"), ":&#58;error:&#58;x");
  EXPECT_EQ(markdown_text(":::"), ":&#58;:");
  EXPECT_EQ(markdown_text("@all [x](y)\n#"), "&#64;all \\[x\\]\\(y\\)?\\#");
}

// "Workflow commands for GitHub Actions": % is %25 everywhere, : and , only in properties.
TEST(WorkflowText, EscapesAsTheRunnerReadsIt) {
  EXPECT_EQ(workflow_message("100 %0A: a, b"), "100 %250A: a, b");
  EXPECT_EQ(workflow_property("100 %0A: a, b"), "100 %250A%3A a%2C b");
  EXPECT_EQ(workflow_message("a\n::error::b\r"), "a?::error::b?");
}

}  // namespace
}  // namespace ptq

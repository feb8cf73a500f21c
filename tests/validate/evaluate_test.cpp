#include "validate/evaluate.h"

#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/run_command.h"
#include "ptq/error.h"

namespace ptq {
namespace {

using ::testing::HasSubstr;

std::string message_of(const std::function<void()>& call, ErrorCode code) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return {};
}

TEST(LastNumber, StandsAloneOnTheLastLineThatIsNotEmpty) {
  EXPECT_EQ(last_number("loading\n0.75\n", "c"), 0.75);
  EXPECT_EQ(last_number("-1e3", "c"), -1000.0);
  EXPECT_EQ(last_number("1\n2\n  3.5 \r\n\n", "c"), 3.5);
  for (const char* const bad :
       {"", "\n\n", "accuracy 0.9\n", "0.9\ndone\n", "0.9 %\n", "0.9 0.8"}) {
    EXPECT_THAT(message_of([&] { last_number(bad, "my command"); }, ErrorCode::kInput),
                HasSubstr("expected a number alone on the last line"));
  }
}

TEST(ShellWord, HoldsWhateverTheTextIs) {
  for (const std::string text : {"a b", "it's", "$(exit 3)", "`false`; *\"\\", "-n"}) {
    EXPECT_EQ(run_command("printf %s " + shell_word(text), 10.0, nullptr), text);
  }
}

TEST(RunCommand, FailsWithTheStatusOrTheSignal) {
  EXPECT_THAT(message_of([] { run_command("exit 3", 10.0, nullptr); }, ErrorCode::kEnvironment),
              HasSubstr("ended with status 3"));
  EXPECT_THAT(message_of([] { run_command("kill -9 $$", 10.0, nullptr); }, ErrorCode::kEnvironment),
              HasSubstr("died of signal 9"));
  EXPECT_THAT(message_of([] { run_command("no_such_program_here 2>/dev/null", 10.0, nullptr); },
                         ErrorCode::kEnvironment),
              HasSubstr("status 127"));
}

TEST(RunCommand, StopsWhatTakesTooLong) {
  EXPECT_THAT(
      message_of([] { run_command("sleep 60 & sleep 60", 0.2, nullptr); }, ErrorCode::kEnvironment),
      HasSubstr("did not end within 0.2 seconds"));
  const std::atomic<bool> stop = true;
  message_of([&] { run_command("sleep 60", 60.0, &stop); }, ErrorCode::kInterrupted);
}

TEST(RunCommand, KeepsTheEndOfWhatIsPrinted) {
  const std::string output = run_command(
      "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done; echo 7", 60.0, nullptr);
  EXPECT_LT(output.size(), size_t{200000});
  EXPECT_TRUE(output.ends_with("line 19999\n7\n"));
}

TEST(EvaluateModels, RunsBothAndSubtracts) {
  const MetricResult result =
      evaluate_models({.command = "echo x; case {model} in 'a b') echo 0.9;; *) echo 0.7;; esac"},
                      "a b", "q.onnx", nullptr);
  EXPECT_EQ(result.fp32, 0.9);
  EXPECT_EQ(result.quantized, 0.7);
  EXPECT_NEAR(result.drop, 0.2, 1e-12);
  EXPECT_EQ(result.method, IntervalMethod::kNone);
  const MetricResult error =
      evaluate_models({.command = "test {model} = a && echo 1 || echo 3", .lower_is_better = true},
                      "a", "b", nullptr);
  EXPECT_EQ(error.drop, 2.0);
  EXPECT_THAT(message_of([] { evaluate_models({.command = "echo 1"}, "a", "b", nullptr); },
                         ErrorCode::kUsage),
              HasSubstr("{model}"));
}

}  // namespace
}  // namespace ptq

#include "core/log.h"

#include <gtest/gtest.h>

namespace ptq {
namespace {

std::string stderr_of_all_levels() {
  testing::internal::CaptureStderr();
  log_debug("a tensor");
  log_info("a stage");
  log_warn("{} is no format string");
  return testing::internal::GetCapturedStderr();
}

TEST(Log, DropsWhatIsBelowTheLevel) {
  EXPECT_EQ(stderr_of_all_levels(), "ptq: warning: {} is no format string\n");
  set_log_level(LogLevel::kDebug);
  EXPECT_EQ(stderr_of_all_levels(),
            "ptq: debug: a tensor\nptq: info: a stage\nptq: warning: {} is no format string\n");
  set_log_level(LogLevel::kInfo);
  EXPECT_EQ(stderr_of_all_levels(), "ptq: info: a stage\nptq: warning: {} is no format string\n");
  set_log_level(LogLevel::kError);
  EXPECT_EQ(stderr_of_all_levels(), "");
  set_log_level(LogLevel::kWarn);
}

}  // namespace
}  // namespace ptq

#pragma once
// Messages to stderr for the person at the terminal. Results never go through here. Any thread.

#include <string>

namespace ptq {

enum class LogLevel { kDebug, kInfo, kWarn, kError };

// Messages below `level` are dropped. Default: kWarn.
void set_log_level(LogLevel level);

void log_debug(const std::string& message);
void log_info(const std::string& message);
void log_warn(const std::string& message);

}  // namespace ptq

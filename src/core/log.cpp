#include "core/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace ptq {
namespace {

spdlog::logger& logger() {
  static const std::shared_ptr<spdlog::logger> kInstance = [] {
    auto made =
        std::make_shared<spdlog::logger>("ptq", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("ptq: %l: %v");
    made->set_level(spdlog::level::warn);
    return made;
  }();
  return *kInstance;
}

}  // namespace

void set_log_level(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      logger().set_level(spdlog::level::debug);
      break;
    case LogLevel::kInfo:
      logger().set_level(spdlog::level::info);
      break;
    case LogLevel::kWarn:
      logger().set_level(spdlog::level::warn);
      break;
    case LogLevel::kError:
      logger().set_level(spdlog::level::err);
      break;
  }
}

void log_debug(const std::string& message) {
  logger().debug("{}", message);
}
void log_info(const std::string& message) {
  logger().info("{}", message);
}
void log_warn(const std::string& message) {
  logger().warn("{}", message);
}

}  // namespace ptq

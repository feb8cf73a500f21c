// The functions of ptq/observe.h.

#include <exception>
#include <string>

#include "observe/observatory.h"
#include "ptq/observe.h"

using ptq::Observatory;

int32_t ptq_observe_write(const char* path) {
  return Observatory::instance().write(path);
}

void ptq_observe_reset(void) {
  Observatory::instance().reset();
}

int32_t ptq_observe_set_every(int64_t n) {
  return Observatory::instance().set_every(n) ? 0 : -1;
}

const char* ptq_observe_last_error(void) {
  thread_local std::string text;
  text = Observatory::instance().last_error();
  return text.c_str();
}

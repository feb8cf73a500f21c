#pragma once
// Reading JSON that comes from strangers: events instead of a tree, so that memory is that of what
// is kept, and every event that a reader does not expect is refused. Base of the readers of
// safetensors heads and of lines of token ids. One thread.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "data/findings.h"

namespace ptq {

class JsonEvents : public nlohmann::json_sax<nlohmann::json> {
 public:
  // `where` begins each message.
  JsonEvents(DataFinding finding, std::string where)
      : finding_(finding), where_(std::move(where)) {}

  void parse(std::string_view text) { nlohmann::json::sax_parse(text.begin(), text.end(), this); }

  bool null() override { fail("null is not expected here"); }
  bool boolean(bool /*value*/) override { fail("a truth value is not expected here"); }
  bool number_integer(int64_t value) override {  // only for negative ones
    fail(fmt::format("the negative number {} is not expected here", value));
  }
  bool number_unsigned(uint64_t value) override {
    fail(fmt::format("the number {} is not expected here", value));
  }
  bool number_float(double /*value*/, const std::string& text) override {
    fail(fmt::format("the number {} is not expected here", printable(text, 40)));
  }
  bool string(std::string& value) override {
    fail(fmt::format("the text '{}' is not expected here", printable(value, 40)));
  }
  bool binary(binary_t& /*value*/) override { fail("binary data are not JSON"); }
  bool start_object(size_t /*size*/) override { fail("an object is not expected here"); }
  bool end_object() override { return true; }
  bool start_array(size_t /*size*/) override { fail("a list is not expected here"); }
  bool end_array() override { return true; }
  bool key(std::string& name) override {
    fail(fmt::format("the key '{}' is not expected here", printable(name, 40)));
  }
  bool parse_error(size_t position, const std::string& /*token*/,
                   const nlohmann::detail::exception& /*error*/) override {
    fail(fmt::format("no JSON at byte {}", position));
  }

 protected:
  [[noreturn]] void fail(std::string_view what) const { refuse_data(finding_, where_, what); }
  [[noreturn]] void fail(DataFinding finding, std::string_view what) const {
    refuse_data(finding, where_, what);
  }

 private:
  DataFinding finding_;
  std::string where_;
};

}  // namespace ptq

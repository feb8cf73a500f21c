#include "data/token_values.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "data/findings.h"
#include "data/json_events.h"
#include "ptq/error.h"

namespace ptq {
namespace {

constexpr size_t kMaxRank = 8;
constexpr uint64_t kMaxExact = uint64_t{1} << 53;

// The numbers of one value, element by element. `level` is the number of lists around the current
// place.
class NumberCollector {
 public:
  // Each returns what is wrong, or nothing.
  std::string_view open_list() {
    if (level() == kMaxRank) {
      return "lists are nested too deeply";
    }
    if (rank_ && level() >= *rank_) {
      return "numbers and lists stand beside each other";
    }
    lengths_.push_back(0);
    if (numbers_.shape.size() < lengths_.size()) {
      numbers_.shape.push_back(-1);
    }
    return {};
  }

  std::string_view close_list() {
    const int64_t length = lengths_.back();
    lengths_.pop_back();
    int64_t& dimension = numbers_.shape[level()];
    if (dimension >= 0 && dimension != length) {
      return "lists beside each other differ in length";
    }
    dimension = length;
    count_element();
    return {};
  }

  std::string_view add(double value, bool integral) {
    if (rank_ ? *rank_ != level() : numbers_.shape.size() != level()) {
      return "numbers and lists stand beside each other";
    }
    rank_ = level();
    numbers_.values.push_back(value);
    numbers_.integral = numbers_.integral && integral;
    count_element();
    return {};
  }

  size_t level() const { return lengths_.size(); }
  JsonNumbers take() { return std::move(numbers_); }

 private:
  void count_element() {
    if (!lengths_.empty()) {
      ++lengths_.back();
    }
  }

  JsonNumbers numbers_;
  std::vector<int64_t> lengths_;  // so far, of the lists that are open
  std::optional<size_t> rank_;
};

class LineReader : public JsonEvents {
 public:
  LineReader(const std::vector<std::string>& wanted, std::vector<std::string>& found,
             const std::string& where)
      : JsonEvents(DataFinding::kBadLine, where), wanted_(wanted), found_(found) {}

  std::map<std::string, JsonNumbers> take() {
    if (!began_) {
      fail("expected an object {\"input_ids\":[...]}");
    }
    return std::move(values_);
  }

  bool key(std::string& name) override {
    if (ignored_ > 0) {
      return true;
    }
    if (!keys_.insert(name).second) {
      fail(fmt::format("key '{}' is there twice", printable(name, 60)));
    }
    found_.push_back(name);
    key_ = name;
    is_wanted_ = std::ranges::find(wanted_, name) != wanted_.end();
    collector_ = {};
    return true;
  }

  bool start_object(size_t size) override {
    if (!began_) {
      began_ = true;
      return true;
    }
    return is_wanted_ ? JsonEvents::start_object(size) : ignore(1);
  }
  bool end_object() override { return ignored_ > 0 ? ignore(-1) : true; }

  bool start_array(size_t size) override {
    if (!began_) {
      return JsonEvents::start_array(size);
    }
    if (!is_wanted_) {
      return ignore(1);
    }
    check(collector_.open_list());
    return true;
  }
  bool end_array() override {
    if (!is_wanted_) {
      return ignore(-1);
    }
    check(collector_.close_list());
    finish_value();
    return true;
  }

  bool null() override { return began_ && !is_wanted_ ? true : JsonEvents::null(); }
  bool string(std::string& value) override {
    return began_ && !is_wanted_ ? true : JsonEvents::string(value);
  }
  bool boolean(bool value) override { return add(value ? 1.0 : 0.0, true); }
  bool number_integer(int64_t value) override {
    if (is_wanted_) {
      fail(DataFinding::kIdOutOfRange,
           fmt::format("'{}' holds the negative number {}; ids are not negative", printable(key_),
                       value));
    }
    return add(0.0, true);
  }
  bool number_unsigned(uint64_t value) override {
    if (is_wanted_ && value > kMaxExact) {
      fail(DataFinding::kIdOutOfRange,
           fmt::format("'{}' holds {}, which is no id", printable(key_), value));
    }
    return add(static_cast<double>(value), true);
  }
  bool number_float(double value, const std::string& /*text*/) override {
    return add(value, false);
  }

 private:
  bool ignore(int change) {
    ignored_ += change;
    return true;
  }

  bool add(double value, bool integral) {
    if (!began_) {
      fail("expected an object {\"input_ids\":[...]}, found a lone value");
    }
    if (is_wanted_) {
      check(collector_.add(value, integral));
      finish_value();
    }
    return true;
  }

  void check(std::string_view problem) const {
    if (!problem.empty()) {
      fail(DataFinding::kRagged, fmt::format("'{}': {}", printable(key_), problem));
    }
  }

  void finish_value() {
    if (collector_.level() > 0) {
      return;
    }
    JsonNumbers numbers = collector_.take();
    if (numbers.values.empty()) {
      fail(DataFinding::kNoSamples, fmt::format("'{}' holds no numbers", printable(key_)));
    }
    values_.emplace(key_, std::move(numbers));
  }

  const std::vector<std::string>& wanted_;
  std::vector<std::string>& found_;
  std::set<std::string, std::less<>> keys_;
  std::map<std::string, JsonNumbers> values_;
  bool began_ = false;
  std::string key_;
  bool is_wanted_ = false;
  int64_t ignored_ = 0;  // open lists and objects of a value that nobody wants
  NumberCollector collector_;
};

}  // namespace

std::map<std::string, JsonNumbers> parse_json_numbers(std::string_view line,
                                                      const std::vector<std::string>& wanted,
                                                      std::vector<std::string>& found,
                                                      const std::string& where) {
  LineReader reader(wanted, found, where);
  reader.parse(line);
  return reader.take();
}

}  // namespace ptq

// The options of the verbs that calibrate: what is counted, and how a run is split and resumed.

#include <algorithm>
#include <charconv>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli.h"
#include "ptq/error.h"

namespace ptq::cli {
namespace {

StateLink parse_link(const std::string& text) {
  const size_t middle = text.find('=');
  if (middle == std::string::npos || middle == 0 || middle + 1 == text.size()) {
    throw Error(ErrorCode::kUsage,
                fmt::format("--state: expected OUTPUT=INPUT, found '{}'", printable(text)));
  }
  return {text.substr(0, middle), text.substr(middle + 1)};
}

// "I/N" with I from 0 to N − 1.
void parse_shard(const std::string& text, MeasureOptions& measure) {
  const char* const end = text.data() + text.size();
  const auto [slash, first_bad] = std::from_chars(text.data(), end, measure.shard);
  if (first_bad == std::errc() && slash != end && *slash == '/') {
    const auto [rest, second_bad] = std::from_chars(slash + 1, end, measure.shards);
    if (second_bad == std::errc() && rest == end && measure.shard < measure.shards) {
      return;
    }
  }
  throw Error(ErrorCode::kUsage,
              fmt::format("--shard: expected I/N with I from 0 to N-1 (0/4 is the first of four), "
                          "found '{}'",
                          printable(text)));
}

}  // namespace

void add_state_option(CLI::App& verb, MeasureCli& measure) {
  verb.add_option("--state", measure.states,
                  "OUTPUT=INPUT: feed this output back as the next input; begins with zeros at "
                  "each file; may be given several times")
      ->allow_extra_args(false)
      ->group("Samples");
}

void add_mask_options(CLI::App& verb, MeasureCli& measure) {
  verb.add_option("--mask-input", measure.options.mask_input,
                  "model input [batch,tokens] that is 0 where a token is padding: padding is not "
                  "counted")
      ->group("Calibration");
  add_state_option(verb, measure);
}

void add_measure_options(CLI::App& verb, MeasureCli& measure) {
  add_mask_options(verb, measure);
  verb.add_option("--batch", measure.options.batch,
                  "samples of equal shapes that are run together [1]")
      ->check(CLI::Range(uint64_t{1}, uint64_t{1} << 20))
      ->group("Calibration");
  verb.add_option("--max-memory", measure.options.max_memory,
                  "stop rather than use more memory, such as 2GB; fewer runs go at once near it")
      ->transform(CLI::AsSizeValue(false))
      ->group("Calibration");
}

void add_resume_options(CLI::App& verb, MeasureCli& measure) {
  verb.add_option("--checkpoint-every", measure.options.checkpoint_every,
                  "save an unfinished run after every N samples, beside the output [0 = only when "
                  "interrupted]")
      ->check(CLI::Range(uint64_t{0}, uint64_t{1} << 40))
      ->group("Long runs");
  verb.add_flag("--resume", measure.options.resume,
                "go on from the checkpoint of an unfinished run, if there is one")
      ->group("Long runs");
  verb.add_option(
          "--shard", measure.shard,
          "I/N: take every N-th sample from sample I on (I from 0); `ptq merge` adds up the "
          "parts")
      ->group("Long runs");
}

MeasureOptions measure_options(const MeasureCli& measure) {
  MeasureOptions options = measure.options;
  std::ranges::transform(measure.states, std::back_inserter(options.states), parse_link);
  if (!measure.shard.empty()) {
    parse_shard(measure.shard, options);
  }
  return options;
}

}  // namespace ptq::cli

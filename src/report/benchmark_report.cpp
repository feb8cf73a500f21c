#include "report/benchmark_report.h"

#include <algorithm>

#include <fmt/format.h>

#include "report/json_document.h"
#include "report/table.h"

namespace ptq {
namespace {

using Align = TextTable::Align;

std::string ms_text(double ms) {
  return fmt::format("{:.3f}", ms);
}

TextTable run_table(const Benchmark& result) {
  TextTable table({{"model"},
                   {"median ms", Align::kRight},
                   {"quartiles ms", Align::kRight},
                   {"spread", Align::kRight},
                   {"samples/s", Align::kRight}});
  const auto add = [&](const char* name, const Quartiles& ms, double per_second) {
    table.add_row(
        {name, ms_text(ms.median), fmt::format("{} - {}", ms_text(ms.lower), ms_text(ms.upper)),
         fmt::format("{:.1f} %", 100.0 * ms.spread()), fmt::format("{:.1f}", per_second)});
  };
  add("FP32", result.fp32_ms, result.fp32_per_second());
  add("quantized", result.quantized_ms, result.quantized_per_second());
  return table;
}

// "-" where a model has no node of the kind.
std::string kind_ms(uint64_t nodes, double ms) {
  return nodes == 0 ? "-" : ms_text(ms);
}

TextTable kind_table(const Benchmark& result) {
  TextTable table({{"operator", Align::kLeft, 32},
                   {"FP32 nodes", Align::kRight},
                   {"FP32 ms", Align::kRight},
                   {"INT8 nodes", Align::kRight},
                   {"INT8 ms", Align::kRight},
                   {"INT8 - FP32", Align::kRight}});
  for (const KindTime& kind : result.kinds) {
    table.add_row({kind.kind, std::to_string(kind.fp32_nodes),
                   kind_ms(kind.fp32_nodes, kind.fp32_ms), std::to_string(kind.quantized_nodes),
                   kind_ms(kind.quantized_nodes, kind.quantized_ms),
                   fmt::format("{:+.3f}", kind.quantized_ms - kind.fp32_ms)});
  }
  return table;
}

Json quartiles_json(const Quartiles& values) {
  return {{"lower", number(values.lower)},
          {"median", number(values.median)},
          {"upper", number(values.upper)},
          {"spread", number(values.spread())}};
}

}  // namespace

std::string speedup_text(double speedup) {
  return speedup >= 1.0 ? fmt::format("{:.2f} x faster", speedup)
                        : fmt::format("{:.2f} x slower", speedup > 0.0 ? 1.0 / speedup : 0.0);
}

std::string benchmark_text(const Benchmark& result, const ReportHeader& header) {
  std::string features;
  for (const std::string& feature : header.cpu_features) {
    features += (features.empty() ? "" : " ") + feature;
  }
  std::string out = fmt::format(
      "ONNX Runtime {}, {} thread(s), batch {}, {} runs of each in turn; processor {}\n",
      header.runtime_version, result.threads, result.batch, result.runs,
      features.empty() ? "without integer extensions" : features);
  out += fmt::format("fed with {}\n\n", result.feeds) + run_table(result).text();
  out += fmt::format("\nspeedup  {:.2f}, quartiles {:.2f} - {:.2f} over pairs of runs\n",
                     result.speedup.median, result.speedup.lower, result.speedup.upper);
  out += "\nby operator, one run under the runtime's profiler\n" + kind_table(result).text();
  std::string lost;
  for (const KindTime& kind : result.kinds) {
    // What costs less than a hundredth of the FP32 time is not worth a word.
    if (kind.fp32_nodes > 0 && kind.quantized_nodes > 0 &&
        kind.quantized_ms - kind.fp32_ms > 0.01 * result.fp32_ms.median) {
      lost += (lost.empty() ? "" : ", ") + kind.kind;
    }
  }
  if (!lost.empty()) {
    out += fmt::format("\nslower than FP32 on this machine: {}\n", lost);
  }
  return out;
}

std::string benchmark_json(const ReportHeader& header, const Benchmark& result) {
  Json document = start_document(header);
  document["summary"] = {{"speedup", quartiles_json(result.speedup)},
                         {"fp32_ms", quartiles_json(result.fp32_ms)},
                         {"quantized_ms", quartiles_json(result.quantized_ms)},
                         {"fp32_samples_per_second", number(result.fp32_per_second())},
                         {"quantized_samples_per_second", number(result.quantized_per_second())}};
  document["settings"] = {{"threads", result.threads},
                          {"batch", result.batch},
                          {"runs", result.runs},
                          {"generated_inputs", result.generated},
                          {"feeds", result.feeds}};
  document["operators"] = Json::array();
  for (const KindTime& kind : result.kinds) {
    document["operators"].push_back({{"kind", kind.kind},
                                     {"fp32_nodes", kind.fp32_nodes},
                                     {"fp32_ms", number(kind.fp32_ms)},
                                     {"quantized_nodes", kind.quantized_nodes},
                                     {"quantized_ms", number(kind.quantized_ms)}});
  }
  return dump(document);
}

}  // namespace ptq

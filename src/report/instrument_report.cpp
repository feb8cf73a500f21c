#include "report/instrument_report.h"

#include <fmt/format.h>

#include "ptq/error.h"
#include "report/json_document.h"

namespace ptq {

std::string instrument_text(const Instrumented& result, const InstrumentRequest& request,
                            const std::filesystem::path& output) {
  std::string text =
      fmt::format("observes {} tensors in {}\n", result.values.size() - result.unobserved.size(),
                  request.every == 1 ? "each run" : fmt::format("one of {} runs", request.every));
  text += fmt::format("wrote {}\n\n", printable(output.string()));
  text += "in place of the original, in any program with ONNX Runtime 1.18 or newer:\n";
  text += "  Python  options.register_custom_ops_library(\"libptq_observe.so\")\n";
  text += "  C++     options.RegisterCustomOpsLibrary(\"libptq_observe.so\");\n";
  text += "  C#      options.RegisterCustomOpLibrary(\"libptq_observe.so\");\n";
  return text + fmt::format("statistics go to {}, see docs/production.md\n",
                            request.stats_file.empty() ? "where ptq_observe_write says"
                                                       : printable(request.stats_file));
}

std::string instrument_json(const ReportHeader& header, const LoadedModel& model,
                            const Instrumented& result, const InstrumentRequest& request,
                            const std::filesystem::path& output) {
  Json document = start_document(header);
  document["output"] = output.string();
  document["summary"] = {{"tensors", result.values.size()},
                         {"model_fingerprint", model.fingerprint},
                         {"every", request.every},
                         {"stats_file", request.stats_file},
                         {"prepared", !result.only_prepared.empty()}};
  document["tensors"] = result.values;
  document["unobserved"] = result.unobserved;
  document["only_prepared"] = result.only_prepared;
  return dump(document);
}

}  // namespace ptq

#include <algorithm>
#include <iterator>

#include "data/data_summary.h"
#include "data/findings.h"
#include "data/sample_source.h"
#include "onnx_io/read.h"
#include "ptq/error.h"
#include "ptq/pipeline.h"

namespace ptq {
namespace {

SampleFinding as_finding(const std::string& message, const std::string& severity) {
  const DataFindingRow* row = finding_of(message);
  return {row == nullptr ? std::string() : std::string(row->code), severity, message};
}

}  // namespace

DataCheck check_data(const std::filesystem::path& model, const DataRequest& data) {
  const std::vector<InputSpec> inputs = input_specs(read_model(model).graph);
  DataOptions options = data.options;
  for (const StateLink& link : data.measure.states) {
    options.optional_inputs.push_back(link.input);
  }
  options.allow_nonfinite = true;  // counted over all samples instead
  const std::unique_ptr<SampleSource> source = open_data(data.data, inputs, options);
  DataSummary summary(inputs);
  std::vector<SampleFinding> errors;
  try {
    size_t done = 0;
    while (const std::optional<Sample> sample = source->next()) {
      summary.add(*sample);
      if (data.stop != nullptr && data.stop->load()) {
        throw Error(ErrorCode::kInterrupted, "interrupted while checking samples");
      }
      if (data.progress) {
        data.progress(++done, source->size());
      }
    }
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kInput) {
      throw;
    }
    errors.push_back(as_finding(error.what(), "error"));
  }
  DataCheck check = summary.result();
  check.complete = errors.empty();
  if (!check.complete) {
    check.fingerprint.clear();
  }
  std::ranges::move(errors, std::back_inserter(check.findings));
  if (check.complete) {
    for (const std::string& warning : source->warnings()) {
      check.findings.push_back(as_finding(warning, "warning"));
    }
  }
  check.preprocessing = source->preprocessing();
  std::stable_partition(check.findings.begin(), check.findings.end(),
                        [](const SampleFinding& finding) { return finding.severity == "error"; });
  return check;
}

}  // namespace ptq

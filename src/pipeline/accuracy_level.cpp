#include "pipeline/accuracy_level.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "graph/model_index.h"
#include "pipeline/open_samples.h"
#include "ptq/error.h"
#include "validate/compare.h"
#include "validate/findings.h"

namespace ptq {
namespace {

constexpr int64_t kSamples = 16;
constexpr const char* kKey = "session.qdq_matmulnbits_accuracy_level";

// Constants decoded in front of products, and no activation that is codes already.
bool has_weights_alone(const Model& model) {
  const ModelIndex index(model.graph);
  bool found = false;
  for (size_t k = 0; k < index.size(); ++k) {
    for (const Node& node : index[k].graph().nodes) {
      if (node.op_type == "QuantizeLinear") {
        return false;
      }
      if (!node.is("DequantizeLinear") || index[k].constant(node.input(0)) == nullptr) {
        continue;
      }
      const Node* reader = index[k].only_consumer(node.outputs.front());
      found = found || (reader != nullptr && (reader->is("MatMul") || reader->is("Gemm")));
    }
  }
  return found;
}

}  // namespace

std::optional<ValidationFinding> accuracy_level_finding(const Model& reference, const Session& fp32,
                                                        const Model& quantized,
                                                        const std::filesystem::path& path,
                                                        const DataRequest& data,
                                                        const SessionOptions& options,
                                                        int accuracy_level) {
  constexpr int kRounded = 4;
  if ((accuracy_level >= 0 && accuracy_level != kRounded) || !has_weights_alone(quantized)) {
    return std::nullopt;
  }
  DataRequest few = data;
  few.progress = {};
  few.options.max_samples =
      few.options.max_samples == 0 ? kSamples : std::min(few.options.max_samples, kSamples);
  const auto errors_at = [&](int level) {
    SessionOptions at = options;
    at.config[kKey] = fmt::format("{}", level);
    const Session session = Session::from_path(path, at);
    return compare_models(fp32, session, *open_samples(reference, few),
                          {.threads = data.threads, .stop = data.stop, .decisions = false})
        .outputs;
  };
  const std::vector<OutputError> rounded = errors_at(kRounded);
  const std::vector<OutputError> exact = errors_at(0);
  const OutputError* worst = nullptr;
  double most_db = 10.0 * std::log10(2.0);  // as much noise again as the weights make
  double exact_db = 0.0;
  for (size_t k = 0; k < rounded.size() && k < exact.size(); ++k) {
    if (exact[k].sqnr_db - rounded[k].sqnr_db > most_db) {
      most_db = exact[k].sqnr_db - rounded[k].sqnr_db;
      exact_db = exact[k].sqnr_db;
      worst = &rounded[k];
    }
  }
  if (worst == nullptr) {
    return std::nullopt;
  }
  return make_finding(
      ValidationCode::kAccuracyLevel,
      fmt::format(
          "output {} has {:.1f} dB at accuracy level 4, which rounds activations to 8 bits, "
          "and {:.1f} dB at level 0",
          printable(worst->name, 80), worst->sqnr_db, exact_db));
}

}  // namespace ptq

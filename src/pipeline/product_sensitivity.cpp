#include <array>

#include "graph/index.h"
#include "graph/macs.h"
#include "graph/model_index.h"
#include "pipeline/observed_values.h"
#include "pipeline/plan_of_ranges.h"
#include "pipeline/sized_graph.h"
#include "pipeline/spread_samples.h"
#include "ptq/error.h"
#include "ptq/sensitivity.h"
#include "search/partial_model.h"

namespace ptq {

std::vector<ProductSensitivity> product_sensitivities(const LoadedModel& model,
                                                      const ActivationStats& stats,
                                                      const QuantizeRequest& request,
                                                      size_t samples) {
  check_stats_belong(stats, model);
  const Graph& graph = model.model.graph;
  const std::vector<Structure> structures = observed_structure(graph, stats, request);
  const WantedStats wanted =
      wanted_stats(graph, measured_values(graph, structures, stats), stats, request);
  const std::map<std::string, ChosenRange> ranges =
      chosen_ranges(diagnose_values(wanted, request), stats, request);
  const QuantPlan plan = plan_of_ranges(model.model, request, request.keep_float, ranges);
  PartialModel partial(model.model, ranges, plan,
                       spread_samples(model.model, request.samples, samples), request.threads);
  std::vector<ProductSensitivity> result;
  if (!partial.measurable()) {
    return result;
  }
  const Graph sized = sized_graph(model.model, request.sample);
  const GraphIndex sized_index(sized);
  const ModelIndex index(graph);
  for (const size_t product : partial.products()) {
    if (request.samples.stop != nullptr && request.samples.stop->load()) {
      throw Error(ErrorCode::kInterrupted, "interrupted while measuring products one by one");
    }
    const PartialModel::Product& row = partial.product_list()[product];
    const Node& node = index[row.graph].graph().nodes[row.node];
    const size_t in_sized =
        row.graph == 0 ? sized_index.producer_position(row.output) : GraphIndex::npos;
    result.push_back({.output = row.output,
                      .label = row.label,
                      .op_type = node.op_type,
                      .macs = in_sized == GraphIndex::npos
                                  ? std::nullopt
                                  : multiply_accumulates(sized.nodes[in_sized], sized_index),
                      .sqnr_db = partial.sqnr_db(std::array{product})});
  }
  return result;
}

}  // namespace ptq

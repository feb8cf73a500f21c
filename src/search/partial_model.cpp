#include "search/partial_model.h"

#include <algorithm>
#include <limits>
#include <set>

#include "core/parallel.h"
#include "graph/model_index.h"
#include "plan/model_plan.h"
#include "runtime/model_session.h"
#include "core/error_power.h"
#include "search/measured_outputs.h"
#include "transform/insert_qdq.h"

namespace ptq {
namespace {

void copy_forms(const QuantPlan& full, QuantPlan& plan) {
  for (PlannedConstant& constant : plan.constants) {
    const auto found = std::ranges::find_if(full.constants, [&](const PlannedConstant& other) {
      return other.node == constant.node && other.slot == constant.slot;
    });
    if (constant.is_weight && found != full.constants.end()) {
      constant.scheme = found->scheme;
      constant.pair_limited = found->pair_limited;
      constant.axis = found->axis;
      constant.bias = found->bias;
    }
  }
}

}  // namespace

PartialModel::PartialModel(const Model& model, const std::map<std::string, ChosenRange>& ranges,
                           const QuantPlan& full, std::vector<Sample> samples, int threads)
    : model_(with_measured_outputs(model)),
      ranges_(ranges),
      full_(full),
      samples_(std::move(samples)),
      threads_(resolve_threads(threads)) {
  const ModelIndex index(model_.graph);
  for (size_t k = 0; k < index.size(); ++k) {
    for (const Decision& decision : (k == 0 ? full : full.inner.at(k - 1)).decisions) {
      const Node& node = index[k].graph().nodes[decision.node];
      const OpRule* rule = find_op_rule(node);
      if (decision.integer && rule != nullptr && rule->op_class == OpClass::kCompute) {
        products_.push_back(list_.size());
        list_.push_back({k, decision.node, node.outputs.at(0), decision.label});
      }
    }
  }
  const Session session = open_session(model_, {});
  reference_.resize(samples_.size());
  parallel_for(samples_.size(), threads_,
               [&](size_t i, int /*worker*/) { reference_[i] = session.run(samples_[i].inputs); });
}

bool PartialModel::measurable() const {
  return !reference_.empty() && std::ranges::any_of(reference_[0], [](const Tensor& tensor) {
    return tensor.dtype() == DType::kFloat && tensor.size() > 0;
  });
}

QuantPlan PartialModel::plan_of(std::span<const size_t> integer) const {
  const std::set<size_t> kept(integer.begin(), integer.end());
  std::vector<std::string> keep_float;
  for (const size_t product : products_) {
    if (!kept.contains(product)) {
      keep_float.push_back(list_[product].output);
    }
  }
  // The forms of weights are those of the full plan, so that they are not weighed again.
  QuantPlan plan =
      plan_known_ranges(model_.graph, keep_float, ranges_, *full_.target, WeightForm::kInt8);
  copy_forms(full_, plan);
  for (size_t k = 0; k < plan.inner.size(); ++k) {
    copy_forms(full_.inner.at(k), plan.inner[k]);
  }
  return plan;
}

double PartialModel::sqnr_db(std::span<const size_t> integer) {
  const Session session = open_session(insert_qdq(model_, plan_of(integer)).model, {});
  std::vector<std::vector<ErrorPower>> powers(samples_.size());
  parallel_for(samples_.size(), threads_, [&](size_t i, int /*worker*/) {
    const std::vector<Tensor> outputs = session.run(samples_[i].inputs);
    for (size_t k = 0; k < outputs.size(); ++k) {
      const bool comparable = reference_[i][k].dtype() == DType::kFloat;
      powers[i].push_back(comparable ? error_power(reference_[i][k], outputs[k]) : ErrorPower{});
    }
  });
  double worst = std::numeric_limits<double>::infinity();
  for (size_t k = 0; !powers.empty() && k < powers[0].size(); ++k) {
    ErrorPower total;
    for (const std::vector<ErrorPower>& sample : powers) {
      total += sample[k];
    }
    worst = std::min(worst, total.sqnr_db());
  }
  return worst;
}

}  // namespace ptq

#pragma once
// Quantizes only some products of a model and measures what that does to its outputs, on samples
// kept in memory. The model is the one that would be written if all other products were kept in
// float, and the runtime runs it with its integer kernels. Not synchronized; uses threads of its
// own.

#include <map>
#include <span>
#include <string>
#include <vector>

#include "data/sample_source.h"
#include "plan/make_plan.h"
#include "ptq/plan.h"

namespace ptq {

class PartialModel {
 public:
  // `model` is prepared; `ranges` and `full` belong to the plan with all products in integers and
  // outlive the object. Runs the FP32 model on `samples` once.
  PartialModel(const Model& model, const std::map<std::string, ChosenRange>& ranges,
               const QuantPlan& full, std::vector<Sample> samples, int threads);

  // A product (Conv, MatMul, Gemm) that `full` runs in integers.
  struct Product {
    size_t graph = 0;  // position in ModelIndex
    size_t node = 0;
    std::string output{};  // its first output
    std::string label{};
  };
  // In graph order; products() are the positions 0, 1, … in them.
  const std::vector<Product>& product_list() const { return list_; }
  const std::vector<size_t>& products() const { return products_; }
  size_t sample_count() const { return samples_.size(); }
  // Whether any output is a float tensor, so that there is something to measure.
  bool measurable() const;

  // Lowest SQNR in dB over the float outputs, pooled over the samples, when of products() only
  // `integer` run in integers. +infinity when nothing differs.
  double sqnr_db(std::span<const size_t> integer);

 private:
  QuantPlan plan_of(std::span<const size_t> integer) const;

  const Model model_;  // with outputs of its own, see measured_outputs.h
  const std::map<std::string, ChosenRange>& ranges_;
  const QuantPlan& full_;
  std::vector<Sample> samples_;
  int threads_ = 1;
  std::vector<Product> list_;
  std::vector<size_t> products_;
  std::vector<std::vector<Tensor>> reference_;  // [sample][output]
};

}  // namespace ptq

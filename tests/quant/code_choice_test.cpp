// GPTQ, coordinate descent and the search for steps against brute force on small cases.

#include <algorithm>
#include <cmath>
#include <random>

#include <Eigen/Cholesky>
#include <gtest/gtest.h>

#include "quant/code_descent.h"
#include "quant/gptq.h"
#include "quant/pair_limit.h"
#include "quant/step_search.h"

namespace ptq {
namespace {

struct Problem {
  WeightMatrix weights;
  Eigen::MatrixXf moment;
  CodeGrid grid;
};

// Inputs of the product are correlated: each is a mixture of a few common sources.
Problem random_problem(unsigned seed, Eigen::Index rows, Eigen::Index columns, CodeRange range) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  Problem out;
  out.weights = WeightMatrix::NullaryExpr(rows, columns, [&] { return normal(random); });
  const Eigen::MatrixXf sources =
      Eigen::MatrixXf::NullaryExpr(columns, 3, [&] { return normal(random); });
  out.moment = sources * sources.transpose();
  out.moment.diagonal().array() += 0.2F;
  std::vector<float> steps;
  for (Eigen::Index r = 0; r < rows; ++r) {
    steps.push_back(out.weights.row(r).cwiseAbs().maxCoeff() / static_cast<float>(range.hi));
  }
  out.grid =
      row_grid(range, steps, std::vector<int32_t>(steps.size(), 0), static_cast<size_t>(columns));
  return out;
}

// The least error of one row over all codes.
double best_error(const Problem& problem) {
  const Eigen::Index columns = problem.weights.cols();
  CodeMatrix codes = CodeMatrix::Constant(1, columns, problem.grid.range.lo);
  double best = output_error(problem.weights, codes, problem.grid, problem.moment);
  while (true) {
    Eigen::Index k = 0;
    while (k < columns && codes(0, k) == problem.grid.range.hi) {
      codes(0, k++) = problem.grid.range.lo;
    }
    if (k == columns) {
      return best;
    }
    ++codes(0, k);
    best = std::min(best, output_error(problem.weights, codes, problem.grid, problem.moment));
  }
}

TEST(CodeDescent, NoSingleChangeOfACodeIsBetterAfterIt) {
  const Problem problem = random_problem(1, 6, 20, {-7, 7});
  CodeMatrix codes = round_to_nearest(problem.weights, problem.grid);
  const double before = output_error(problem.weights, codes, problem.grid, problem.moment);
  descend_codes(problem.weights, problem.moment, problem.grid, codes);
  const double after = output_error(problem.weights, codes, problem.grid, problem.moment);
  EXPECT_LT(after, 0.7 * before);
  for (Eigen::Index r = 0; r < codes.rows(); ++r) {
    for (Eigen::Index k = 0; k < codes.cols(); ++k) {
      for (const int32_t change : {-2, -1, 1, 2}) {
        CodeMatrix other = codes;
        other(r, k) += change;
        if (other(r, k) >= -7 && other(r, k) <= 7) {
          EXPECT_GE(output_error(problem.weights, other, problem.grid, problem.moment),
                    after * (1.0 - 1e-5));
        }
      }
    }
  }
}

TEST(CodeDescent, IsTheBestForIndependentInputs) {
  Problem problem = random_problem(2, 3, 8, {-3, 3});
  problem.moment = Eigen::MatrixXf::Identity(8, 8);
  CodeMatrix codes = CodeMatrix::Zero(3, 8);
  descend_codes(problem.weights, problem.moment, problem.grid, codes);
  EXPECT_EQ(codes, round_to_nearest(problem.weights, problem.grid));
}

TEST(CodeDescent, KeepsPairsBelowTheLimit) {
  Problem problem = random_problem(3, 40, 12, {-127, 127});
  for (size_t k = 0; k < 12; ++k) {
    problem.grid.partner.push_back(k ^ 1U);
  }
  CodeMatrix codes = CodeMatrix::Zero(40, 12);
  const double before = output_error(problem.weights, codes, problem.grid, problem.moment);
  descend_codes(problem.weights, problem.moment, problem.grid, codes);
  EXPECT_LT(output_error(problem.weights, codes, problem.grid, problem.moment), before);
  int at_limit = 0;
  for (Eigen::Index r = 0; r < 40; ++r) {
    for (Eigen::Index k = 0; k < 12; k += 2) {
      EXPECT_FALSE(pair_saturates(codes(r, k), codes(r, k + 1)));
      at_limit += std::abs(codes(r, k) + codes(r, k + 1)) == kSafePairSum ? 1 : 0;
    }
  }
  EXPECT_GT(at_limit, 0);  // the limit was in the way
}

TEST(CodeDescent, ThreadsChangeNothing) {
  const Problem problem = random_problem(4, 50, 30, {-7, 7});
  CodeMatrix one = round_to_nearest(problem.weights, problem.grid);
  CodeMatrix many = one;
  descend_codes(problem.weights, problem.moment, problem.grid, one, 1);
  descend_codes(problem.weights, problem.moment, problem.grid, many, 3);
  EXPECT_EQ(one, many);
}

TEST(Gptq, IsNearTheBestCodes) {
  double found = 0.0;
  double nearest = 0.0;
  double best = 0.0;
  for (unsigned seed = 10; seed < 30; ++seed) {
    const Problem problem = random_problem(seed, 1, 7, {-2, 2});
    CodeMatrix codes = gptq(problem.weights, problem.moment, problem.grid);
    descend_codes(problem.weights, problem.moment, problem.grid, codes);
    found += output_error(problem.weights, codes, problem.grid, problem.moment);
    nearest += output_error(problem.weights, round_to_nearest(problem.weights, problem.grid),
                            problem.grid, problem.moment);
    best += best_error(problem);
  }
  EXPECT_LT(found, 1.4 * best);
  EXPECT_GT(nearest, 2.5 * best);
}

// With inputs that do not correlate there is nothing to make up for.
TEST(Gptq, RoundsToNearestForIndependentInputs) {
  Problem problem = random_problem(5, 9, 70, {-7, 7});
  problem.moment = Eigen::MatrixXf::Zero(70, 70);
  for (Eigen::Index k = 0; k < 70; ++k) {
    problem.moment(k, k) = static_cast<float>(k);  // column 0 is never used
  }
  EXPECT_EQ(gptq(problem.weights, problem.moment, problem.grid),
            round_to_nearest(problem.weights, problem.grid));
}

// Against the definition of the method: after each column the best real values of the rest follow
// from a solve with the moment of the rest. Blocks of columns and tiles of rows are crossed.
TEST(Gptq, EqualsItsDefinition) {
  Problem problem = random_problem(6, 37, 70, {-7, 7});
  constexpr double kDamping = 0.05;
  Eigen::MatrixXd damped = problem.moment.cast<double>();
  damped.diagonal().array() += kDamping * damped.diagonal().mean();
  Eigen::MatrixXd rest = problem.weights.cast<double>();
  CodeMatrix expected(37, 70);
  for (Eigen::Index k = 0; k < 70; ++k) {
    const Eigen::Index after = 69 - k;
    Eigen::VectorXd change = Eigen::VectorXd::Zero(after);
    if (after > 0) {
      change = damped.bottomRightCorner(after, after).ldlt().solve(damped.col(k).tail(after));
    }
    for (Eigen::Index r = 0; r < 37; ++r) {
      expected(r, k) = quantize(static_cast<float>(rest(r, k)), problem.grid.step_at(r, k), 0,
                                problem.grid.range);
      const double error = rest(r, k) - static_cast<double>(dequantize(
                                            expected(r, k), problem.grid.step_at(r, k), 0));
      rest.row(r).tail(after) += error * change.transpose();
    }
  }
  const CodeMatrix codes = gptq(problem.weights, problem.moment, problem.grid,
                                {.damping = kDamping, .largest_first = false, .threads = 2});
  // A tie may be broken by the last bit of a float; nothing else may differ.
  EXPECT_LE((codes - expected).cwiseAbs().maxCoeff(), 1);
  EXPECT_LT((codes.array() != expected.array()).count(), 5);
}

TEST(Gptq, TakesASingularMoment) {
  Problem problem = random_problem(7, 4, 16, {-7, 7});
  const Eigen::VectorXf one = Eigen::VectorXf::Ones(16);
  problem.moment = one * one.transpose();
  const CodeMatrix codes = gptq(problem.weights, problem.moment, problem.grid);
  EXPECT_LT(output_error(problem.weights, codes, problem.grid, problem.moment),
            output_error(problem.weights, round_to_nearest(problem.weights, problem.grid),
                         problem.grid, problem.moment));
}

TEST(Gptq, HonoursGroups) {
  Problem problem = random_problem(8, 5, 20, {-8, 7});
  problem.grid.group = 8;  // 8, 8 and 4 columns
  problem.grid.step = WeightMatrix::Constant(5, 3, 0.3F);
  problem.grid.step.col(1).setConstant(0.1F);
  problem.grid.zero = CodeMatrix::Constant(5, 3, 1);
  const CodeMatrix codes = gptq(problem.weights, problem.moment, problem.grid);
  const double error = output_error(problem.weights, codes, problem.grid, problem.moment);
  EXPECT_LT(error, output_error(problem.weights, round_to_nearest(problem.weights, problem.grid),
                                problem.grid, problem.moment));
  EXPECT_GE(codes.minCoeff(), -8);
  EXPECT_LE(codes.maxCoeff(), 7);
}

TEST(StepSearch, ClipsAnOutlierAndKeepsARowOfZeros) {
  std::vector<float> row(64);
  std::mt19937 random(9);
  std::normal_distribution<float> normal;
  std::ranges::generate(row, [&] { return normal(random); });
  row[5] = 5.0F;
  const float largest = 5.0F / 7.0F;
  const float step = least_error_step(row, {}, {-7, 7}, largest);
  EXPECT_LT(step, 0.95F * largest);
  const auto error = [&](float wanted) {
    double sum = 0.0;
    for (const float value : row) {
      const float delta = wanted * std::clamp(std::nearbyint(value / wanted), -7.0F, 7.0F) - value;
      sum += static_cast<double>(delta * delta);
    }
    return sum;
  };
  for (int i = 1; i <= 1000; ++i) {
    EXPECT_GT(1.02 * error(largest * static_cast<float>(i) / 1000.0F), error(step));
  }
  std::vector<float> importance(64, 0.0F);
  importance[5] = 1.0F;  // only the outlier counts
  EXPECT_NEAR(std::abs(std::nearbyint(5.0F / least_error_step(row, importance, {-7, 7}, largest)) *
                           least_error_step(row, importance, {-7, 7}, largest) -
                       5.0F),
              0.0F, 1e-4F);
  EXPECT_EQ(least_error_step(std::vector<float>(8, 0.0F), {}, {-7, 7}, 1.0F), 1.0F);
}

TEST(StepSearch, RefittedStepsAreTheBestForTheirCodes) {
  Problem problem = random_problem(11, 6, 16, {-7, 7});
  const CodeMatrix codes = round_to_nearest(problem.weights, problem.grid);
  CodeGrid refitted = problem.grid;
  refit_steps(problem.weights, problem.moment, codes, refitted);
  const double best = output_error(problem.weights, codes, refitted, problem.moment);
  EXPECT_LT(best, output_error(problem.weights, codes, problem.grid, problem.moment));
  for (const float factor : {0.99F, 1.01F}) {
    CodeGrid other = refitted;
    other.step *= factor;
    EXPECT_GT(output_error(problem.weights, codes, other, problem.moment), best);
  }
}

}  // namespace
}  // namespace ptq

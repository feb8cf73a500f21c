// Instrumented models in the real runtime, with the library as any program registers it.

#include "observe/instrument_graph.h"

#include <algorithm>
#include <cstring>
#include <thread>

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "calib/fixed_source.h"
#include "core/temporary_folder.h"
#include "data/sample_check.h"
#include "onnx_io/read.h"
#include "onnx_io/write.h"
#include "ptq/error.h"
#include "runtime/session.h"

namespace ptq {
namespace {

using testing::HasSubstr;

template <typename Function>
Function* symbol(const char* name) {
  void* const handle = dlopen(PTQ_OBSERVE_LIBRARY, RTLD_NOW);
  EXPECT_NE(handle, nullptr) << dlerror();
  return reinterpret_cast<Function*>(dlsym(handle, name));
}

Session open_observed(const Model& model) {
  SessionOptions options;
  options.custom_ops = PTQ_OBSERVE_LIBRARY;
  return Session::from_bytes(serialize_model(model), options);
}

class InstrumentGraph : public testing::Test {
 protected:
  void SetUp() override {
    symbol<void()>("ptq_observe_reset")();
    count_each(1);  // whatever the model says
    options_.fingerprint =
        testing::UnitTest::GetInstance()->current_test_info()->name() + std::string("0123456789");
  }
  Model instrumented(const Model& model, const std::vector<std::string>& values) {
    std::vector<std::string> sorted = values;
    std::ranges::sort(sorted);
    return instrument_graph(model, sorted, options_, unobserved_);
  }
  static void count_each(int64_t n) { symbol<int32_t(int64_t)>("ptq_observe_set_every")(n); }
  ActivationStats written() const {
    const std::string path = (folder_.path() / "w.ptqstats").string();
    EXPECT_EQ(symbol<int32_t(const char*)>("ptq_observe_write")(path.c_str()), 1)
        << symbol<const char*()>("ptq_observe_last_error")();
    return read_stats(path);
  }
  // Statistics of production over `samples` equal those of a calibration.
  void expect_calibration(const Model& model, const std::vector<std::string>& values,
                          const std::vector<Sample>& samples) {
    const Session session = open_observed(instrumented(model, values));
    const Session plain = open_session(model, {});
    for (const Sample& sample : samples) {
      EXPECT_EQ(to_floats(session.run(sample.inputs).at(0)),
                to_floats(plain.run(sample.inputs).at(0)));
    }
    FixedSource source(samples);
    ActivationStats expected =
        calibrate(model, values, source, {.threads = 1, .measure = measure_}).stats;
    for (const std::string& value : values) {
      expected.tensors.emplace(value, TensorStats{});
    }
    const ActivationStats found = written();
    EXPECT_EQ(found.tensors, expected.tensors);
    EXPECT_EQ(found.strata.at("").extremes, expected.strata.at("").extremes);
    EXPECT_EQ(found.runtime_version, expected.runtime_version);
    EXPECT_EQ(found.settings, expected.settings);
    EXPECT_EQ(found.model_fingerprint, options_.fingerprint);
    EXPECT_EQ(found.production->counted, samples.size());
  }

  TemporaryFolder folder_;
  InstrumentGraphOptions options_;
  MeasureOptions measure_;
  std::vector<std::string> unobserved_;
};

Model with_branches() {
  return exact_model(R"((float[2,3] x, bool b) => (float[2,3] y)
    {
      a = Neg (x)
      y = If (b) <
        then_branch = t () => (float[2,3] o) { p = Abs (a) o = Neg (p) },
        else_branch = e () => (float[2,3] o2) { o2 = Neg (a) }>
    })");
}

std::vector<Sample> branch_samples(std::vector<uint8_t> taken) {
  std::vector<Sample> samples;
  for (const uint8_t take : taken) {
    Tensor b(DType::kBool, {});
    b.mutable_bytes()[0] = std::byte{take};
    Sample sample;
    sample.inputs = {{"x", small_integers({2, 3}, static_cast<uint32_t>(samples.size()))},
                     {"b", b}};
    samples.push_back(std::move(sample));
  }
  return samples;
}

TEST_F(InstrumentGraph, CountsWhatCalibrationCounts) {
  const Model model = mixed_model();
  expect_calibration(model, kMixedValues, made_samples(model, 6));
}

TEST_F(InstrumentGraph, CountsTheSameInBranches) {
  options_.every = 2;
  const Model model = mixed_model();
  expect_calibration(model, kMixedValues, made_samples(model, 6));
}

TEST_F(InstrumentGraph, CountsInsideInnerGraphs) {
  expect_calibration(with_branches(), {"a", "p", "o2", "x"}, branch_samples({1, 0, 1}));
}

TEST_F(InstrumentGraph, ABranchThatNobodyTookHasNoCounts) {
  expect_calibration(with_branches(), {"a", "o", "p", "o2"}, branch_samples({0, 0}));
}

TEST_F(InstrumentGraph, CountsWithoutPadding) {
  const Model model = exact_model(R"((float[B,L,3] x, float[B,L] m, float[3,4] w1)
      => (float[B,L,4] y, float[B,L] z) { a = MatMul (x, w1) y = Relu (a) z = Neg (m) })");
  std::vector<Sample> samples(2);
  for (size_t i = 0; i < samples.size(); ++i) {
    samples[i].inputs = {
        {"x", small_integers({1, 5, 3}, static_cast<uint32_t>(i))},
        {"m", Tensor::from<float>({1, 5}, std::vector<float>{1, 1, i == 0 ? 1.0F : 0.0F, 0, 0})}};
  }
  options_.mask_input = measure_.mask_input = "m";
  options_.settings = "mask m";
  expect_calibration(model, {"x", "a", "y"}, samples);
}

TEST_F(InstrumentGraph, KnowsEachRowOfABatchAsASample) {
  const Model model = mixed_model();
  const Session session = open_observed(instrumented(model, {"b"}));
  Tensor batch = small_integers({3, 8, 7, 5}, 9);
  session.run({{"x", batch}});
  session.run({{"x", batch.slice_rows(1, 1)}});
  const ActivationStats stats = written();
  EXPECT_EQ(stats.production->runs, 2U);
  EXPECT_EQ(stats.samples(), 4U);
  ASSERT_EQ(stats.sample_hashes.size(), 3U);
  Sample row;
  row.inputs = {{"x", batch.slice_rows(1, 1)}};
  const auto at = std::ranges::find(stats.sample_hashes, sample_hash(row));
  ASSERT_NE(at, stats.sample_hashes.end());
  EXPECT_EQ(stats.production->times[static_cast<size_t>(at - stats.sample_hashes.begin())], 2U);
}

TEST_F(InstrumentGraph, CountsFloat16AsItIs) {
  const Model model = exact_model(R"((float16[2,3] x) => (float16[2,3] y) {
      a = Neg (x)
      y = Neg (a)
    })");
  const Session session = open_observed(instrumented(model, {"a"}));
  Tensor x(DType::kFloat16, {2, 3});
  const std::vector<uint16_t> halves = {0x3c00, 0xc000, 0, 0x7c00, 0x3555, 0x4248};
  std::memcpy(x.mutable_bytes().data(), halves.data(), halves.size() * 2);
  session.run({{"x", x}});
  const TensorStats found = written().tensors.at("a");
  std::vector<float> negated;
  for (const uint16_t half : halves) {
    negated.push_back(-half_to_float(half));
  }
  EXPECT_EQ(found, stats_of(negated));
  EXPECT_EQ(found.inf, 1U);
}

TEST_F(InstrumentGraph, SeveralThreadsOnOneSessionLoseNothing) {
  const Model model = mixed_model();
  const std::vector<Sample> samples = made_samples(model, 40);
  const Session session = open_observed(instrumented(model, kMixedValues));
  {
    std::vector<std::jthread> threads;
    for (size_t t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (size_t i = t; i < samples.size(); i += 4) {
          session.run(samples[i].inputs);
        }
      });
    }
  }
  FixedSource source(samples);
  const ActivationStats found = written();
  EXPECT_EQ(found.tensors, calibrate(model, kMixedValues, source, {.threads = 1}).stats.tensors);
  EXPECT_EQ(found.production->counted, 40U);
}

TEST_F(InstrumentGraph, ARunThatFailsLeavesNothing) {
  const Model model = exact_model(R"((float[N,4] x, int64[1] i) => (float[1,4] y) {
      a = Relu (x)
      g = Gather <axis = 0> (a, i)
      y = Neg (g)
    })");
  const Session session = open_observed(instrumented(model, {"a"}));
  const auto feeds = [](int64_t row) {
    return std::map<std::string, Tensor>{
        {"x", small_integers({2, 4}, 3)},
        {"i", Tensor::from<int64_t>({1}, std::vector<int64_t>{row})}};
  };
  session.run(feeds(1));
  EXPECT_THROW(session.run(feeds(7)), Error);
  const ActivationStats stats = written();
  EXPECT_EQ(stats.production->runs, 2U);
  EXPECT_EQ(stats.production->counted, 1U);
  EXPECT_EQ(stats.tensors.at("a").count, 8U);
}

TEST_F(InstrumentGraph, TheUncountedBranchIsTheModel) {
  options_.every = 3;
  const Model model = with_branches();
  const Model made = instrumented(model, {"a", "p"});
  const Node& choice = made.graph.nodes.at(1);
  ASSERT_EQ(choice.op_type, "If");
  EXPECT_EQ(made.graph.nodes.size(), 2U);
  EXPECT_FALSE(is_instrumented(*choice.find_attribute("else_branch")->graphs.at(0)));
  EXPECT_TRUE(is_instrumented(*choice.find_attribute("then_branch")->graphs.at(0)));
  EXPECT_TRUE(is_instrumented(made.graph));
  EXPECT_FALSE(is_instrumented(model.graph));
  EXPECT_EQ(made.graph.inputs.size(), model.graph.inputs.size());
  EXPECT_EQ(made.graph.outputs.at(0).name, "y");
  // What was written can be read again, with its checks.
  EXPECT_EQ(parse_model(serialize_model(made), {}).graph.nodes.size(), 2U);
}

TEST_F(InstrumentGraph, OutputsThatNoNodeMakesStay) {
  options_.every = 2;
  const Model model = exact_model(R"((float[2,3] x, float[2] w1) => (float[2,3] y, float[2,3] x,
      float[2] w1) { y = Neg (x) })");
  const Session session = open_observed(instrumented(model, {"x", "y"}));
  const std::map<std::string, Tensor> feeds = {{"x", small_integers({2, 3}, 1)}};
  for (int i = 0; i < 2; ++i) {
    const std::vector<Tensor> outputs = session.run(feeds);  // one of them is the input itself
    EXPECT_EQ(to_floats(outputs.at(1)), to_floats(feeds.at("x")));
    EXPECT_EQ(to_floats(outputs.at(2)), to_floats(model.graph.initializers.at(0).tensor));
  }
}

TEST_F(InstrumentGraph, TakesOldModelsAndWrongDeclarations) {
  options_.every = 2;
  count_each(2);
  Model model = conv_clip_model(2, 3);
  model.ir_version = 3;  // where constants are inputs
  for (const Constant& constant : model.graph.initializers) {
    ValueInfo input;
    input.name = constant.name;
    input.dtype = DType::kFloat;
    input.has_shape = true;
    input.shape = constant.tensor.shape();
    input.symbols.resize(input.shape.size());
    model.graph.inputs.push_back(input);
  }
  model.graph.outputs.at(0).shape = {1, 5, 7, 9};  // the runtime makes [1,5,9,7]
  model.graph.outputs.at(0).verbatim.clear();
  const Session session = open_observed(instrumented(model, {"c", "r"}));
  EXPECT_EQ(session.inputs().size(), 1U);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(session.run({{"x", small_integers({1, 2, 9, 7}, 4)}}).at(0).shape(),
              (Shape{1, 5, 9, 7}));
  }
  EXPECT_EQ(written().production->counted, 1U);
}

TEST_F(InstrumentGraph, SaysWhichValuesAreNotThere) {
  EXPECT_EQ(values_not_in(with_branches(), {"a", "p", "q", "x", "y"}),
            std::vector<std::string>{"q"});
  EXPECT_THROW(instrumented(with_branches(), {"q"}), Error);
  options_.mask_input = "mask";
  EXPECT_THROW(instrumented(with_branches(), {"a"}), Error);
}

TEST_F(InstrumentGraph, NothingIsWrittenBeforeARunIsCounted) {
  const Session session = open_observed(instrumented(with_branches(), {"a"}));
  EXPECT_EQ(symbol<int32_t(const char*)>("ptq_observe_write")(nullptr), -1);
  EXPECT_THAT(symbol<const char*()>("ptq_observe_last_error")(), HasSubstr("no run was counted"));
  EXPECT_EQ(symbol<int32_t(int64_t)>("ptq_observe_set_every")(-1), -1);
}

}  // namespace
}  // namespace ptq

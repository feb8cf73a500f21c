#include "runtime/session.h"

#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "onnx_io/text_model.h"
#include "onnx_io/write.h"
#include "ptq/error.h"

namespace ptq {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kAddSub = R"(<ir_version: 8, opset_import: ["" : 17]>
  g (float[N, 2] a, int64[2] b) => (float[N, 2] sum, int64[2] negative) {
    f = Cast <to = 1> (b)
    sum = Add (a, f)
    negative = Neg (b)
  })";

Session session_of(const char* text) {
  return Session::from_bytes(serialize_model(parse_text_model(text)), {});
}

Tensor floats(Shape shape, const std::vector<float>& values) {
  return Tensor::from<float>(std::move(shape), values);
}

Tensor integers(Shape shape, const std::vector<int64_t>& values) {
  return Tensor::from<int64_t>(std::move(shape), values);
}

template <typename Body>
Error error_of(const Body& body) {
  try {
    body();
  } catch (const Error& error) {
    return error;
  }
  return {ErrorCode::kInternal, "nothing was thrown"};
}

TEST(Session, DescribesInputsAndOutputs) {
  const Session session = session_of(kAddSub);
  ASSERT_EQ(session.inputs().size(), 2U);
  EXPECT_EQ(session.inputs()[0].name, "a");
  EXPECT_EQ(session.inputs()[0].dtype, DType::kFloat);
  EXPECT_THAT(session.inputs()[0].shape, ElementsAre(-1, 2));
  EXPECT_THAT(session.inputs()[0].symbols, ElementsAre("N", ""));
  EXPECT_EQ(session.inputs()[1].dtype, DType::kInt64);
  ASSERT_EQ(session.outputs().size(), 2U);
  EXPECT_EQ(session.outputs()[1].name, "negative");
}

TEST(Session, RunsAndItsOutputsOutliveIt) {
  std::vector<Tensor> outputs;
  {
    const Session session = session_of(kAddSub);
    outputs = session.run({{"a", floats({2, 2}, {1, 2, 3, 4})},
                           {"b", integers({2}, {10, -20})},
                           {"unknown", floats({1}, {0})}});
  }
  ASSERT_EQ(outputs.size(), 2U);
  EXPECT_THAT(outputs[0].shape(), ElementsAre(2, 2));
  EXPECT_THAT(outputs[0].data<float>(), ElementsAre(11, -18, 13, -16));
  EXPECT_THAT(outputs[1].data<int64_t>(), ElementsAre(-10, 20));
}

TEST(Session, TakesEmptyTensors) {
  const Session session = session_of(kAddSub);
  const auto outputs = session.run({{"a", floats({0, 2}, {})}, {"b", integers({2}, {1, 2})}});
  EXPECT_THAT(outputs[0].shape(), ElementsAre(0, 2));
  EXPECT_EQ(outputs[0].size(), 0);
}

TEST(Session, NamesTheMissingAndTheMistypedFeed) {
  const Session session = session_of(kAddSub);
  const Error missing = error_of([&] { session.run({{"b", integers({2}, {1, 2})}}); });
  EXPECT_EQ(missing.code(), ErrorCode::kInput);
  EXPECT_THAT(missing.what(), HasSubstr("'a': expected float32"));
  const Error mistyped = error_of([&] {
    session.run({{"a", integers({2, 2}, {1, 2, 3, 4})}, {"b", integers({2}, {1, 2})}});
  });
  EXPECT_EQ(mistyped.code(), ErrorCode::kInput);
  EXPECT_THAT(mistyped.what(), HasSubstr("found int64[2,2]"));
}

TEST(Session, ReportsAFailureOfTheRuntimeInOneLine) {
  const Session session = session_of(kAddSub);
  const Error error = error_of([&] {
    session.run({{"a", floats({2, 3}, {1, 2, 3, 4, 5, 6})}, {"b", integers({2}, {1, 2})}});
  });
  EXPECT_EQ(error.code(), ErrorCode::kRuntime);
  EXPECT_THAT(error.what(), Not(HasSubstr("\n")));
  EXPECT_THAT(error.what(), HasSubstr("ONNX Runtime"));
}

TEST(Session, RefusesWhatIsNoModel) {
  const Error bytes = error_of([] { Session::from_bytes("not a model", {}); });
  EXPECT_EQ(bytes.code(), ErrorCode::kRuntime);
  const Error empty = error_of([] { Session::from_bytes("", {}); });
  EXPECT_EQ(empty.code(), ErrorCode::kRuntime);
  const Error path = error_of([] { Session::from_path("/nonexistent/model.onnx", {}); });
  EXPECT_EQ(path.code(), ErrorCode::kRuntime);
  EXPECT_THAT(path.what(), Not(HasSubstr("\n")));
}

TEST(Session, ReturnsAnEmptyTensorForWhatIsNoNumericTensor) {
  const Session session = session_of(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[2] a) => (seq(float[2]) s, float[2] b) {
      s = SequenceConstruct (a)
      b = Neg (a)
    })");
  EXPECT_EQ(session.outputs()[0].dtype, DType::kUndefined);
  const auto outputs = session.run({{"a", floats({2}, {1, 2})}});
  ASSERT_EQ(outputs.size(), 2U);
  EXPECT_EQ(outputs[0].dtype(), DType::kUndefined);
  EXPECT_THAT(outputs[1].data<float>(), ElementsAre(-1, -2));
}

TEST(Session, RunsOnManyThreadsAtOnce) {
  const Session session = session_of(kAddSub);
  std::vector<int> wrong(4, 0);
  std::vector<std::thread> threads;
  for (size_t t = 0; t < wrong.size(); ++t) {
    threads.emplace_back([&, t] {
      for (int64_t i = 0; i < 50; ++i) {
        const int64_t id = static_cast<int64_t>(t) * 1000 + i;
        const auto outputs =
            session.run({{"a", floats({1, 2}, {0, 0})}, {"b", integers({2}, {id, -id})}});
        wrong[t] += outputs[1].data<int64_t>()[1] == id ? 0 : 1;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_THAT(wrong, ElementsAre(0, 0, 0, 0));
}

}  // namespace
}  // namespace ptq

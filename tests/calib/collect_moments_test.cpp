#include "calib/collect_moments.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <functional>
#include <limits>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "calib/fixed_source.h"
#include "ptq/error.h"
#include "runtime/model_session.h"

namespace ptq {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// Ordinary, depthwise and grouped convolutions in the runtime's blocked layout, then products.
// All values are small integers, so that any order and any fusion gives the same ones.
Model products_model() {
  return exact_model(R"((float[N,3,9,7] x, float[20,3,3,3] w1, float[20,1,3,3] w2,
                         float[32,20,1,1] w3, float[16,16,3,3] w4, float[16,5] w5,
                         float[5,6] w6) => (float[N,T,6] y)
    <float low = {0}, float high = {6}> {
      c1 = Conv <pads = [1, 1, 1, 1], strides = [2, 1]> (x, w1)
      a = Clip (c1, low, high)
      c2 = Conv <group = 20, pads = [1, 0, 1, 2], dilations = [1, 2]> (a, w2)
      b = Clip (c2, low, high)
      c3 = Conv (b, w3)
      d = Clip (c3, low, high)
      c4 = Conv <group = 2> (d, w4)
      e = Clip (c4, low, high)
      t = Transpose <perm = [0, 2, 3, 1]> (e)
      m = MatMul (t, w5)
      f = Clip (m, low, high)
      g = MatMul (f, w6)
      s = ReduceMax <axes = [2], keepdims = 0> (g)
      y = Identity (s)
    })");
}

const Node& maker(const Model& model, const std::string& value) {
  return *std::find_if(model.graph.nodes.begin(), model.graph.nodes.end(),
                       [&](const Node& node) { return node.outputs[0] == value; });
}

// Inputs and outputs of all products, by the outputs of their nodes.
std::vector<MomentRequest> all_products(const Model& model) {
  std::map<std::string, Shape> weights;
  for (const Constant& constant : model.graph.initializers) {
    weights[constant.name] = constant.tensor.shape();
  }
  std::vector<MomentRequest> requests;
  for (const char* value : {"c1", "c2", "c3", "c4", "m", "g"}) {
    const Node& product = maker(model, value);
    requests.push_back(product_input(product, weights.at(product.inputs[1])));
    requests.push_back(product_output(product));
  }
  return requests;
}

std::vector<ValueMoments> collected(const Model& model, const std::vector<MomentRequest>& requests,
                                    const std::vector<Sample>& samples, int threads) {
  RunOptions options;
  options.threads = threads;
  return collect_moments(
      model, requests, [&] { return std::make_unique<FixedSource>(samples); }, options);
}

// The rows of real numbers that a product multiplies with a group of its weight, by the definition.
std::vector<std::vector<double>> rows_of(const Tensor& x, const MomentRequest& request,
                                         size_t group) {
  const std::span<const float> values = x.data<float>();
  std::vector<std::vector<double>> rows;
  if (request.rows == MomentRequest::Rows::kAlongAxis) {
    const auto columns = static_cast<size_t>(x.shape().back());
    for (size_t at = 0; at < values.size(); at += columns) {
      rows.emplace_back(values.begin() + static_cast<ptrdiff_t>(at),
                        values.begin() + static_cast<ptrdiff_t>(at + columns));
    }
    return rows;
  }
  const PatchShape& shape = request.patches;
  const Shape& in = x.shape();
  const int64_t channels = in[1] / shape.groups;
  const auto outputs = [&](size_t k) {
    return (in[2 + k] + shape.pads_begin[k] + shape.pads_end[k] -
            (shape.kernel[k] - 1) * shape.dilations[k] - 1) /
               shape.strides[k] +
           1;
  };
  for (int64_t n = 0; n < in[0]; ++n) {
    for (int64_t oy = 0; oy < outputs(0); ++oy) {
      for (int64_t ox = 0; ox < outputs(1); ++ox) {
        std::vector<double>& row = rows.emplace_back();
        for (int64_t c = 0; c < channels; ++c) {
          for (int64_t k = 0; k < shape.kernel[0] * shape.kernel[1]; ++k) {
            const int64_t y = oy * shape.strides[0] + k / shape.kernel[1] * shape.dilations[0] -
                              shape.pads_begin[0];
            const int64_t z = ox * shape.strides[1] + k % shape.kernel[1] * shape.dilations[1] -
                              shape.pads_begin[1];
            const int64_t plane = n * in[1] + static_cast<int64_t>(group) * channels + c;
            const bool inside = y >= 0 && y < in[2] && z >= 0 && z < in[3];
            row.push_back(inside ? values[static_cast<size_t>((plane * in[2] + y) * in[3] + z)]
                                 : 0.0);
          }
        }
      }
    }
  }
  return rows;
}

TEST(CollectMoments, EqualsBruteForceOfTheRawTensors) {
  const Model model = products_model();
  const std::vector<Sample> samples = made_samples(model, 5);
  const std::vector<MomentRequest> requests = all_products(model);
  const std::vector<ValueMoments> found = collected(model, requests, samples, 2);
  ASSERT_EQ(found.size(), requests.size());

  std::vector<std::map<std::string, Tensor>> raw;
  for (const Sample& sample : samples) {
    raw.push_back(raw_values(model, {"c1", "a", "c2", "b", "c3", "d", "c4", "t", "m", "f", "g"},
                             sample.inputs));
    raw.back()["x"] = sample.inputs.at("x");
  }
  for (size_t i = 0; i < requests.size(); ++i) {
    const MomentRequest& request = requests[i];
    SCOPED_TRACE(request.value);
    EXPECT_EQ(found[i].missing, "");
    ChannelStats channels;
    for (const auto& tensors : raw) {
      const Tensor& tensor = tensors.at(request.value);
      add_channels({tensor.data<float>(), tensor.shape()}, request.channel_axis, 1, channels);
    }
    EXPECT_EQ(found[i].channels, channels);
    if (request.rows == MomentRequest::Rows::kNone) {
      EXPECT_THAT(found[i].groups, IsEmpty());
      continue;
    }
    ASSERT_EQ(found[i].groups.size(), static_cast<size_t>(request.patches.groups));
    for (size_t group = 0; group < found[i].groups.size(); ++group) {
      const SecondMoment& moment = found[i].groups[group];
      const size_t k = moment.columns();
      std::vector<double> expected(k * k);
      uint64_t count = 0;
      for (const auto& tensors : raw) {
        for (const std::vector<double>& row : rows_of(tensors.at(request.value), request, group)) {
          ++count;
          ASSERT_EQ(row.size(), k);
          for (size_t p = 0; p < k; ++p) {
            for (size_t q = 0; q < k; ++q) {
              expected[p * k + q] += row[p] * row[q];
            }
          }
        }
      }
      EXPECT_EQ(moment.rows, count);
      // Integers up to 6 in magnitude are codes without rounding.
      EXPECT_EQ(moment.dense(), expected) << "group " << group;
    }
  }
}

TEST(CollectMoments, ReadsTheBlockedLayout) {
  if (nchwc_block_size() <= 1) {
    GTEST_SKIP() << "the runtime has no blocked layout on this processor";
  }
  const Model model = products_model();
  std::atomic<int> blocked = 0;
  std::atomic<int> padded = 0;
  FixedSource source(made_samples(model, 1));
  RunOptions options;
  options.threads = 1;
  run_observed(model, {"a", "b", "d"}, source, options,
               [&](size_t /*worker*/, size_t /*value*/, const ObservedTensor& tensor) {
                 blocked += tensor.block != 0 ? 1 : 0;
                 padded += tensor.block != 0 && tensor.channels % tensor.block != 0 ? 1 : 0;
               });
  EXPECT_GE(blocked, 1);
  EXPECT_GE(padded, 1);  // 20 channels in blocks of 8 or 16
}

TEST(CollectMoments, DoesNotDependOnThreadsOrOrder) {
  const Model model = products_model();
  std::vector<Sample> samples = made_samples(model, 9);
  for (Sample& sample : samples) {  // sums that round
    for (float& value : sample.inputs["x"].mutable_data<float>()) {
      value = value * 0.1F + 0.037F;
    }
  }
  const std::vector<MomentRequest> requests = all_products(model);
  const std::vector<ValueMoments> one = collected(model, requests, samples, 1);
  for (int threads = 2; threads <= 4; ++threads) {
    std::rotate(samples.begin(), samples.begin() + threads, samples.end());
    std::swap(samples[0], samples[5]);
    const std::vector<ValueMoments> many = collected(model, requests, samples, threads);
    for (size_t i = 0; i < requests.size(); ++i) {
      EXPECT_EQ(many[i].missing, "");
      EXPECT_EQ(many[i].channels, one[i].channels) << requests[i].value << threads << " threads";
      EXPECT_EQ(many[i].groups, one[i].groups) << requests[i].value << threads << " threads";
    }
  }
}

TEST(CollectMoments, IsTheMergeOfItsShards) {
  const Model model = products_model();
  const std::vector<Sample> samples = made_samples(model, 7);
  const std::vector<MomentRequest> requests = all_products(model);
  RunOptions options;
  options.threads = 1;
  FixedSource all(samples);
  ChannelMoments channels = collect_channels(model, requests, all, options);
  std::vector<ValueMoments> whole = std::move(channels.values);
  std::vector<ValueMoments> merged(requests.size());
  std::vector<std::vector<Sample>> shards(3);
  for (size_t i = 0; i < samples.size(); ++i) {
    shards[i % 3].push_back(samples[i]);
  }
  for (const std::vector<Sample>& shard : shards) {
    FixedSource source(shard);
    const std::vector<ValueMoments> part =
        collect_channels(model, requests, source, options).values;
    for (size_t i = 0; i < requests.size(); ++i) {
      merged[i].channels.merge(part[i].channels);
    }
  }
  std::vector<ValueMoments> sums;  // with the ranges of all shards
  for (const std::vector<Sample>& shard : shards) {
    FixedSource source(shard);
    std::vector<ValueMoments> part = merged;
    EXPECT_THAT(collect_second_moments(model, requests, source, options, part), SizeIs(64));
    if (sums.empty()) {
      sums = part;
      continue;
    }
    for (size_t i = 0; i < requests.size(); ++i) {
      for (size_t group = 0; group < part[i].groups.size(); ++group) {
        sums[i].groups[group].merge(part[i].groups[group]);
      }
    }
  }
  FixedSource again(samples);
  EXPECT_EQ(collect_second_moments(model, requests, again, options, whole),
            channels.data_fingerprint);
  for (size_t i = 0; i < requests.size(); ++i) {
    EXPECT_EQ(merged[i].channels, whole[i].channels);
    EXPECT_EQ(sums[i].groups, whole[i].groups);
  }
}

TEST(CollectMoments, SaysWhatIsMissing) {
  const Model model = exact_model(R"((float[N,T] x, int64[1] k, float[T2,3] z) => (float[N,T] y) {
      i = Cast <to = 7> (x)
      r = Sqrt (x)
      y = Relu (r)
    })");
  std::vector<Sample> samples(2);
  for (size_t s = 0; s < 2; ++s) {
    const std::vector<int64_t> k = {3};
    const auto length = static_cast<int64_t>(s) + 2;
    samples[s].inputs = {{"x", small_integers({1, length}, 3, -1, 3)},
                         {"k", Tensor::from<int64_t>({1}, k)},
                         {"z", small_integers({length, 3}, 4)}};
  }
  samples[0].inputs["x"].mutable_data<float>()[0] = -1.0F;
  using Rows = MomentRequest::Rows;
  const std::vector<MomentRequest> requests = {
      {"i", -1, Rows::kNone}, {"k", -1, Rows::kNone},     {"x", -1, Rows::kAlongAxis},
      {"x", 0, Rows::kNone},  {"r", 0, Rows::kAlongAxis}, {"x", 2, Rows::kNone},
      {"r", 0, Rows::kNone},  {"z", -1, Rows::kAlongAxis}};
  for (const int threads : {1, 2}) {
    const std::vector<ValueMoments> found = collected(model, requests, samples, threads);
    EXPECT_THAT(found[0].missing, HasSubstr("not a float32 tensor"));
    EXPECT_THAT(found[1].missing, HasSubstr("not a float32 tensor"));
    EXPECT_THAT(found[2].missing, HasSubstr("same number of channels"));
    EXPECT_EQ(found[2].channels, ChannelStats());
    EXPECT_EQ(found[3].missing, "");
    EXPECT_EQ(found[3].channels.count.at(0), 5U);
    EXPECT_THAT(found[4].missing, HasSubstr("NaN"));
    EXPECT_THAT(found[4].groups, IsEmpty());
    EXPECT_THAT(found[5].missing, HasSubstr("no such axis"));
    EXPECT_EQ(found[6].missing, "");
    EXPECT_GE(found[6].channels.nonfinite.at(0), 1U);
    EXPECT_EQ(found[7].groups.at(0).rows, 5U);
  }
}

std::string message_of(ErrorCode code, const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    return error.what();
  }
  return "";
}

TEST(CollectMoments, RefusesOtherDataInTheSecondPass) {
  const Model model = products_model();
  const std::vector<MomentRequest> requests = all_products(model);
  const std::vector<Sample> samples = made_samples(model, 3);
  std::vector<Sample> larger = samples;
  for (float& value : larger[1].inputs["x"].mutable_data<float>()) {
    value *= 4.0F;
  }
  for (const int threads : {1, 3}) {
    RunOptions options;
    options.threads = threads;
    int opened = 0;
    EXPECT_THAT(
        message_of(ErrorCode::kInput,
                   [&] {
                     collect_moments(
                         model, requests,
                         [&] {
                           return std::make_unique<FixedSource>(++opened == 1 ? samples : larger);
                         },
                         options);
                   }),
        testing::AllOf(HasSubstr("sample 1: "), HasSubstr("ranges of the first pass")));
    opened = 0;
    const std::vector<Sample> fewer(samples.begin(), samples.end() - 1);
    EXPECT_THAT(
        message_of(ErrorCode::kInput,
                   [&] {
                     collect_moments(
                         model, requests,
                         [&] {
                           return std::make_unique<FixedSource>(++opened == 1 ? samples : fewer);
                         },
                         options);
                   }),
        HasSubstr("the same samples in both passes"));
  }
}

TEST(CollectMoments, RefusesWhatItCannotDo) {
  const Model model = products_model();
  FixedSource none({});
  EXPECT_THAT(message_of(ErrorCode::kInput,
                         [&] {
                           collect_channels(model, {{"a", 1}}, none, {});
                         }),
              HasSubstr("found none"));
  FixedSource some(made_samples(model, 1));
  EXPECT_THAT(message_of(ErrorCode::kInput,
                         [&] {
                           collect_channels(model, {{"nothing", 1}}, some, {});
                         }),
              HasSubstr("'nothing'"));
  Node relu;
  relu.op_type = "Relu";
  EXPECT_THAT(message_of(ErrorCode::kInput,
                         [&] {
                           product_input(relu, {3, 4});
                         }),
              HasSubstr("found Relu"));
  Node gemm;
  gemm.op_type = "Gemm";
  gemm.inputs = {"x", "w"};
  EXPECT_EQ(product_input(gemm, {3, 4}).channel_axis, 1);
  gemm.set_attribute("transA", int64_t{1});
  EXPECT_EQ(product_input(gemm, {3, 4}).channel_axis, 0);
  std::atomic<bool> stop = true;
  RunOptions options;
  options.stop = &stop;
  EXPECT_THAT(message_of(ErrorCode::kInterrupted,
                         [&] {
                           collect_channels(model, {{"a", 1}}, some, options);
                         }),
              HasSubstr("interrupted"));
}

}  // namespace
}  // namespace ptq

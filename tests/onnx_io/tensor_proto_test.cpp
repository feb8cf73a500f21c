#include "onnx_io/tensor_proto.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "onnx/onnx_pb.h"

namespace ptq {
namespace {

using testing::ElementsAre;
using testing::FloatEq;
using Type = onnx::TensorProto;

onnx::TensorProto make_proto(int32_t type, const std::vector<int64_t>& dims) {
  onnx::TensorProto proto;
  proto.set_name("t");
  proto.set_data_type(type);
  proto.mutable_dims()->Add(dims.begin(), dims.end());
  return proto;
}

onnx::TensorProto with_int32(int32_t type, const std::vector<int32_t>& values, int64_t count) {
  onnx::TensorProto proto = make_proto(type, {count});
  proto.mutable_int32_data()->Add(values.begin(), values.end());
  return proto;
}

Tensor take(onnx::TensorProto proto) {
  ExternalData external;
  return take_tensor(proto, external);
}

TEST(TensorProto, NarrowsTypedIntegers) {
  EXPECT_THAT(take(with_int32(Type::INT8, {-128, 127, -1}, 3)).data<int8_t>(),
              ElementsAre(-128, 127, -1));
  EXPECT_THAT(take(with_int32(Type::UINT8, {0, 255, 128}, 3)).data<uint8_t>(),
              ElementsAre(0, 255, 128));
  EXPECT_THAT(take(with_int32(Type::INT16, {-32768, 32767}, 2)).data<int16_t>(),
              ElementsAre(-32768, 32767));
  EXPECT_THAT(take(with_int32(Type::UINT16, {65535, 1}, 2)).data<uint16_t>(),
              ElementsAre(65535, 1));
  EXPECT_THAT(take(with_int32(Type::INT32, {-7, 7}, 2)).data<int32_t>(), ElementsAre(-7, 7));
  EXPECT_THAT(take(with_int32(Type::BOOL, {1, 0, 1}, 3)).data<bool>(),
              ElementsAre(true, false, true));
}

TEST(TensorProto, ReadsTypedWideValues) {
  onnx::TensorProto proto = make_proto(Type::UINT32, {2});
  proto.add_uint64_data(4'000'000'000);
  proto.add_uint64_data(5);
  EXPECT_THAT(take(proto).data<uint32_t>(), ElementsAre(4'000'000'000U, 5U));
  proto.set_data_type(Type::UINT64);
  EXPECT_THAT(take(proto).data<uint64_t>(), ElementsAre(4'000'000'000U, 5U));
  proto = make_proto(Type::INT64, {1});
  proto.add_int64_data(-(int64_t{1} << 40));
  EXPECT_THAT(take(proto).data<int64_t>(), ElementsAre(-(int64_t{1} << 40)));
  proto = make_proto(Type::DOUBLE, {1});
  proto.add_double_data(1e300);
  EXPECT_THAT(take(proto).data<double>(), ElementsAre(1e300));
  proto = make_proto(Type::COMPLEX64, {1});
  proto.add_float_data(1.5F);
  proto.add_float_data(-2.0F);
  EXPECT_EQ(take(proto).bytes().size(), 8U);
}

TEST(TensorProto, KeepsBitPatternsOfHalves) {
  // 0x3C00 = 1, 0xC000 = -2, 0x7BFF = 65504, the largest half.
  EXPECT_THAT(to_floats(take(with_int32(Type::FLOAT16, {0x3C00, 0xC000, 0x7BFF}, 3))),
              ElementsAre(1.0F, -2.0F, 65504.0F));
  EXPECT_THAT(to_floats(take(with_int32(Type::BFLOAT16, {0x3F80, 0xC040}, 2))),
              ElementsAre(1.0F, -3.0F));
  onnx::TensorProto proto = make_proto(Type::FLOAT16, {2});
  proto.set_raw_data(std::string("\x00\x3c\x00\xc0", 4));
  EXPECT_THAT(to_floats(take(proto)), ElementsAre(1.0F, -2.0F));
}

TEST(TensorProto, UnpacksInt4LowNibbleFirst) {
  // 0x7F = codes -1 (low), 7; 0x08 = -8, padding.
  EXPECT_THAT(to_int64s(take(with_int32(Type::INT4, {0x7F, 0x08}, 3))), ElementsAre(-1, 7, -8));
  onnx::TensorProto proto = make_proto(Type::UINT4, {3});
  proto.set_raw_data(std::string("\x7f\x08", 2));
  EXPECT_THAT(to_int64s(take(proto)), ElementsAre(15, 7, 8));
}

TEST(TensorProto, MovesLargeRawDataWithoutACopy) {
  onnx::TensorProto proto = make_proto(Type::FLOAT, {65536});
  proto.set_raw_data(std::string(65536 * 4, '\0'));
  const void* before = proto.raw_data().data();
  ExternalData external;
  const Tensor tensor = take_tensor(proto, external);
  EXPECT_EQ(static_cast<const void*>(tensor.bytes().data()), before);
  EXPECT_FALSE(proto.has_raw_data());
  EXPECT_EQ(proto.name(), "t");  // the rest stays for the caller
}

TEST(TensorProto, AcceptsScalarsAndEmptyTensors) {
  onnx::TensorProto scalar = make_proto(Type::FLOAT, {});
  scalar.add_float_data(2.5F);
  EXPECT_THAT(take(scalar).data<float>(), ElementsAre(FloatEq(2.5F)));
  const Tensor empty = take(make_proto(Type::INT64, {0, 3}));
  EXPECT_EQ(empty.size(), 0);
  EXPECT_THAT(empty.shape(), ElementsAre(0, 3));
}

TEST(TensorProto, LeavesOpaqueTensorsWhole) {
  onnx::TensorProto strings = make_proto(Type::STRING, {2});
  strings.add_string_data("a");
  strings.add_string_data("b");
  const std::string before = strings.SerializeAsString();
  ExternalData external;
  const Tensor tensor = take_tensor(strings, external);
  EXPECT_EQ(tensor.dtype(), DType::kString);
  EXPECT_THAT(tensor.shape(), ElementsAre(2));
  EXPECT_EQ(strings.SerializeAsString(), before);
  onnx::TensorProto small_floats = make_proto(Type::FLOAT8E4M3FN, {2});
  small_floats.set_raw_data("ab");
  EXPECT_TRUE(is_opaque(take_tensor(small_floats, external).dtype()));
  EXPECT_EQ(small_floats.raw_data(), "ab");
}

TEST(TensorProto, PutsWhatItTook) {
  const std::vector<float> values = {1, 2, 3, 4, 5, 6};
  const Tensor tensor = Tensor::from<float>({2, 3}, values);
  onnx::TensorProto proto;
  put_tensor(tensor, proto);
  EXPECT_EQ(proto.data_type(), Type::FLOAT);
  EXPECT_THAT(proto.dims(), ElementsAre(2, 3));
  EXPECT_THAT(take(proto).data<float>(), ElementsAre(1, 2, 3, 4, 5, 6));
}

}  // namespace
}  // namespace ptq

#include <array>
#include <span>

#include <fmt/format.h>

#include "ptq/error.h"
#include "ptq/plan.h"

namespace ptq {
namespace {

struct FormRow {
  WeightForm form;
  std::string_view name;
  QuantScheme scheme;
};

const std::array<FormRow, 4>& forms() {
  static const std::array<FormRow, 4> kForms = {{
      {WeightForm::kInt8Safe,
       "int8-safe",
       {.dtype = DType::kInt8, .symmetric = true, .narrow_range = true}},
      {WeightForm::kInt8, "int8", {.dtype = DType::kInt8, .symmetric = true, .narrow_range = true}},
      // |w| <= 64 keeps 2 · 255 · 64 = 32,640 below 2^15 - 1.
      {WeightForm::kInt8Reduced,
       "int8-7bit",
       {.dtype = DType::kInt8, .symmetric = true, .narrow_range = true, .code_limit = 64}},
      {WeightForm::kUint8,
       "uint8",
       {.dtype = DType::kUint8, .symmetric = true, .narrow_range = true}},
  }};
  return kForms;
}

constexpr std::array<Target, 6> kTargets = {{
    {"ort-x86",
     "ONNX Runtime on x86-64 processors, with or without VNNI",
     Engine::kOnnxRuntime,
     {.dtype = DType::kUint8, .symmetric = false},
     WeightForm::kInt8Safe,
     true},
    // On ARM the runtime's kernels are those for two signed operands.
    {"ort-arm",
     "ONNX Runtime on 64-bit ARM processors",
     Engine::kOnnxRuntime,
     {.dtype = DType::kInt8, .symmetric = false},
     WeightForm::kInt8,
     true},
    // Weights with a zero point other than 0 run in float there.
    {"openvino",
     "OpenVINO on x86-64 processors with VNNI or AMX",
     Engine::kOpenVino,
     {.dtype = DType::kUint8, .symmetric = false},
     WeightForm::kInt8,
     true},
    {"tensorrt",
     "TensorRT, explicit quantization: no zero points, float biases",
     Engine::kTensorRt,
     {.dtype = DType::kInt8, .symmetric = true},
     WeightForm::kInt8,
     false},
    {"qnn",
     "Qualcomm QNN through ONNX Runtime, 8-bit activations",
     Engine::kQnn,
     {.dtype = DType::kUint8, .symmetric = false},
     WeightForm::kInt8,
     true},
    {"qnn-a16",
     "Qualcomm QNN through ONNX Runtime, 16-bit activations",
     Engine::kQnn,
     {.dtype = DType::kUint16, .symmetric = false},
     WeightForm::kInt8,
     true},
}};

}  // namespace

std::string_view weight_form_name(WeightForm form) {
  for (const FormRow& row : forms()) {
    if (row.form == form) {
      return row.name;
    }
  }
  PTQ_CHECK(false);
}

WeightForm parse_weight_form(std::string_view name) {
  for (const FormRow& row : forms()) {
    if (row.name == name) {
      return row.form;
    }
  }
  throw Error(ErrorCode::kUsage,
              fmt::format("expected weights of int8-safe, int8, int8-7bit or uint8, found {}",
                          printable(name)));
}

QuantScheme weight_scheme(WeightForm form) {
  for (const FormRow& row : forms()) {
    if (row.form == form) {
      return row.scheme;
    }
  }
  PTQ_CHECK(false);
}

std::string_view engine_name(Engine engine) {
  switch (engine) {
    case Engine::kOnnxRuntime:
      return "ONNX Runtime";
    case Engine::kOpenVino:
      return "OpenVINO";
    case Engine::kTensorRt:
      return "TensorRT";
    case Engine::kQnn:
      return "QNN";
  }
  PTQ_CHECK(false);
}

std::span<const Target> targets() {
  return kTargets;
}

const Target& find_target(std::string_view name) {
  std::string names;
  for (const Target& target : kTargets) {
    if (target.name == name) {
      return target;
    }
    names += fmt::format("{}{}", names.empty() ? "" : ", ", target.name);
  }
  throw Error(ErrorCode::kUsage,
              fmt::format("no target is called {}; there are: {}", printable(name), names));
}

}  // namespace ptq

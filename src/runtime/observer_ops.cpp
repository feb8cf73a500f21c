#include "runtime/observer_ops.h"

#include <cstring>
#include <exception>
#include <vector>

namespace ptq {
namespace {

// Runs `body` and turns what it throws into a status, since no exception may cross the C interface.
template <typename Body>
OrtStatusPtr guarded(const Body& body) noexcept {
  try {
    body();
    return nullptr;
  } catch (const std::exception& error) {
    return Ort::GetApi().CreateStatus(ORT_FAIL, error.what());
  } catch (...) {
    return Ort::GetApi().CreateStatus(ORT_FAIL, "unknown exception in an observer");
  }
}

struct MarkKernel {
  // The name is the runtime's.
  // NOLINTNEXTLINE(readability-identifier-naming)
  OrtStatusPtr ComputeV2(OrtKernelContext* /*context*/) noexcept {
    return Ort::GetApi().CreateStatus(ORT_NOT_IMPLEMENTED, "ai.ptq.Mark is not for running");
  }
};

struct MarkOp : Ort::CustomOpBase<MarkOp, MarkKernel, true> {
  static OrtStatusPtr CreateKernelV2(const OrtApi& /*api*/, const OrtKernelInfo* /*info*/,
                                     void** kernel) {
    return guarded([&] { *kernel = new MarkKernel(); });
  }
  static const char* GetName() { return "Mark"; }
  static size_t GetInputTypeCount() { return 1; }
  static ONNXTensorElementDataType GetInputType(size_t /*index*/) {
    return ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;  // any
  }
  static size_t GetOutputTypeCount() { return 1; }
  static ONNXTensorElementDataType GetOutputType(size_t /*index*/) {
    return ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64;
  }
};

class ObserveKernel {
 public:
  ObserveKernel(ObserverSink& sink, const OrtKernelInfo* info) : sink_(sink) {
    const Ort::ConstKernelInfo attributes(info);
    slots_ = attributes.GetAttributes<int64_t>("slots");
    channels_ = attributes.GetAttribute<int64_t>("channels");
    block_ = attributes.GetAttribute<int64_t>("block");
  }

  // NOLINTNEXTLINE(readability-identifier-naming)
  OrtStatusPtr ComputeV2(OrtKernelContext* context) noexcept {
    return guarded([&] {
      const Ort::KernelContext kernel(context);
      const Ort::ConstValue input = kernel.GetInput(0);
      const Ort::TensorTypeAndShapeInfo info = input.GetTensorTypeAndShapeInfo();
      const std::vector<int64_t> shape = info.GetShape();
      const size_t count = info.GetElementCount();
      const auto* const values = input.GetTensorData<float>();
      Ort::UnownedValue output = kernel.GetOutput(0, shape);
      auto* const out = output.GetTensorMutableData<float>();
      if (out != values && count != 0) {  // a graph output has memory of its own
        std::memcpy(out, values, count * sizeof(float));
      }
      for (const int64_t slot : slots_) {
        sink_.observe(slot, {{values, count}, shape, channels_, block_});
      }
    });
  }

 private:
  ObserverSink& sink_;
  std::vector<int64_t> slots_;
  int64_t channels_ = 0;
  int64_t block_ = 0;
};

// The shape goes through, so that the runtime can plan its memory behind the operator.
OrtStatusPtr infer_same_shape(const OrtCustomOp* /*op*/, OrtShapeInferContext* context) {
  return guarded([&] {
    const OrtApi& api = Ort::GetApi();
    OrtTensorTypeAndShapeInfo* input = nullptr;  // lives in the context
    Ort::ThrowOnError(api.ShapeInferContext_GetInputTypeShape(context, 0, &input));
    const Ort::ConstTensorTypeAndShapeInfo info(input);
    const std::vector<int64_t> shape = info.GetShape();
    const std::vector<const char*> symbols = info.GetSymbolicDimensions();
    for (size_t i = 0; i < shape.size(); ++i) {
      if (shape[i] < 0 && (symbols[i] == nullptr || *symbols[i] == '\0')) {
        return;  // cannot be said in this interface
      }
    }
    if (!shape.empty()) {  // empty: a scalar or of unknown rank
      Ort::ThrowOnError(api.ShapeInferContext_SetOutputTypeShape(context, 0, input));
    }
  });
}

// One float32 tensor in, one out, of the same shape.
template <typename Op, typename Kernel>
struct FloatOp : Ort::CustomOpBase<Op, Kernel, true> {
  FloatOp() { OrtCustomOp::InferOutputShapeFn = infer_same_shape; }
  static size_t GetInputTypeCount() { return 1; }
  static ONNXTensorElementDataType GetInputType(size_t /*index*/) {
    return ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT;
  }
  static size_t GetOutputTypeCount() { return 1; }
  static ONNXTensorElementDataType GetOutputType(size_t /*index*/) {
    return ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT;
  }
};

struct ObserveOp : FloatOp<ObserveOp, ObserveKernel> {
  explicit ObserveOp(ObserverSink* sink) : sink_(sink) {
    OrtCustomOp::GetAliasMap = [](int** inputs, int** outputs) -> size_t {
      *inputs = new int[1]{0};
      *outputs = new int[1]{0};
      return 1;
    };
    OrtCustomOp::ReleaseAliasMap = [](int* inputs, int* outputs) {
      delete[] inputs;
      delete[] outputs;
    };
  }
  OrtStatusPtr CreateKernelV2(const OrtApi& /*api*/, const OrtKernelInfo* info,
                              void** kernel) const {
    return guarded([&] { *kernel = new ObserveKernel(*sink_, info); });
  }
  static const char* GetName() { return "Observe"; }

 private:
  ObserverSink* sink_;
};

class RewriteKernel {
 public:
  RewriteKernel(ValueRewriter& rewriter, const OrtKernelInfo* info)
      : rewriter_(rewriter), slot_(Ort::ConstKernelInfo(info).GetAttribute<int64_t>("slot")) {}

  // NOLINTNEXTLINE(readability-identifier-naming)
  OrtStatusPtr ComputeV2(OrtKernelContext* context) noexcept {
    return guarded([&] {
      const Ort::KernelContext kernel(context);
      const Ort::ConstValue input = kernel.GetInput(0);
      const Ort::TensorTypeAndShapeInfo info = input.GetTensorTypeAndShapeInfo();
      const size_t count = info.GetElementCount();
      Ort::UnownedValue output = kernel.GetOutput(0, info.GetShape());
      auto* const out = output.GetTensorMutableData<float>();
      if (count != 0) {
        std::memcpy(out, input.GetTensorData<float>(), count * sizeof(float));
        rewriter_.rewrite(slot_, {out, count});
      }
    });
  }

 private:
  ValueRewriter& rewriter_;
  int64_t slot_;
};

// Without the alias of Observe: the memory of X may also be that of a value that X is a view of.
struct RewriteOp : FloatOp<RewriteOp, RewriteKernel> {
  explicit RewriteOp(ValueRewriter* rewriter) : rewriter_(rewriter) {}
  OrtStatusPtr CreateKernelV2(const OrtApi& /*api*/, const OrtKernelInfo* info,
                              void** kernel) const {
    return guarded([&] { *kernel = new RewriteKernel(*rewriter_, info); });
  }
  static const char* GetName() { return "Rewrite"; }

 private:
  ValueRewriter* rewriter_;
};

}  // namespace

struct ObserverOps::State {
  State(ObserverSink* sink, ValueRewriter* rewriter)
      : observe(sink), rewrite(rewriter), domain(kObserverDomain) {
    domain.Add(&mark);
    if (sink != nullptr) {
      domain.Add(&observe);
    }
    if (rewriter != nullptr) {
      domain.Add(&rewrite);
    }
  }
  MarkOp mark;
  ObserveOp observe;
  RewriteOp rewrite;
  Ort::CustomOpDomain domain;
};

ObserverOps::ObserverOps(ObserverSink* sink, ValueRewriter* rewriter)
    : state_(std::make_unique<State>(sink, rewriter)) {}
ObserverOps::~ObserverOps() = default;
OrtCustomOpDomain* ObserverOps::domain() const {
  return state_->domain;
}

}  // namespace ptq

// The operators of op_schema.h as ONNX Runtime calls them, and RegisterCustomOps, by which a
// program brings them in. The runtime is reached only through the pointer that it hands over, so
// the library links none. The version of the interface is the oldest that has what is used: 1.18
// (alias of input and output).

#include <array>
#include <cstring>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <onnxruntime_c_api.h>

#include "observe/observatory.h"
#include "observe/op_schema.h"
#include "observe/run_samples.h"

namespace ptq {
namespace {

constexpr uint32_t kApiVersion = 18;

// Element types of ONNX Runtime and of ONNX have the same numbers.
static_assert(static_cast<int>(ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT) ==
              static_cast<int>(DType::kFloat));
static_assert(static_cast<int>(ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16) ==
              static_cast<int>(DType::kBfloat16));

void check(const OrtApi& api, OrtStatus* status) {
  if (status != nullptr) {
    const std::string message = api.GetErrorMessage(status);
    api.ReleaseStatus(status);
    throw std::runtime_error(message);
  }
}

// Runs `body` and turns what it throws into a status, since no exception may cross the C interface.
template <typename Body>
OrtStatus* guarded(const OrtApi& api, const Body& body) noexcept {
  try {
    body();
    return nullptr;
  } catch (const std::exception& error) {
    return api.CreateStatus(ORT_FAIL, error.what());
  } catch (...) {
    return api.CreateStatus(ORT_FAIL, "ptq_observe: unknown exception");
  }
}

// Runs what only statistics need: a failure is reported, and the program's run goes on.
template <typename Body>
void unharmed(const Body& body) noexcept {
  try {
    body();
  } catch (const std::exception& error) {
    Observatory::instance().report(error.what());
  }
}

struct Attributes {
  const OrtApi& api;
  const OrtKernelInfo* info;

  int64_t number(const char* name) const {
    int64_t value = 0;
    check(api, api.KernelInfoGetAttribute_int64(info, name, &value));
    return value;
  }
  std::string text(const char* name) const {
    size_t size = 0;
    check(api, api.KernelInfoGetAttribute_string(info, name, nullptr, &size));
    std::string value(size, '\0');
    check(api, api.KernelInfoGetAttribute_string(info, name, value.data(), &size));
    value.resize(size == 0 ? 0 : size - 1);  // without the zero at the end
    return value;
  }
};

// A tensor of the runtime, seen for the time of a call.
struct Seen {
  DType dtype = DType::kUndefined;
  Shape shape;
  size_t count = 0;
  void* data = nullptr;
};

Seen see(const OrtApi& api, const OrtValue* value) {
  OrtTensorTypeAndShapeInfo* info = nullptr;
  check(api, api.GetTensorTypeAndShape(value, &info));
  const std::unique_ptr<OrtTensorTypeAndShapeInfo, decltype(api.ReleaseTensorTypeAndShapeInfo)>
      owner(info, api.ReleaseTensorTypeAndShapeInfo);
  Seen seen;
  ONNXTensorElementDataType type{};
  size_t rank = 0;
  check(api, api.GetTensorElementType(info, &type));
  check(api, api.GetDimensionsCount(info, &rank));
  seen.dtype = static_cast<DType>(type);
  seen.shape.resize(rank);
  check(api, api.GetDimensions(info, seen.shape.data(), rank));
  check(api, api.GetTensorShapeElementCount(info, &seen.count));
  if (bit_width(seen.dtype) != 0) {
    // The runtime has one function for reading and writing.
    check(api, api.GetTensorMutableData(const_cast<OrtValue*>(value), &seen.data));
  }
  return seen;
}

const OrtValue* input(const OrtApi& api, OrtKernelContext* context, size_t index) {
  const OrtValue* value = nullptr;
  check(api, api.KernelContext_GetInput(context, index, &value));
  return value;
}

void* output(const OrtApi& api, OrtKernelContext* context, size_t index, const Shape& shape) {
  OrtValue* value = nullptr;
  void* data = nullptr;
  check(api, api.KernelContext_GetOutput(context, index, shape.data(), shape.size(), &value));
  check(api, api.GetTensorMutableData(value, &data));
  return data;
}

int64_t token_input(const OrtApi& api, OrtKernelContext* context, size_t index) {
  void* data = nullptr;
  check(api, api.GetTensorMutableData(const_cast<OrtValue*>(input(api, context, index)), &data));
  return *static_cast<const int64_t*>(data);
}

class Kernel {
 public:
  explicit Kernel(const OrtApi& api) : api_(api) {}
  virtual ~Kernel() = default;
  Kernel(const Kernel&) = delete;
  Kernel& operator=(const Kernel&) = delete;
  virtual void compute(OrtKernelContext* context) = 0;
  const OrtApi& api() const { return api_; }

 private:
  const OrtApi& api_;
};

class BeginRun : public Kernel {
 public:
  BeginRun(const OrtApi& api, const OrtKernelInfo* info, const std::string& runtime_version)
      : Kernel(api) {
    const Attributes attributes{api, info};
    ObservedModel model;
    model.fingerprint = attributes.text("model");
    model.settings = attributes.text("settings");
    model.runtime_version = runtime_version;
    model.values = unpack_texts(attributes.text("values"));
    inputs_ = unpack_texts(attributes.text("inputs"));
    rows_ = attributes.number("rows") != 0;
    mask_ = attributes.number("mask");
    if (mask_ >= 0) {
      model.shapes = unpack_shapes(attributes.text("shapes"));
      model.tokens_vary = attributes.number("tokens_vary") != 0;
      if (model.shapes.size() != model.values.size()) {
        throw std::runtime_error("the attributes of the instrumented model are damaged");
      }
    }
    every_ = static_cast<uint64_t>(attributes.number("every"));
    entry_ = &Observatory::instance().open(std::move(model), attributes.text("file"));
  }

  // What was counted is written when a session closes, as the program may end without notice.
  ~BeginRun() override { Observatory::instance().write_files(); }

  void compute(OrtKernelContext* context) override {
    auto* const token = static_cast<int64_t*>(output(api(), context, 0, {1}));
    auto* const counted = static_cast<bool*>(output(api(), context, 1, {1}));
    *token = 0;
    unharmed([&] {
      if (Observatory::instance().begins_counted(*entry_, every_)) {
        *token = begin(context);
      }
    });
    *counted = *token != 0;
  }

 private:
  int64_t begin(OrtKernelContext* context) const {
    std::map<std::string, Tensor> samples;
    std::optional<TokenMask> mask;
    for (size_t i = 0; i < inputs_.size(); ++i) {
      const Seen seen = see(api(), input(api(), context, i));
      if (seen.data == nullptr) {
        continue;  // texts
      }
      const size_t bytes = packed_byte_size(seen.dtype, static_cast<int64_t>(seen.count));
      Tensor tensor = Tensor::view(seen.dtype, seen.shape, nullptr,
                                   static_cast<const std::byte*>(seen.data), bytes);
      if (static_cast<int64_t>(i) == mask_) {
        mask.emplace(tensor, "mask input '" + inputs_[i] + "'");
      }
      samples.emplace(inputs_[i], std::move(tensor));
    }
    return Observatory::token_of(
        *entry_, entry_->counts->begin_run(run_samples(samples, rows_), std::move(mask)));
  }

  ObservedEntry* entry_ = nullptr;
  uint64_t every_ = 1;
  std::vector<std::string> inputs_;
  bool rows_ = false;
  int64_t mask_ = -1;
};

class Observe : public Kernel {
 public:
  Observe(const OrtApi& api, const OrtKernelInfo* info)
      : Kernel(api), slot_(static_cast<size_t>(Attributes{api, info}.number("slot"))) {}

  void compute(OrtKernelContext* context) override {
    const Seen seen = see(api(), input(api(), context, 0));
    void* const out = output(api(), context, 0, seen.shape);
    if (out != seen.data && seen.count != 0) {  // a graph output has memory of its own
      std::memcpy(out, seen.data, packed_byte_size(seen.dtype, static_cast<int64_t>(seen.count)));
    }
    *static_cast<int64_t*>(output(api(), context, 1, {1})) = 0;
    const int64_t token = token_input(api(), context, 1);
    if (token != 0) {
      unharmed([&] { observe(token, seen); });
    }
  }

 private:
  void observe(int64_t token, const Seen& seen) const {
    std::vector<float> widened;
    std::span<const float> values;
    if (seen.dtype == DType::kFloat) {
      values = {static_cast<const float*>(seen.data), seen.count};
    } else {
      const auto* const halves = static_cast<const uint16_t*>(seen.data);
      widened.reserve(seen.count);
      for (size_t i = 0; i < seen.count; ++i) {
        widened.push_back(half_to_float(halves[i]));
      }
      values = widened;
    }
    Observatory::instance().count(token, slot_, {.stored = values, .shape = seen.shape});
  }

  size_t slot_;
};

class EndRun : public Kernel {
 public:
  using Kernel::Kernel;

  void compute(OrtKernelContext* context) override {
    *static_cast<int64_t*>(output(api(), context, 0, {1})) = 0;
    const int64_t token = token_input(api(), context, 0);
    if (token != 0) {
      unharmed([&] { Observatory::instance().end_run(token); });
    }
  }
};

// The shape goes through, so that the runtime can plan its memory behind the observer.
OrtStatus* ORT_API_CALL infer_shape(const OrtCustomOp* op, OrtShapeInferContext* context);

enum class Kind : size_t { kBeginRun, kObserve, kObserveHalf, kEndRun };
constexpr size_t kKinds = 4;

// An operator as the runtime sees it, followed by what its functions need.
struct Op : OrtCustomOp {
  Kind kind;
  const OrtApi* api;
  std::string runtime_version;
};

const Op& self(const OrtCustomOp* op) {
  return *static_cast<const Op*>(op);
}

bool observes(Kind kind) {
  return kind == Kind::kObserve || kind == Kind::kObserveHalf;
}

ONNXTensorElementDataType value_type(Kind kind) {
  return kind == Kind::kObserve ? ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT
                                : ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16;
}

std::unique_ptr<Kernel> make_kernel(const Op& op, const OrtApi& api, const OrtKernelInfo* info) {
  switch (op.kind) {
    case Kind::kBeginRun:
      return std::make_unique<BeginRun>(api, info, op.runtime_version);
    case Kind::kEndRun:
      return std::make_unique<EndRun>(api);
    default:
      return std::make_unique<Observe>(api, info);
  }
}

OrtStatus* ORT_API_CALL infer_shape(const OrtCustomOp* op, OrtShapeInferContext* context) {
  const OrtApi& api = *self(op).api;
  return guarded(api, [&] {
    OrtTensorTypeAndShapeInfo* input = nullptr;  // lives in the context
    check(api, api.ShapeInferContext_GetInputTypeShape(context, 0, &input));
    size_t rank = 0;
    check(api, api.GetDimensionsCount(input, &rank));
    std::vector<int64_t> shape(rank);
    std::vector<const char*> symbols(rank);
    check(api, api.GetDimensions(input, shape.data(), rank));
    check(api, api.GetSymbolicDimensions(input, symbols.data(), rank));
    for (size_t i = 0; i < rank; ++i) {
      if (shape[i] < 0 && (symbols[i] == nullptr || *symbols[i] == '\0')) {
        return;  // cannot be said in this interface
      }
    }
    if (rank > 0) {  // 0: a scalar or of unknown rank
      check(api, api.ShapeInferContext_SetOutputTypeShape(context, 0, input));
    }
  });
}

void fill_signature(Op& op) {
  op.GetName = [](const OrtCustomOp* base) {
    constexpr std::array<const char*, kKinds> kNames = {kBeginRunOp, kObserveOp, kObserveHalfOp,
                                                        kEndRunOp};
    return kNames[static_cast<size_t>(self(base).kind)];
  };
  op.GetExecutionProviderType = [](const OrtCustomOp* /*op*/) -> const char* {
    return nullptr;  // the processor
  };
  op.GetInputTypeCount = [](const OrtCustomOp* base) -> size_t {
    return self(base).kind == Kind::kBeginRun ? 1 : 2;
  };
  op.GetInputType = [](const OrtCustomOp* base, size_t index) {
    const Kind kind = self(base).kind;
    if (observes(kind)) {
      return index == 0 ? value_type(kind) : ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64;
    }
    return kind == Kind::kEndRun && index == 0 ? ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64
                                               : ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;  // any
  };
  op.GetInputCharacteristic = [](const OrtCustomOp* base, size_t index) {
    const Kind kind = self(base).kind;
    return (kind == Kind::kBeginRun && index == 0) || (kind == Kind::kEndRun && index == 1)
               ? INPUT_OUTPUT_VARIADIC
               : INPUT_OUTPUT_REQUIRED;
  };
  op.GetOutputTypeCount = [](const OrtCustomOp* base) -> size_t {
    return self(base).kind == Kind::kEndRun ? 1 : 2;
  };
  op.GetOutputType = [](const OrtCustomOp* base, size_t index) {
    const Kind kind = self(base).kind;
    if (observes(kind) && index == 0) {
      return value_type(kind);
    }
    return kind == Kind::kBeginRun && index == 1 ? ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL
                                                 : ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64;
  };
  op.GetOutputCharacteristic = [](const OrtCustomOp* /*op*/, size_t /*index*/) {
    return INPUT_OUTPUT_REQUIRED;
  };
  op.GetInputMemoryType = [](const OrtCustomOp* /*op*/, size_t /*index*/) {
    return OrtMemTypeDefault;
  };
  op.GetVariadicInputMinArity = [](const OrtCustomOp* /*op*/) { return 1; };
  op.GetVariadicInputHomogeneity = [](const OrtCustomOp* /*op*/) { return 0; };
  op.GetVariadicOutputMinArity = [](const OrtCustomOp* /*op*/) { return 1; };
  op.GetVariadicOutputHomogeneity = [](const OrtCustomOp* /*op*/) { return 0; };
  op.GetStartVersion = [](const OrtCustomOp* /*op*/) { return 1; };
  op.GetEndVersion = [](const OrtCustomOp* /*op*/) { return 1; };
}

void fill_functions(Op& op) {
  op.CreateKernelV2 = [](const OrtCustomOp* base, const OrtApi* api, const OrtKernelInfo* info,
                         void** kernel) {
    return guarded(*api, [&] { *kernel = make_kernel(self(base), *api, info).release(); });
  };
  op.KernelComputeV2 = [](void* kernel, OrtKernelContext* context) {
    auto& mine = *static_cast<Kernel*>(kernel);
    return guarded(mine.api(), [&] { mine.compute(context); });
  };
  op.KernelDestroy = [](void* kernel) { delete static_cast<Kernel*>(kernel); };
  if (observes(op.kind)) {
    op.InferOutputShapeFn = infer_shape;
    op.GetAliasMap = [](int** inputs, int** outputs) -> size_t {
      *inputs = new int[1]{0};
      *outputs = new int[1]{0};
      return 1;
    };
    op.ReleaseAliasMap = [](int* inputs, int* outputs) {
      delete[] inputs;
      delete[] outputs;
    };
  }
}

OrtStatus* make_domain(const OrtApiBase& base, const OrtApi& api, OrtCustomOpDomain** domain) {
  if (OrtStatus* const status = api.CreateCustomOpDomain(kObserveDomain, domain)) {
    return status;
  }
  for (size_t kind = 0; kind < kKinds; ++kind) {
    auto* const op = new Op{};
    op->version = kApiVersion;
    op->kind = static_cast<Kind>(kind);
    op->api = &api;
    op->runtime_version = base.GetVersionString();
    fill_signature(*op);
    fill_functions(*op);
    if (OrtStatus* const status = api.CustomOpDomain_Add(*domain, op)) {
      return status;
    }
  }
  return nullptr;
}

// One domain for each runtime in the process. Sessions use it to their end, which nobody tells the
// library, so it stays.
OrtStatus* register_ops(OrtSessionOptions* options, const OrtApiBase& base, const OrtApi& api) {
  static auto& mutex = *new std::mutex();
  static auto& domains = *new std::map<const OrtApi*, OrtCustomOpDomain*>();
  const std::lock_guard lock(mutex);
  const auto known = domains.find(&api);
  OrtCustomOpDomain* domain = known == domains.end() ? nullptr : known->second;
  if (domain == nullptr) {
    if (OrtStatus* const status = make_domain(base, api, &domain)) {
      return status;
    }
    domains[&api] = domain;
  }
  return api.AddCustomOpDomain(options, domain);
}

}  // namespace
}  // namespace ptq

extern "C" __attribute__((visibility("default"))) OrtStatus* ORT_API_CALL
// The name is the runtime's.
// NOLINTNEXTLINE(readability-identifier-naming)
RegisterCustomOps(OrtSessionOptions* options, const OrtApiBase* base) {
  const OrtApi* const api = base->GetApi(ptq::kApiVersion);
  if (api == nullptr) {
    const OrtApi* const oldest = base->GetApi(1);
    return oldest == nullptr
               ? nullptr
               : oldest->CreateStatus(ORT_FAIL, "libptq_observe needs ONNX Runtime 1.18 or newer");
  }
  return ptq::guarded(*api, [&] { ptq::Observatory::instance(); }) == nullptr
             ? ptq::register_ops(options, *base, *api)
             : api->CreateStatus(ORT_FAIL, "ptq_observe: out of memory");
}

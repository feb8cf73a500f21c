#include "runtime/session.h"

#include <chrono>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <onnxruntime_cxx_api.h>

#include "core/log.h"
#include "ptq/error.h"
#include "runtime/library.h"
#include "runtime/observer_ops.h"

namespace ptq {
namespace {

// The runtime's own messages. Errors also come back as exceptions, so that they are not shown
// twice.
void ORT_API_CALL log_runtime(void* /*unused*/, OrtLoggingLevel /*severity*/,
                              const char* /*category*/, const char* /*id*/,
                              const char* /*location*/, const char* message) {
  log_debug("ONNX Runtime: " + printable(message, 1000));
}

// One environment for the process. Never destroyed: sessions may outlive static objects.
Ort::Env& environment() {
  static Ort::Env* const kEnv = [] {
    runtime_api();
    return new Ort::Env(ORT_LOGGING_LEVEL_ERROR, "ptq", log_runtime, nullptr);
  }();
  return *kEnv;
}

GraphOptimizationLevel ort_level(OptLevel level) {
  switch (level) {
    case OptLevel::kNone:
      return ORT_DISABLE_ALL;
    case OptLevel::kBasic:
      return ORT_ENABLE_BASIC;
    case OptLevel::kExtended:
      return ORT_ENABLE_EXTENDED;
    case OptLevel::kAll:
      break;
  }
  return ORT_ENABLE_ALL;
}

[[noreturn]] void throw_runtime(const char* what, const Ort::Exception& error) {
  throw Error(ErrorCode::kRuntime,
              fmt::format("ONNX Runtime {}: {}", what, printable(error.what(), 1000)));
}

// Element types of ONNX Runtime and of ONNX have the same numbers.
static_assert(static_cast<int>(ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT) ==
              static_cast<int>(DType::kFloat));
static_assert(static_cast<int>(ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16) ==
              static_cast<int>(DType::kBfloat16));
static_assert(static_cast<int>(ONNX_TENSOR_ELEMENT_DATA_TYPE_INT4) ==
              static_cast<int>(DType::kInt4));

ValueInfo value_info(std::string name, const Ort::TypeInfo& type) {
  ValueInfo info;
  info.name = std::move(name);
  if (type.GetONNXType() == ONNX_TYPE_TENSOR) {
    const auto tensor = type.GetTensorTypeAndShapeInfo();
    info.dtype = static_cast<DType>(tensor.GetElementType());
    // The runtime gives no dimensions both for a scalar and for an unknown rank.
    info.shape = tensor.GetShape();
    info.has_shape = !info.shape.empty();
    for (const char* const symbol : tensor.GetSymbolicDimensions()) {
      info.symbols.emplace_back(symbol != nullptr ? symbol : "");
    }
  }
  return info;
}

// A view of the tensor's memory.
Ort::Value tensor_value(const Tensor& tensor) {
  // ONNX Runtime does not write to it, though it takes a mutable pointer.
  auto* const bytes = const_cast<std::byte*>(tensor.bytes().data());
  static const auto kMemory = Ort::MemoryInfo::CreateCpu(OrtDeviceAllocator, OrtMemTypeCPU);
  return Ort::Value::CreateTensor(kMemory, bytes, tensor.bytes().size(), tensor.shape().data(),
                                  tensor.shape().size(),
                                  static_cast<ONNXTensorElementDataType>(tensor.dtype()));
}

Ort::Value input_value(const ValueInfo& input, const Tensor& tensor) {
  if (tensor.dtype() != input.dtype) {
    throw Error(ErrorCode::kInput,
                fmt::format("input '{}': expected {}{}, found {}{}", printable(input.name),
                            dtype_name(input.dtype), shape_text(input.shape),
                            dtype_name(tensor.dtype()), shape_text(tensor.shape())));
  }
  return tensor_value(tensor);
}

// The bytes stay where the runtime put them, and live as long as the Tensor.
Tensor output_tensor(Ort::Value value) {
  if (!value.IsTensor()) {
    return {};
  }
  const auto info = value.GetTensorTypeAndShapeInfo();
  const auto dtype = static_cast<DType>(info.GetElementType());
  if (bit_width(dtype) == 0) {
    return {};
  }
  Shape shape = info.GetShape();
  const size_t size_bytes = packed_byte_size(dtype, element_count(shape));
  auto owner = std::make_shared<Ort::Value>(std::move(value));
  const auto* const bytes = static_cast<const std::byte*>(owner->GetTensorRawData());
  return Tensor::view(dtype, std::move(shape), std::move(owner), bytes, size_bytes);
}

}  // namespace

struct Session::State {
  std::map<std::string, Tensor> weights;  // that the session points to
  std::unique_ptr<ObserverOps> ops;       // before the session, which uses it to the end
  Ort::Session session{nullptr};
  std::vector<ValueInfo> inputs;
  std::vector<ValueInfo> outputs;
  std::vector<const char*> output_names;  // point into outputs

  Ort::SessionOptions make_options(const SessionOptions& options);
  void read_signature();
};

Ort::SessionOptions Session::State::make_options(const SessionOptions& options) {
  Ort::SessionOptions made;
  made.SetIntraOpNumThreads(options.intra_threads);
  made.SetInterOpNumThreads(1);
  made.SetExecutionMode(ORT_SEQUENTIAL);
  made.SetGraphOptimizationLevel(ort_level(options.level));
  made.SetLogSeverityLevel(ORT_LOGGING_LEVEL_ERROR);
  if (!options.optimized_model_path.empty()) {
    made.SetOptimizedModelFilePath(options.optimized_model_path.c_str());
  }
  if (!options.external_data_folder.empty()) {
    made.AddConfigEntry("session.model_external_initializers_file_folder_path",
                        options.external_data_folder.c_str());
  }
  if (!options.profile_prefix.empty()) {
    made.EnableProfiling(options.profile_prefix.c_str());
  }
  for (const auto& [key, value] : options.config) {
    made.AddConfigEntry(key.c_str(), value.c_str());
  }
  if (!options.weights.empty()) {
    weights = options.weights;
    std::vector<std::string> names;
    std::vector<Ort::Value> values;
    for (const auto& [name, tensor] : weights) {
      names.push_back(name);
      values.push_back(tensor_value(tensor));
    }
    made.AddExternalInitializers(names, values);
  }
  if (!options.custom_ops.empty()) {
    made.RegisterCustomOpsLibrary(options.custom_ops.c_str());
  }
  if (options.sink != nullptr || options.rewriter != nullptr) {
    ops = std::make_unique<ObserverOps>(options.sink, options.rewriter);
    made.Add(ops->domain());
  }
  return made;
}

void Session::State::read_signature() {
  const Ort::AllocatorWithDefaultOptions allocator;
  for (size_t i = 0; i < session.GetInputCount(); ++i) {
    inputs.push_back(
        value_info(session.GetInputNameAllocated(i, allocator).get(), session.GetInputTypeInfo(i)));
  }
  for (size_t i = 0; i < session.GetOutputCount(); ++i) {
    outputs.push_back(value_info(session.GetOutputNameAllocated(i, allocator).get(),
                                 session.GetOutputTypeInfo(i)));
  }
  for (const ValueInfo& output : outputs) {
    output_names.push_back(output.name.c_str());
  }
}

namespace {

// Passes a request to stop on to a session that loads, while it exists.
class LoadCanceller {
 public:
  LoadCanceller(const std::atomic<bool>* cancel, Ort::SessionOptions& options) {
    if (cancel != nullptr) {
      watcher_ = std::jthread([cancel, &options](const std::stop_token& done) {
        while (!done.stop_requested() && !cancel->load()) {
          std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
        if (cancel->load()) {
          options.SetLoadCancellationFlag(true);
        }
      });
    }
  }

 private:
  std::jthread watcher_;
};

[[noreturn]] void throw_refusal(const SessionOptions& options, const Ort::Exception& error) {
  if (options.cancel_load != nullptr && options.cancel_load->load()) {
    throw Error(ErrorCode::kInterrupted, "interrupted while ONNX Runtime loaded the model");
  }
  throw_runtime("refused the model", error);
}

}  // namespace

struct RunControl::State {
  Ort::RunOptions options;
  std::atomic<bool> cancelled{false};
};

RunControl::RunControl() {
  runtime_api();
  state_ = std::make_unique<State>();
}
RunControl::~RunControl() = default;

void RunControl::cancel() {
  state_->cancelled = true;
  state_->options.SetTerminate();
}
bool RunControl::cancelled() const {
  return state_->cancelled;
}

Session::Session(std::unique_ptr<State> state) : state_(std::move(state)) {}
Session::~Session() = default;
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;

Session Session::from_bytes(std::string_view model, const SessionOptions& options) {
  Ort::Env& env = environment();
  auto state = std::make_unique<State>();
  try {
    Ort::SessionOptions made = state->make_options(options);
    const LoadCanceller canceller(options.cancel_load, made);
    state->session = Ort::Session(env, model.data(), model.size(), made);
    state->read_signature();
  } catch (const Ort::Exception& error) {
    throw_refusal(options, error);
  }
  return Session(std::move(state));
}

Session Session::from_path(const std::filesystem::path& model, const SessionOptions& options) {
  Ort::Env& env = environment();
  auto state = std::make_unique<State>();
  try {
    Ort::SessionOptions made = state->make_options(options);
    const LoadCanceller canceller(options.cancel_load, made);
    state->session = Ort::Session(env, model.c_str(), made);
    state->read_signature();
  } catch (const Ort::Exception& error) {
    throw_refusal(options, error);
  }
  return Session(std::move(state));
}

const std::vector<ValueInfo>& Session::inputs() const {
  return state_->inputs;
}
const std::vector<ValueInfo>& Session::outputs() const {
  return state_->outputs;
}

std::vector<Tensor> Session::run(const std::map<std::string, Tensor>& feeds,
                                 RunControl* control) const {
  static const Ort::RunOptions kNoOptions{nullptr};
  std::vector<const char*> names;
  std::vector<Ort::Value> values;
  try {
    for (const ValueInfo& input : state_->inputs) {
      const auto feed = feeds.find(input.name);
      if (feed == feeds.end()) {
        throw Error(
            ErrorCode::kInput,
            fmt::format("input '{}': expected {}{}, found nothing of that name",
                        printable(input.name), dtype_name(input.dtype), shape_text(input.shape)));
      }
      names.push_back(input.name.c_str());
      values.push_back(input_value(input, feed->second));
    }
    std::vector<Ort::Value> results = state_->session.Run(
        control != nullptr ? control->state_->options : kNoOptions, names.data(), values.data(),
        values.size(), state_->output_names.data(), state_->output_names.size());
    std::vector<Tensor> tensors;
    tensors.reserve(results.size());
    for (Ort::Value& result : results) {
      tensors.push_back(output_tensor(std::move(result)));
    }
    return tensors;
  } catch (const Ort::Exception& error) {
    throw_runtime("failed to run the model", error);
  }
}

std::filesystem::path Session::end_profile() {
  try {
    return state_->session.EndProfilingAllocated(Ort::AllocatorWithDefaultOptions()).get();
  } catch (const Ort::Exception& error) {
    throw_runtime("failed to write its profile", error);
  }
}

}  // namespace ptq

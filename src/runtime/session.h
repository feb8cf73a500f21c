#pragma once
// Runs ONNX models with ONNX Runtime on the processor. Used by calibration and validation. `run`
// may be called from many threads at once; construction and the rest belong to one thread.

#include <atomic>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ptq/graph.h"
#include "ptq/tensor.h"
#include "runtime/observer_sink.h"
#include "runtime/value_rewriter.h"

namespace ptq {

// What the runtime may do to a graph: nothing, constant folding and the like, operator fusions,
// changes of layout (for this processor only).
enum class OptLevel { kNone, kBasic, kExtended, kAll };

struct SessionOptions {
  int intra_threads = 1;  // threads inside an operator
  OptLevel level = OptLevel::kAll;
  std::filesystem::path optimized_model_path;  // where to save the optimized model; empty: nowhere
  std::filesystem::path external_data_folder;  // for from_bytes: where external tensors are
  std::filesystem::path profile_prefix;        // how the profile's file begins; empty: no profile
  std::map<std::string, std::string> config;   // the runtime's own session keys
  // For from_bytes: initializers that the model has by reference. The runtime uses the memory as it
  // is, where it does not pack a copy of its own.
  std::map<std::string, Tensor> weights;
  // Receives what the operators of observer_ops.h see; without it they are unknown.
  ObserverSink* sink = nullptr;
  // The same for those that change values.
  ValueRewriter* rewriter = nullptr;
  std::filesystem::path custom_ops;  // a library of operators, as any program registers one
  // Once set, loading ends soon with Error{kInterrupted}. Must outlive the construction.
  const std::atomic<bool>* cancel_load = nullptr;
};

// Ends one run of a session from another thread. `cancel` may be called from any thread, also when
// nothing runs; the rest belongs to the thread that runs.
class RunControl {
 public:
  RunControl();
  ~RunControl();
  RunControl(const RunControl&) = delete;
  RunControl& operator=(const RunControl&) = delete;

  // The run under way ends soon with Error{kRuntime}; the next ones end at once.
  void cancel();
  bool cancelled() const;

 private:
  friend class Session;
  struct State;
  std::unique_ptr<State> state_;
};

class Session {
 public:
  // Both throw Error{kEnvironment} without a runtime library and Error{kRuntime} when the runtime
  // refuses the model.
  static Session from_bytes(std::string_view model, const SessionOptions& options);
  static Session from_path(const std::filesystem::path& model, const SessionOptions& options);
  ~Session();
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;

  // Inputs to feed (initializers excluded) and outputs, in the order of the model; -1 for unknown
  // dimensions, dtype kUndefined for what is no tensor.
  const std::vector<ValueInfo>& inputs() const;
  const std::vector<ValueInfo>& outputs() const;

  // One inference. `feeds` must hold every input, with its element type; they are not copied.
  // Feeds with other names are ignored. Returns the outputs in order; what is no numeric tensor
  // comes as an empty Tensor. Throws Error{kInput} for a missing or mistyped feed, Error{kRuntime}
  // when the runtime fails.
  std::vector<Tensor> run(const std::map<std::string, Tensor>& feeds,
                          RunControl* control = nullptr) const;

  // Ends the profile that `profile_prefix` began, and returns the file that holds it.
  std::filesystem::path end_profile();

 private:
  struct State;
  explicit Session(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace ptq

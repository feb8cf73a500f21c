#pragma once
// The user's data as a sequence of samples that fit the model's inputs: what calibration, diagnosis
// and validation read. The pipeline opens a source with open_data(data, input_specs(graph),
// options). Every sample is checked (name, type, shape, no NaN or infinity) before it is handed
// out; nothing is cast, filled in or left out in silence. Not synchronized: callers hold a lock
// around next().

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ptq/data_options.h"
#include "ptq/dtype.h"
#include "ptq/graph.h"
#include "ptq/tensor.h"

namespace ptq {

// What the model wants for one input.
struct InputSpec {
  std::string name;
  DType dtype = DType::kUndefined;  // kUndefined accepts any
  Shape shape;                      // -1 = unknown
  bool has_shape = true;            // false: the rank is unknown too
  // Rows of the smallest table that the values look up (the first input of a Gather is an
  // initializer); 0: not known. Ids outside of [-limit, limit) are refused.
  int64_t id_limit = 0;
};

// The graph inputs that are no initializers, in order, with the limits of ids.
std::vector<InputSpec> input_specs(const Graph& graph);

struct Sample {
  std::string origin{};                    // "0003.npz", "calib.npz[17]", "test_data_set_2"
  std::map<std::string, Tensor> inputs{};  // by name of the model input
  std::optional<int64_t> label{};          // a class
  std::optional<Tensor> target{};          // a label of another form, without the sample axis
  std::string stratum{};  // name of the subfolder the file lies in; "" for none
  int64_t sequence = 0;   // number of the file it came from, counted from 0: a state begins there
};

class SampleSource {
 public:
  virtual ~SampleSource() = default;
  // The next sample, in order; nothing after the last. Tensors may share memory with each other and
  // stay valid after the source is gone. Throws Error{kInput}.
  virtual std::optional<Sample> next() = 0;
  // Number of samples that next() will give in all, known from the start. Only with
  // DataOptions::skip_bad may it fall while reading; it is exact after the last sample.
  virtual size_t size() const = 0;
  // Passes over the next sample.
  virtual void skip() { next(); }
  // What is odd about the samples that were given, one line each: few, all identical, constant.
  virtual std::vector<std::string> warnings() const = 0;
  // Samples by stratum, among those given so far; one row "" when there are no strata.
  virtual std::map<std::string, int64_t> strata() const { return {}; }
  // What turns files into tensors, beside their values: one canonical line, "" for nothing. Belongs
  // to what statistics depend on.
  virtual std::string preprocessing() const { return {}; }
};

// Opens `data`, the arguments of --data, as one data set: data_listing.h says what an argument may
// be and in which order files come, formats.cpp which formats there are.
//
// Axis 0 of each array is the sample axis. Where the model leaves its leading dimension
// open, a sample is one row [1,...]; where it fixes B, a sample is B rows and a remainder is
// refused, or left out with drop_last. An array without the sample axis, [3,224,224] for
// [N,3,224,224] with N open or 1, is one sample. A scalar goes to every sample of its file. All
// arrays of a file give the same number of samples.
//
// Headers of all files are read and checked here, values in next(). Throws Error{kInput} for data
// and Error{kUsage} for options.
std::unique_ptr<SampleSource> open_data(const std::vector<std::string>& data,
                                        std::vector<InputSpec> inputs, const DataOptions& options);

}  // namespace ptq

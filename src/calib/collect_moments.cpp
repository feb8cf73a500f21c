#include "calib/collect_moments.h"

#include <algorithm>
#include <map>
#include <mutex>

#include <fmt/format.h>

#include "core/parallel.h"
#include "ptq/error.h"

namespace ptq {
namespace {

constexpr const char* kNotObserved = "it is not a float32 tensor or was never computed";
constexpr const char* kNoChannels =
    "it has no such axis, or not the same number of channels for all samples";
constexpr const char* kNotFinite = "it has NaN or infinite values";

// Requests by value, as each value is observed once.
struct Values {
  std::vector<std::string> names;
  std::vector<std::vector<size_t>> requests;  // for each name: positions in the list of requests
};

Values values_of(const std::vector<MomentRequest>& requests, const std::vector<bool>& wanted) {
  std::map<std::string, std::vector<size_t>> by_name;
  for (size_t i = 0; i < requests.size(); ++i) {
    if (wanted[i]) {
      by_name[requests[i].value].push_back(i);
    }
  }
  Values out;
  for (auto& [name, positions] : by_name) {
    out.names.push_back(name);
    out.requests.push_back(std::move(positions));
  }
  return out;
}

// The statistics of one thread, one entry a request.
struct ChannelWorker {
  explicit ChannelWorker(size_t requests) : stats(requests), failed(requests) {}
  std::vector<ChannelStats> stats;
  std::vector<bool> failed;  // the value does not have its channels
};

// Calls `body`; false when it throws Error{kInput}, which here means that channels do not fit.
template <typename Body>
bool fits(const Body& body) {
  try {
    body();
    return true;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kInput) {
      throw;
    }
    return false;
  }
}

ValueMoments merged(const std::vector<ChannelWorker>& workers, size_t request, bool observed) {
  ValueMoments out;
  if (!observed) {
    out.missing = kNotObserved;
    return out;
  }
  for (const ChannelWorker& worker : workers) {
    if (worker.failed[request] || !fits([&] { out.channels.merge(worker.stats[request]); })) {
      out.channels = {};
      out.missing = kNoChannels;
      return out;
    }
  }
  return out;
}

bool all_finite(const ChannelStats& stats) {
  return std::all_of(stats.nonfinite.begin(), stats.nonfinite.end(),
                     [](uint64_t count) { return count == 0; });
}

// The sums of one request, which all threads share.
struct SharedMoments {
  std::vector<int> exponents;  // of the channels
  std::vector<std::mutex> locks{16};
};

void start(const MomentRequest& request, SharedMoments& shared, ValueMoments& moments) {
  for (size_t c = 0; c < moments.channels.channels(); ++c) {
    shared.exponents.push_back(code_exponent(moments.channels.absmax(c)));
  }
  if (request.rows == MomentRequest::Rows::kAlongAxis) {
    moments.groups.push_back(empty_second_moment(shared.exponents));
    return;
  }
  const std::vector<int> columns = patch_exponents(request.patches, shared.exponents);
  const size_t groups = static_cast<size_t>(request.patches.groups);
  if (moments.channels.channels() % groups != 0) {
    throw Error(ErrorCode::kInput,
                fmt::format("second moments of '{}': expected channels for {} groups, found {}",
                            printable(request.value), groups, moments.channels.channels()));
  }
  const auto k = static_cast<ptrdiff_t>(columns.size() / groups);
  for (auto at = columns.begin(); at != columns.end(); at += k) {
    moments.groups.push_back(empty_second_moment({at, at + k}));
  }
}

}  // namespace

MomentRequest product_input(const Node& product, const Shape& weight) {
  MomentRequest request;
  request.value = product.input(0);
  request.rows = MomentRequest::Rows::kAlongAxis;
  if (product.is("Conv")) {
    request.channel_axis = 1;
    request.rows = MomentRequest::Rows::kPatches;
    request.patches = patch_shape(product, weight);
  } else if (product.is("Gemm")) {
    request.channel_axis = product.int_attribute("transA", 0) != 0 ? 0 : 1;
  } else if (!product.is("MatMul")) {
    throw Error(ErrorCode::kInput, fmt::format("second moments: expected a Conv, MatMul or Gemm, "
                                               "found {}",
                                               printable(product.op_type)));
  }
  return request;
}

MomentRequest product_output(const Node& product) {
  MomentRequest request;
  request.value = product.outputs.at(0);
  request.channel_axis = product.is("Conv") ? 1 : -1;
  return request;
}

ChannelMoments collect_channels(const Model& model, const std::vector<MomentRequest>& requests,
                                SampleSource& source, const RunOptions& options) {
  const Values values = values_of(requests, std::vector<bool>(requests.size(), true));
  std::vector<ChannelWorker> workers(static_cast<size_t>(resolve_threads(options.threads)),
                                     ChannelWorker(requests.size()));
  const auto visit = [&](size_t worker, size_t value, const ObservedTensor& tensor) {
    ChannelWorker& own = workers[worker];
    for (const size_t i : values.requests[value]) {
      own.failed[i] = own.failed[i] || !fits([&] {
                        add_channels(tensor, requests[i].channel_axis, 1, own.stats[i]);
                      });
    }
  };
  const RunSummary summary = run_observed(model, values.names, source, options, visit);
  ChannelMoments out{std::vector<ValueMoments>(requests.size()), summary.data_fingerprint};
  for (size_t value = 0; value < values.names.size(); ++value) {
    for (const size_t i : values.requests[value]) {
      out.values[i] = merged(workers, i, summary.observed[value]);
    }
  }
  return out;
}

std::string collect_second_moments(const Model& model, const std::vector<MomentRequest>& requests,
                                   SampleSource& source, const RunOptions& options,
                                   std::vector<ValueMoments>& moments) {
  PTQ_CHECK(moments.size() == requests.size());
  std::vector<bool> wanted(requests.size());
  std::vector<SharedMoments> shared(requests.size());
  for (size_t i = 0; i < requests.size(); ++i) {
    if (requests[i].rows == MomentRequest::Rows::kNone || !moments[i].missing.empty()) {
      continue;
    }
    if (!all_finite(moments[i].channels)) {
      moments[i].missing = kNotFinite;
      continue;
    }
    wanted[i] = true;
    moments[i].groups.clear();
    start(requests[i], shared[i], moments[i]);
  }
  const Values values = values_of(requests, wanted);
  if (values.names.empty()) {
    return {};
  }
  const auto visit = [&](size_t /*worker*/, size_t value, const ObservedTensor& tensor) {
    for (const size_t i : values.requests[value]) {
      try {
        const MomentRows rows =
            requests[i].rows == MomentRequest::Rows::kPatches
                ? patch_rows(tensor, requests[i].patches, shared[i].exponents)
                : rows_along(tensor, requests[i].channel_axis, shared[i].exponents);
        for (size_t group = 0; group < rows.groups; ++group) {
          add_rows(rows, group, shared[i].locks, moments[i].groups[group]);
        }
      } catch (Error& error) {
        error.add_context(fmt::format("'{}'", printable(requests[i].value)));
        throw;
      }
    }
  };
  return run_observed(model, values.names, source, options, visit).data_fingerprint;
}

std::vector<ValueMoments> collect_moments(
    const Model& model, const std::vector<MomentRequest>& requests,
    const std::function<std::unique_ptr<SampleSource>()>& open, const RunOptions& options) {
  const std::unique_ptr<SampleSource> first = open();
  ChannelMoments channels = collect_channels(model, requests, *first, options);
  const bool again = std::any_of(requests.begin(), requests.end(), [](const auto& request) {
    return request.rows != MomentRequest::Rows::kNone;
  });
  if (!again) {
    return std::move(channels.values);
  }
  const std::unique_ptr<SampleSource> second = open();
  const std::string fingerprint =
      collect_second_moments(model, requests, *second, options, channels.values);
  if (!fingerprint.empty() && fingerprint != channels.data_fingerprint) {
    throw Error(ErrorCode::kInput,
                "second moments: expected the same samples in both passes, found others; do not "
                "change the data meanwhile");
  }
  return std::move(channels.values);
}

}  // namespace ptq

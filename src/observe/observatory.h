#pragma once
// All that one process counts in production: its models, how often a run is counted, and the files
// that are written meanwhile, when a session is closed, and at the end of the program. One object a
// process, never destroyed. Nothing here may bring the program down: what goes wrong is said once
// on stderr and kept for ptq_observe_last_error. Any thread.

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "observe/model_counts.h"
#include "observe/stats_paths.h"

namespace ptq {

// A model of the process, shared by all sessions of it. Its address stays.
struct ObservedEntry {
  std::unique_ptr<ModelCounts> counts;
  uint64_t index = 0;
  std::string pattern{};            // where the model says that its file goes
  std::atomic<uint64_t> begun = 0;  // runs
  // Under the lock of files:
  std::optional<StatsPath> path;  // none: not written by itself
  uint64_t written_runs = 0;      // what the file holds
  uint64_t written_counted = 0;
};

class Observatory {
 public:
  static Observatory& instance();

  // The entry of the model; made by the first session. `pattern`: where its file goes, unless the
  // environment says it. Throws Error{kEnvironment} when there are thousands of models.
  ObservedEntry& open(ObservedModel model, const std::string& pattern);

  // Says whether the run that begins is counted, by a model that says each `every`-th; one that is
  // not is seen here.
  bool begins_counted(ObservedEntry& entry, uint64_t every);
  // From a token of ModelCounts to one that also names the model, which the others take. 0 stays 0.
  static int64_t token_of(const ObservedEntry& entry, int64_t token);
  void count(int64_t token, size_t slot, const ObservedTensor& tensor);
  void end_run(int64_t token);

  // The functions of ptq/observe.h; they report what they throw.
  int32_t write(const char* path);
  void reset();
  bool set_every(int64_t every);
  std::string last_error() const;

  // Writes what was counted since the last time. A failure is reported and returned as -1, else the
  // number of files.
  int32_t write_files();
  void report(std::string_view message);

 private:
  struct Files;  // what only the writer touches; replaced in a child process

  Observatory();
  void read_environment();
  std::vector<ObservedEntry*> entries() const;
  void make_path(ObservedEntry& entry, const std::string& pattern);
  int32_t write_to(const std::string& pattern);
  void start_flushing();
  void before_fork();
  void after_fork(bool child);

  static constexpr size_t kMaxModels = 1024;
  std::mutex mutex_;  // of growing; reading needs none
  std::array<std::atomic<ObservedEntry*>, kMaxModels> entries_{};
  std::atomic<int64_t> every_ = -1;  // -1: what the model says
  std::optional<std::string> pattern_;
  int64_t flush_seconds_ = 60;
  std::unique_ptr<Files> files_;
  mutable std::mutex error_mutex_;
  std::string error_;
  bool reported_ = false;
};

}  // namespace ptq

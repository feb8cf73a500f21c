#include "observe/observatory.h"

#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <set>
#include <system_error>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <pthread.h>

#include "calib/byte_format.h"
#include "calib/stats_file.h"
#include "ptq/error.h"

namespace ptq {
namespace {

constexpr unsigned kModelBits = 10;

// A number of 0 or more from the environment; nothing when the variable is not set. Throws
// Error{kUsage}.
std::optional<int64_t> environment_number(const char* name) {
  const char* const text = std::getenv(name);
  if (text == nullptr || *text == '\0') {
    return std::nullopt;
  }
  const std::string_view all(text);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(all.data(), all.data() + all.size(), value);
  if (error != std::errc() || end != all.data() + all.size() || value < 0) {
    throw Error(ErrorCode::kUsage, fmt::format("{}: expected a number of 0 or more, found '{}'",
                                               name, printable(all)));
  }
  return value;
}

}  // namespace

// Held while files are written. A thread that a fork left behind may hold it for ever, so a child
// gets a new one.
struct Observatory::Files {
  std::mutex mutex;
  std::atomic<bool> flushing = false;  // the thread runs
};

Observatory& Observatory::instance() {
  static Observatory* const kInstance = new Observatory();
  return *kInstance;
}

Observatory::Observatory() : files_(std::make_unique<Files>()) {
  static_assert(kMaxModels == size_t{1} << kModelBits);
  read_environment();
  pthread_atfork([] { instance().before_fork(); }, [] { instance().after_fork(false); },
                 [] { instance().after_fork(true); });
  std::atexit([] { instance().write_files(); });
}

void Observatory::read_environment() {
  try {
    every_ = environment_number("PTQ_OBSERVE_EVERY").value_or(-1);
  } catch (const Error& error) {
    report(error.what());
  }
  try {
    flush_seconds_ = environment_number("PTQ_OBSERVE_FLUSH").value_or(flush_seconds_);
  } catch (const Error& error) {
    report(error.what());
  }
  if (const char* const pattern = std::getenv("PTQ_OBSERVE_FILE")) {
    pattern_ = pattern;
  }
}

std::vector<ObservedEntry*> Observatory::entries() const {
  std::vector<ObservedEntry*> all;
  for (const std::atomic<ObservedEntry*>& entry : entries_) {
    if (ObservedEntry* const found = entry.load(std::memory_order_acquire)) {
      all.push_back(found);
    }
  }
  return all;
}

void Observatory::make_path(ObservedEntry& entry, const std::string& pattern) {
  entry.path.reset();
  const std::string& chosen = pattern_.value_or(pattern);
  if (chosen.empty()) {
    return;
  }
  try {
    entry.path.emplace(
        std::filesystem::absolute(expand_pattern(chosen, entry.counts->model().fingerprint)));
  } catch (const std::exception& error) {
    report(fmt::format("nothing will be written by itself: {}", error.what()));
  }
}

ObservedEntry& Observatory::open(ObservedModel model, const std::string& pattern) {
  const std::scoped_lock lock(mutex_);
  for (std::atomic<ObservedEntry*>& slot : entries_) {
    ObservedEntry* entry = slot.load(std::memory_order_acquire);
    if (entry == nullptr) {
      entry = new ObservedEntry();  // for the rest of the process
      entry->counts = std::make_unique<ModelCounts>(std::move(model));
      entry->index = static_cast<uint64_t>(&slot - entries_.data());
      entry->pattern = pattern;
      make_path(*entry, pattern);
      slot.store(entry, std::memory_order_release);
      return *entry;
    }
    if (entry->counts->model() == model) {
      return *entry;
    }
  }
  throw Error(ErrorCode::kEnvironment,
              fmt::format("more than {} instrumented models in one process", kMaxModels));
}

bool Observatory::begins_counted(ObservedEntry& entry, uint64_t every) {
  const int64_t chosen = every_.load(std::memory_order_relaxed);
  const uint64_t step = chosen < 0 ? every : static_cast<uint64_t>(chosen);
  const uint64_t number = entry.begun.fetch_add(1, std::memory_order_relaxed);
  if (step != 0 && number % step == 0) {
    return true;
  }
  entry.counts->see_run();
  return false;
}

int64_t Observatory::token_of(const ObservedEntry& entry, int64_t token) {
  return token == 0
             ? 0
             : static_cast<int64_t>(static_cast<uint64_t>(token) << kModelBits | entry.index);
}

void Observatory::count(int64_t token, size_t slot, const ObservedTensor& tensor) {
  const auto bits = static_cast<uint64_t>(token);
  if (ObservedEntry* const entry = entries_[bits % kMaxModels].load(std::memory_order_acquire)) {
    entry->counts->count(static_cast<int64_t>(bits >> kModelBits), slot, tensor);
  }
}

void Observatory::end_run(int64_t token) {
  const auto bits = static_cast<uint64_t>(token);
  if (ObservedEntry* const entry = entries_[bits % kMaxModels].load(std::memory_order_acquire)) {
    entry->counts->end_run(static_cast<int64_t>(bits >> kModelBits));
    start_flushing();
  }
}

int32_t Observatory::write_files() {
  const std::scoped_lock lock(files_->mutex);
  int32_t written = 0;
  bool failed = false;
  for (ObservedEntry* const entry : entries()) {
    try {
      const ActivationStats stats = entry->counts->stats();
      const Production& production = *stats.production;
      if (!entry->path || production.counted == 0) {
        continue;
      }
      if (production.runs != entry->written_runs || production.counted != entry->written_counted) {
        entry->path->write(stats);
        entry->written_runs = production.runs;
        entry->written_counted = production.counted;
        ++written;
      }
    } catch (const std::exception& error) {
      report(error.what());
      failed = true;
    }
  }
  return failed ? -1 : written;
}

int32_t Observatory::write_to(const std::string& pattern) {
  std::vector<std::pair<std::string, ActivationStats>> outputs;
  std::set<std::string> paths;
  for (ObservedEntry* const entry : entries()) {
    ActivationStats stats = entry->counts->stats();
    if (stats.production->counted > 0) {
      std::string path = expand_pattern(pattern, stats.model_fingerprint);
      if (!paths.insert(path).second) {
        throw Error(ErrorCode::kUsage,
                    fmt::format("{}: several models were observed; put %m into the path, which "
                                "becomes the model's fingerprint",
                                printable(path)));
      }
      outputs.emplace_back(std::move(path), std::move(stats));
    }
  }
  if (outputs.empty()) {
    throw Error(ErrorCode::kInput, "no run was counted yet");
  }
  for (const auto& [path, stats] : outputs) {
    write_sealed(stats_bytes(stats), path);
  }
  return static_cast<int32_t>(outputs.size());
}

int32_t Observatory::write(const char* path) {
  try {
    if (path != nullptr) {
      const std::scoped_lock lock(files_->mutex);
      return write_to(path);
    }
    bool any = false;
    for (ObservedEntry* const entry : entries()) {
      any = any || entry->counts->counted() > 0;
    }
    if (!any) {
      throw Error(ErrorCode::kInput, "no run was counted yet");
    }
    return write_files();
  } catch (const std::exception& error) {
    report(error.what());
    return -1;
  }
}

void Observatory::reset() {
  const std::scoped_lock lock(files_->mutex);
  for (ObservedEntry* const entry : entries()) {
    entry->counts->reset();
    entry->written_runs = 0;
    entry->written_counted = 0;
  }
}

bool Observatory::set_every(int64_t every) {
  if (every < 0) {
    report(fmt::format("ptq_observe_set_every: expected 0 or more, found {}", every));
    return false;
  }
  every_ = every;
  return true;
}

void Observatory::report(std::string_view message) {
  const std::scoped_lock lock(error_mutex_);
  error_ = message;
  if (!reported_) {
    reported_ = true;
    std::fputs(fmt::format("ptq_observe: {}\n", message).c_str(), stderr);
  }
}

std::string Observatory::last_error() const {
  const std::scoped_lock lock(error_mutex_);
  return error_;
}

// The thread that writes meanwhile; begins with the first counted run of the process. Signals go to
// the program's own threads.
void Observatory::start_flushing() {
  if (flush_seconds_ == 0 || files_->flushing.exchange(true)) {
    return;
  }
  sigset_t all{};
  sigset_t before{};
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    std::thread([this] {
      for (;;) {
        std::this_thread::sleep_for(std::chrono::seconds(flush_seconds_));
        write_files();
      }
    }).detach();
  } catch (const std::system_error& error) {
    report(fmt::format("no thread for writing meanwhile: {}", error.what()));
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void Observatory::before_fork() {
  mutex_.lock();
  error_mutex_.lock();
}

// A child begins with no counts, as the parent writes its own, and with files of its own. What
// other threads of the parent held is left alone.
void Observatory::after_fork(bool child) {
  error_mutex_.unlock();
  mutex_.unlock();
  if (!child) {
    return;
  }
  static_cast<void>(files_.release());
  files_ = std::make_unique<Files>();
  for (ObservedEntry* const entry : entries()) {
    const ModelCounts* const old = entry->counts.release();
    entry->counts = std::make_unique<ModelCounts>(old->model());
    entry->begun = 0;
    entry->written_runs = 0;
    entry->written_counted = 0;
    make_path(*entry, entry->pattern);
  }
}

}  // namespace ptq

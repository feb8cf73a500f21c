// A program in production: runs a model over samples with libptq_observe registered, in one of the
// ways in which programs run and end.
//
//   observe_host LIBRARY MODEL DATA WAY [COUNT [THREADS]]
//
//   exit   runs COUNT samples on THREADS threads at once, prints a line "I HASH" of the outputs of
//          each, and returns from main
//   kill   runs them, waits until a file NAME.ptqstats is there, and dies of SIGKILL
//   quick  runs them, calls ptq_observe_write("asked.ptqstats"), and leaves by _exit
//   fork   runs them, then a child runs the first of them again; both return
//   reset  runs them, forgets, sets every to 1, runs the first two again, and returns

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include <dlfcn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/input_hash.h"
#include "data/sample_source.h"
#include "onnx_io/read.h"
#include "ptq/error.h"
#include "ptq/fingerprint.h"
#include "runtime/session.h"

namespace ptq {
namespace {

using Feeds = std::vector<std::map<std::string, Tensor>>;

Feeds read_feeds(const std::string& model, const std::string& data, size_t count) {
  const std::unique_ptr<SampleSource> source =
      open_data({data}, input_specs(read_model(model).graph), {});
  Feeds feeds;
  while (feeds.size() < count) {
    std::optional<Sample> sample = source->next();
    if (!sample) {
      break;
    }
    feeds.push_back(std::move(sample->inputs));
  }
  return feeds;
}

std::string hash_of(const std::vector<Tensor>& outputs) {
  std::map<std::string, Tensor> named;
  for (size_t i = 0; i < outputs.size(); ++i) {
    named.emplace(std::to_string(i), outputs[i]);
  }
  return hex_text(input_hash(named));
}

std::vector<std::string> run_all(const Session& session, const Feeds& feeds, size_t threads) {
  std::vector<std::string> hashes(feeds.size());
  std::atomic<size_t> next = 0;
  std::vector<std::jthread> workers;
  for (size_t t = 0; t < threads; ++t) {
    workers.emplace_back([&] {
      for (size_t i = next++; i < feeds.size(); i = next++) {
        hashes[i] = hash_of(session.run(feeds[i]));
      }
    });
  }
  workers.clear();
  return hashes;
}

bool any_statistics() {
  for (const auto& entry : std::filesystem::directory_iterator(".")) {
    if (entry.path().extension() == ".ptqstats") {
      return true;
    }
  }
  return false;
}

template <typename Function>
Function* symbol(const std::string& library, const char* name) {
  void* const handle = dlopen(library.c_str(), RTLD_NOW | RTLD_NOLOAD);
  return reinterpret_cast<Function*>(dlsym(handle, name));
}

int run(const std::vector<std::string>& words) {
  const std::string& library = words.at(1);
  const std::string& way = words.at(4);
  const size_t count = words.size() > 5 ? std::stoul(words[5]) : 8;
  const size_t threads = words.size() > 6 ? std::stoul(words[6]) : 1;
  const Feeds feeds = read_feeds(words.at(2), words.at(3), count);
  SessionOptions options;
  options.custom_ops = library;
  const Session session = Session::from_path(words.at(2), options);
  const std::vector<std::string> hashes = run_all(session, feeds, threads);
  if (way == "exit") {
    for (size_t i = 0; i < hashes.size(); ++i) {
      std::printf("%zu %s\n", i, hashes[i].c_str());
    }
  } else if (way == "kill") {
    for (int i = 0; i < 600 && !any_statistics(); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    std::raise(SIGKILL);
  } else if (way == "quick") {
    const int32_t files =
        symbol<int32_t(const char*)>(library, "ptq_observe_write")("asked.ptqstats");
    std::printf("%d files '%s'\n", files,
                symbol<const char*()>(library, "ptq_observe_last_error")());
    std::fflush(stdout);
    _exit(0);
  } else if (way == "fork") {
    const pid_t child = fork();
    if (child == 0) {
      session.run(feeds.at(0));
      symbol<int32_t(const char*)>(library, "ptq_observe_write")(nullptr);
      _exit(0);  // the runtime (1.31) waits for threads that it lost, when a child of it exits
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WEXITSTATUS(status);
  } else if (way == "reset") {
    symbol<void()>(library, "ptq_observe_reset")();
    symbol<int32_t(int64_t)>(library, "ptq_observe_set_every")(1);
    session.run(feeds.at(0));
    session.run(feeds.at(1));
  }
  return 0;
}

}  // namespace
}  // namespace ptq

int main(int argc, char** argv) {
  try {
    return ptq::run({argv, argv + argc});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "observe_host: %s\n", error.what());
    return 1;
  }
}

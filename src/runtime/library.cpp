#include "runtime/library.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <system_error>

#include <dlfcn.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <onnxruntime_cxx_api.h>

#include "core/log.h"
#include "ptq/error.h"

namespace ptq {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSoName = "libonnxruntime.so";

// Digits compare as numbers: 1.31.1 is newer than 1.9.0.
bool newer(const fs::path& a, const fs::path& b) {
  return strverscmp(a.filename().c_str(), b.filename().c_str()) > 0;
}

std::vector<fs::path> files_matching(const fs::path& folder, const std::string& prefix) {
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().filename().string().starts_with(prefix)) {
      found.push_back(entry->path());
    }
  }
  std::sort(found.begin(), found.end(), newer);
  return found;
}

// The folder of the running program; empty when it is not known.
fs::path program_folder() {
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  return error ? fs::path() : self.parent_path();
}

// Where the wheel of ONNX Runtime puts the library in a Python environment that also holds ptq.
std::vector<fs::path> python_folders(const fs::path& lib) {
  std::vector<fs::path> folders;
  for (const fs::path& python : files_matching(lib, "python3")) {
    folders.push_back(python / "site-packages" / "onnxruntime" / "capi");
  }
  return folders;
}

LoadedLibrary load_runtime() {
  std::vector<std::string> searched;
  const char* const chosen = std::getenv("PTQ_ONNXRUNTIME");
  if (chosen != nullptr && *chosen != '\0') {
    // What the user chose is used or refused, never replaced by another version.
    LoadedLibrary library = load_first(library_candidates(chosen), searched);
    if (library.api == nullptr) {
      throw Error(
          ErrorCode::kEnvironment,
          fmt::format("PTQ_ONNXRUNTIME: expected the ONNX Runtime library (1.{} or newer) or "
                      "its folder, found no usable one: {}",
                      ORT_API_VERSION, fmt::join(searched, "; ")));
    }
    return library;
  }
  std::vector<fs::path> candidates;
  const auto add_place = [&](const fs::path& place) {
    const std::vector<fs::path> files = library_candidates(place);
    candidates.insert(candidates.end(), files.begin(), files.end());
    if (files.empty()) {
      searched.push_back(fmt::format("{}: no {} there", place.string(), kSoName));
    }
  };
  if (const fs::path program = program_folder(); !program.empty()) {
    const fs::path lib = program.parent_path() / "lib";
    add_place(lib);
    for (const fs::path& folder : python_folders(lib)) {
      add_place(folder);
    }
  }
#ifdef PTQ_DEPS_LIB_DIR
  add_place(PTQ_DEPS_LIB_DIR);
#endif
  candidates.emplace_back(kSoName);  // no folder: the system loader searches
  candidates.emplace_back(std::string(kSoName) + ".1");
  LoadedLibrary library = load_first(candidates, searched);
  if (library.api == nullptr) {
    throw Error(
        ErrorCode::kEnvironment,
        fmt::format("ONNX Runtime 1.{} or newer was not found; run tools/bootstrap.sh, or set "
                    "PTQ_ONNXRUNTIME to the library or its folder. Searched: {}",
                    ORT_API_VERSION, fmt::join(searched, "; ")));
  }
  return library;
}

const LoadedLibrary& loaded_runtime() {
  static const LoadedLibrary kLibrary = [] {
    LoadedLibrary loaded = load_runtime();
    Ort::InitApi(loaded.api);
    log_debug("ONNX Runtime " + loaded.version);
    return loaded;
  }();
  return kLibrary;
}

}  // namespace

std::vector<fs::path> library_candidates(const fs::path& place) {
  std::error_code error;
  if (!fs::is_directory(place, error)) {
    return fs::exists(place, error) ? std::vector<fs::path>{place} : std::vector<fs::path>{};
  }
  std::vector<fs::path> files;
  for (const std::string& name : {std::string(kSoName), std::string(kSoName) + ".1"}) {
    if (fs::exists(place / name, error)) {
      files.push_back(place / name);
    }
  }
  for (const fs::path& file : files_matching(place, std::string(kSoName) + ".")) {
    if (std::find(files.begin(), files.end(), file) == files.end()) {
      files.push_back(file);
    }
  }
  return files;
}

LoadedLibrary load_first(const std::vector<fs::path>& candidates,
                         std::vector<std::string>& searched) {
  using GetApiBase = const OrtApiBase* (*)();
  for (const fs::path& file : candidates) {
    void* const handle = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) {
      const char* const reason = dlerror();
      searched.push_back(printable(reason != nullptr ? reason : file.string(), 400));
      continue;
    }
    const auto get_base = reinterpret_cast<GetApiBase>(dlsym(handle, "OrtGetApiBase"));
    const OrtApiBase* const base = get_base != nullptr ? get_base() : nullptr;
    if (base == nullptr) {
      searched.push_back(printable(file.string(), 400) + ": not ONNX Runtime");
      dlclose(handle);
      continue;
    }
    std::string version = base->GetVersionString();
    const OrtApi* const api = base->GetApi(ORT_API_VERSION);
    if (api == nullptr) {
      searched.push_back(fmt::format("{}: version {} is older than 1.{}",
                                     printable(file.string(), 400), printable(version),
                                     ORT_API_VERSION));
      dlclose(handle);
      continue;
    }
    return {api,
            std::move(version)};  // never closed: its threads and statics live with the process
  }
  return {};
}

const OrtApi& runtime_api() {
  return *loaded_runtime().api;
}

std::string runtime_version() {
  return loaded_runtime().version;
}

}  // namespace ptq

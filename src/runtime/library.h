#pragma once
// Finds and loads the ONNX Runtime library when it is first needed, so that the program starts, and
// reads models, without it. Linking it instead would tie a binary to one exact version, as its
// symbols carry the version. Used by this room; any thread.

#include <filesystem>
#include <string>
#include <vector>

struct OrtApi;  // onnxruntime_c_api.h

namespace ptq {

// The interface of the library, loaded and set up (Ort::InitApi) by the first call. Throws
// Error{kEnvironment} that lists where it looked when no library is there or all are too old.
const OrtApi& runtime_api();

// "1.31.1". Loads the library.
std::string runtime_version();

// Files that may be the library, best first: those in `place` when it is a folder
// (libonnxruntime.so, .so.1, then .so.* newest first), or `place` itself.
std::vector<std::filesystem::path> library_candidates(const std::filesystem::path& place);

// Loads the first usable library of `candidates`, appending to `searched` what was tried and what
// was wrong with it. Returns nullptr when none is usable.
struct LoadedLibrary {
  const OrtApi* api = nullptr;
  std::string version;
};
LoadedLibrary load_first(const std::vector<std::filesystem::path>& candidates,
                         std::vector<std::string>& searched);

}  // namespace ptq

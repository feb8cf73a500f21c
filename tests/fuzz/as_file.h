#pragma once
// Bytes of a fuzzer as a file, since that is what ptq reads. One thread.

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

namespace ptq::fuzz {

// A folder of this process, in memory where the system has such a place; removed at exit.
const std::filesystem::path& scratch_folder();

// Writes `bytes` to the file `name` of the scratch folder, replacing what it held.
std::filesystem::path as_file(const std::string& name, std::span<const uint8_t> bytes);

// Ends the process with a message, which is how libFuzzer learns of a broken promise.
void require(bool condition, const char* promise);

}  // namespace ptq::fuzz

#define PTQ_REQUIRE(condition) ::ptq::fuzz::require((condition), #condition)

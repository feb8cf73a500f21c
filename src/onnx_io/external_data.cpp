#include "onnx_io/external_data.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "core/log.h"
#include "onnx/onnx_pb.h"
#include "ptq/error.h"

namespace ptq {
namespace {

namespace fs = std::filesystem;

uint64_t parse_number(const std::string& key, const std::string& text) {
  uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) {
    throw Error(ErrorCode::kInput,
                fmt::format("external data: expected a number of bytes as {}, found '{}'", key,
                            printable(text, 40)));
  }
  return value;
}

void check_location(const std::string& location) {
  const auto refuse = [&](std::string_view why) {
    throw Error(ErrorCode::kInput,
                fmt::format("external data location '{}' {}; expected a path inside the folder of "
                            "the model",
                            printable(location), why));
  };
  if (location.empty()) {
    refuse("is empty");
  }
  if (location.find('\0') != std::string::npos) {
    refuse("has a NUL byte");
  }
  if (location.find('\\') != std::string::npos) {
    refuse("has a backslash");
  }
  if (location.size() >= 2 && location[1] == ':') {
    refuse("has a drive letter");
  }
  if (location.find("_ORT_MEM_ADDR_") != std::string::npos) {
    refuse("is a memory address of ONNX Runtime");
  }
  const fs::path path(location);
  if (path.is_absolute()) {
    refuse("is absolute");
  }
  if (std::find(path.begin(), path.end(), fs::path("..")) != path.end()) {
    refuse("has a '..'");
  }
}

bool is_inside(const fs::path& file, const fs::path& folder) {
  const auto [rest, unused] = std::mismatch(folder.begin(), folder.end(), file.begin(), file.end());
  return rest == folder.end();
}

}  // namespace

ExternalReference parse_external_reference(const onnx::TensorProto& tensor) {
  ExternalReference reference;
  for (const onnx::StringStringEntryProto& entry : tensor.external_data()) {
    if (entry.key() == "location") {
      reference.location = entry.value();
    } else if (entry.key() == "offset") {
      reference.offset = parse_number("offset", entry.value());
    } else if (entry.key() == "length") {
      reference.length = parse_number("length", entry.value());
    }
  }
  check_location(reference.location);
  return reference;
}

ExternalData::ExternalData(const std::vector<fs::path>& folders) {
  for (const fs::path& folder : folders) {
    std::error_code error;
    const fs::path real = fs::canonical(folder.empty() ? fs::path(".") : folder, error);
    if (!error && std::find(folders_.begin(), folders_.end(), real) == folders_.end()) {
      folders_.push_back(real);
    }
  }
}

ExternalData ExternalData::beside(const fs::path& model) {
  std::vector<fs::path> folders = {model.parent_path()};
  std::error_code error;
  const fs::path real = fs::canonical(model, error);
  if (!error) {
    folders.push_back(real.parent_path());
  }
  return ExternalData(folders);
}

fs::path ExternalData::resolve(const std::string& location) const {
  if (folders_.empty()) {
    throw Error(ErrorCode::kInput,
                fmt::format("data lies in the file '{}', but this model was not read from a file; "
                            "read it by its path",
                            printable(location)));
  }
  bool was_found = false;
  for (const fs::path& folder : folders_) {
    std::error_code error;
    fs::path real = fs::canonical(folder / location, error);
    if (error) {
      continue;
    }
    was_found = true;
    for (const fs::path& allowed : folders_) {
      if (is_inside(real, allowed)) {
        return real;
      }
    }
  }
  throw Error(ErrorCode::kInput,
              was_found
                  ? fmt::format("external data file '{}' is a link that leads out of the folder of "
                                "the model; copy the file there",
                                printable(location))
                  : fmt::format("external data file '{}' is missing beside the model; fetch it too",
                                printable(location)));
}

ExternalBytes ExternalData::map(const ExternalReference& reference, size_t size_bytes) {
  if (reference.length && *reference.length != size_bytes) {
    throw Error(ErrorCode::kInput,
                fmt::format("external data: type and shape need {} bytes, the length says {}; the "
                            "model is damaged, export it again",
                            size_bytes, *reference.length));
  }
  File& file = files_[reference.location];
  if (file.mapped == nullptr) {
    try {
      file.mapped = MappedFile::open(resolve(reference.location));
    } catch (Error& error) {
      error.add_context(fmt::format("external data '{}'", printable(reference.location)));
      throw;
    }
    if (file.mapped->has_other_links()) {
      log_warn(
          fmt::format("external data '{}' is a hard link: its bytes may belong to another file",
                      printable(reference.location)));
    }
  }
  const size_t file_size = file.mapped->bytes().size();
  if (reference.offset > file_size || size_bytes > file_size - reference.offset) {
    throw Error(
        ErrorCode::kInput,
        fmt::format("external data '{}' ends at byte {}, but a tensor takes {} bytes from "
                    "byte {}; the file is truncated or belongs to another model",
                    printable(reference.location), file_size, size_bytes, reference.offset));
  }
  uint64_t& end = file.ranges[reference.offset];
  end = std::max(end, reference.offset + size_bytes);
  return {file.mapped, file.mapped->bytes().data() + reference.offset};
}

void ExternalData::warn_of_overlaps() const {
  for (const auto& [location, file] : files_) {
    uint64_t last_end = 0;
    for (const auto& [begin, end] : file.ranges) {
      if (begin < last_end && end > begin) {
        log_warn(fmt::format("external data '{}': tensors overlap at byte {}", printable(location),
                             begin));
        break;
      }
      last_end = std::max(last_end, end);
    }
  }
}

}  // namespace ptq

#include "onnx_io/source_files.h"

#include <limits>
#include <set>

#include <fmt/format.h>
#include <sys/stat.h>

#include "onnx/onnx_pb.h"
#include "onnx_io/check.h"
#include "onnx_io/external_data.h"
#include "onnx_io/mapped_file.h"
#include "ptq/error.h"

namespace ptq {
namespace {

namespace fs = std::filesystem;

SourceFile stat_file(const fs::path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) {
    throw Error(ErrorCode::kInput, printable(path.string()) + ": the file is gone");
  }
  SourceFile file;
  file.path = path;
  file.size_bytes = static_cast<uint64_t>(info.st_size);
  file.modified_ns = int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec;
  file.inode = info.st_ino;
  return file;
}

std::set<fs::path> find_external_files(const fs::path& model) {
  const std::shared_ptr<const MappedFile> file = MappedFile::open(model);
  const std::span<const std::byte> bytes = file->bytes();
  check_bytes({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  onnx::ModelProto proto;
  if (bytes.size() > static_cast<size_t>(std::numeric_limits<int32_t>::max()) ||
      !proto.ParsePartialFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    throw Error(ErrorCode::kInput, "the model cannot be read");
  }
  const ExternalData external = ExternalData::beside(model);
  std::set<fs::path> files;
  walk_tensors(proto, [&](onnx::TensorProto& tensor, const MessagePath&) {
    if (tensor.data_location() == onnx::TensorProto::EXTERNAL) {
      files.insert(external.resolve(parse_external_reference(tensor).location));
    }
  });
  return files;
}

}  // namespace

std::vector<SourceFile> list_source_files(const fs::path& model) {
  try {
    const std::set<fs::path> external = find_external_files(model);
    std::vector<SourceFile> files = {stat_file(fs::canonical(model))};
    for (const fs::path& path : external) {
      files.push_back(stat_file(path));
    }
    return files;
  } catch (Error& error) {
    error.add_context(printable(model.string()));
    throw;
  }
}

void check_unchanged(const std::vector<SourceFile>& files) {
  for (const SourceFile& file : files) {
    const SourceFile now = stat_file(file.path);
    if (now.size_bytes != file.size_bytes || now.modified_ns != file.modified_ns ||
        now.inode != file.inode) {
      throw Error(ErrorCode::kInput,
                  fmt::format("{}: the file was changed while it was in use; run again",
                              printable(file.path.string())));
    }
  }
}

}  // namespace ptq

#include "data/npz_writer.h"

#include <memory>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <zip.h>

#include "core/atomic_file.h"
#include "ptq/error.h"

namespace ptq {
namespace {

std::string_view descr_of(DType dtype) {
  switch (dtype) {
    case DType::kFloat16:
      return "<f2";
    case DType::kFloat:
      return "<f4";
    case DType::kDouble:
      return "<f8";
    case DType::kBool:
      return "|b1";
    case DType::kInt8:
      return "|i1";
    case DType::kUint8:
      return "|u1";
    case DType::kInt16:
      return "<i2";
    case DType::kUint16:
      return "<u2";
    case DType::kInt32:
      return "<i4";
    case DType::kUint32:
      return "<u4";
    case DType::kInt64:
      return "<i8";
    case DType::kUint64:
      return "<u8";
    default:
      return {};
  }
}

// Format version 1.0: magic, length of the dictionary, dictionary filled up to 64 bytes, elements.
std::string npy_bytes(const std::string& name, const Tensor& tensor) {
  const std::string_view descr = descr_of(tensor.dtype());
  if (descr.empty()) {
    throw Error(ErrorCode::kUsage,
                fmt::format("npz has no element type for {} ('{}'); leave out --dump-worst",
                            dtype_name(tensor.dtype()), printable(name)));
  }
  std::string shape;
  for (const int64_t dim : tensor.shape()) {
    shape += fmt::format("{}, ", dim);
  }
  std::string head =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", descr, shape);
  constexpr size_t kBefore = 10;
  head.append(63 - (kBefore + head.size()) % 64, ' ');
  head += '\n';
  std::string bytes = "\x93NUMPY";
  bytes += '\x01';
  bytes += '\0';
  bytes += static_cast<char>(head.size() & 0xffU);
  bytes += static_cast<char>(head.size() >> 8U);
  bytes += head;
  const auto data = tensor.bytes();
  bytes.append(reinterpret_cast<const char*>(data.data()), data.size());
  return bytes;
}

[[noreturn]] void fail(const std::filesystem::path& path, const char* what) {
  throw Error(ErrorCode::kEnvironment, fmt::format("{}: the archive could not be made: {}",
                                                   printable(path.string()), printable(what)));
}

// The archive as bytes.
std::string zip_members(const std::filesystem::path& path,
                        const std::map<std::string, std::string>& members) {
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* const target = zip_source_buffer_create(nullptr, 0, 0, &error);
  zip_t* const archive =
      target == nullptr ? nullptr : zip_open_from_source(target, ZIP_TRUNCATE, &error);
  if (archive == nullptr) {
    fail(path, zip_error_strerror(&error));
  }
  const std::unique_ptr<zip_source_t, decltype(&zip_source_free)> keep(target, &zip_source_free);
  zip_source_keep(target);
  for (const auto& [name, bytes] : members) {
    zip_source_t* const source = zip_source_buffer(archive, bytes.data(), bytes.size(), 0);
    const zip_int64_t index = zip_file_add(archive, name.c_str(), source, ZIP_FL_ENC_UTF_8);
    const bool added =
        index >= 0 &&
        zip_set_file_compression(archive, static_cast<zip_uint64_t>(index), ZIP_CM_STORE, 0) == 0 &&
        zip_file_set_dostime(archive, static_cast<zip_uint64_t>(index), 0, 33, 0) == 0;
    if (!added) {
      const std::string text = zip_strerror(archive);
      zip_discard(archive);
      fail(path, text.c_str());
    }
  }
  if (zip_close(archive) != 0) {
    const std::string text = zip_strerror(archive);
    zip_discard(archive);
    fail(path, text.c_str());
  }
  std::string out;
  zip_stat_t stat;
  if (zip_source_stat(target, &stat) != 0 || zip_source_open(target) != 0) {
    fail(path, "its bytes cannot be read back");
  }
  out.resize(stat.size);
  const zip_int64_t got = zip_source_read(target, out.data(), out.size());
  zip_source_close(target);
  if (got != static_cast<zip_int64_t>(out.size())) {
    fail(path, "its bytes cannot be read back");
  }
  return out;
}

}  // namespace

void write_npz(const std::filesystem::path& path, const std::map<std::string, Tensor>& arrays) {
  std::map<std::string, std::string> members;
  for (const auto& [name, tensor] : arrays) {
    members.emplace(name + ".npy", npy_bytes(name, tensor));
  }
  AtomicFile file(path);
  file.write(zip_members(path, members));
  file.commit();
}

}  // namespace ptq

#pragma once
// Makes npy, zip and npz bytes for the tests, well formed or broken on purpose. Written after the
// format descriptions (numpy.lib.format, PKWARE APPNOTE), not with the code under test.

#include <array>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>
#include <zip.h>

#include "ptq/error.h"

namespace ptq::testing {

template <typename T>
std::string bytes_of(const std::vector<T>& values) {
  std::string bytes(values.size() * sizeof(T), '\0');
  if (!values.empty()) {
    std::memcpy(bytes.data(), values.data(), bytes.size());
  }
  return bytes;
}

inline std::string number_bytes(uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) {
    text += static_cast<char>(value & 0xff);
    value >>= 8;
  }
  return text;
}

// An array with the dictionary text `dictionary` in format version `major`.
inline std::string npy_with(std::string dictionary, const std::string& payload, int major = 1) {
  const size_t before = major == 1 ? 10 : 12;
  while ((before + dictionary.size() + 1) % 64 != 0) {
    dictionary += ' ';
  }
  dictionary += '\n';
  return "\x93NUMPY" + number_bytes(static_cast<uint64_t>(major), 1) + number_bytes(0, 1) +
         number_bytes(dictionary.size(), major == 1 ? 2 : 4) + dictionary + payload;
}

inline std::string tuple_text(const std::vector<int64_t>& shape) {
  std::string text = "(";
  for (size_t i = 0; i < shape.size(); ++i) {
    text += std::to_string(shape[i]) + (shape.size() == 1 ? "," : i + 1 < shape.size() ? ", " : "");
  }
  return text + ")";
}

inline std::string npy_text(std::string_view descr, const std::vector<int64_t>& shape,
                            const std::string& payload, bool fortran = false, int major = 1) {
  return npy_with("{'descr': '" + std::string(descr) + "', 'fortran_order': " +
                      (fortran ? "True" : "False") + ", 'shape': " + tuple_text(shape) + ", }",
                  payload, major);
}

template <typename T>
constexpr std::string_view descr_of() {
  if constexpr (std::is_same_v<T, float>) {
    return "<f4";
  } else if constexpr (std::is_same_v<T, double>) {
    return "<f8";
  } else if constexpr (std::is_same_v<T, int32_t>) {
    return "<i4";
  } else if constexpr (std::is_same_v<T, uint64_t>) {
    return "<u8";
  } else {
    static_assert(std::is_same_v<T, int64_t>);
    return "<i8";
  }
}

template <typename T>
std::string npy(const std::vector<int64_t>& shape, const std::vector<T>& values) {
  return npy_text(descr_of<T>(), shape, bytes_of(values));
}

inline void write_file(const std::filesystem::path& path, std::string_view bytes) {
  // Some file systems flush a file that is truncated and written again: slow a thousand times over.
  std::filesystem::remove(path);
  std::ofstream stream(path, std::ios::binary | std::ios::trunc);
  stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  ASSERT_TRUE(stream.good());
}

using Arrays = std::vector<std::pair<std::string, std::string>>;  // key, npy bytes

// By libzip, as numpy.savez or numpy.savez_compressed would.
inline void write_npz(const std::filesystem::path& path, const Arrays& arrays,
                      bool deflate = false) {
  std::filesystem::remove(path);
  zip_t* archive = zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, nullptr);
  ASSERT_NE(archive, nullptr);
  for (const auto& [key, bytes] : arrays) {
    zip_source_t* source = zip_source_buffer(archive, bytes.data(), bytes.size(), 0);
    const zip_int64_t index =
        zip_file_add(archive, (key + ".npy").c_str(), source, ZIP_FL_ENC_UTF_8);
    ASSERT_GE(index, 0);
    zip_set_file_compression(archive, static_cast<zip_uint64_t>(index),
                             deflate ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 0);
  }
  ASSERT_EQ(zip_close(archive), 0);
}

// One member of a zip archive made by hand. Unset sizes and check sum are the true ones.
struct ZipMember {
  std::string name;
  std::string content;
  uint16_t flags = 0;
  uint16_t method = 0;
  int64_t declared_size = -1;
  int64_t stored_size = -1;
  bool wrong_crc = false;
};

inline uint32_t crc32_of(std::string_view bytes) {
  uint32_t crc = 0xffffffffU;
  for (const char c : bytes) {
    crc ^= static_cast<uint8_t>(c);
    for (int bit = 0; bit < 8; ++bit) {
      crc = crc >> 1 ^ (0xedb88320U & (0U - (crc & 1U)));
    }
  }
  return ~crc;
}

inline std::string zip_bytes(const std::vector<ZipMember>& members) {
  std::string archive;
  std::string directory;
  for (const ZipMember& member : members) {
    const auto or_true = [&member](int64_t size) {
      return size < 0 ? member.content.size() : static_cast<uint64_t>(size);
    };
    const uint32_t crc = crc32_of(member.content) ^ (member.wrong_crc ? 1U : 0U);
    const std::string common = number_bytes(20, 2) + number_bytes(member.flags, 2) +
                               number_bytes(member.method, 2) + number_bytes(0x00210000, 4) +
                               number_bytes(crc, 4) + number_bytes(or_true(member.stored_size), 4) +
                               number_bytes(or_true(member.declared_size), 4) +
                               number_bytes(member.name.size(), 2) + number_bytes(0, 2);
    directory += "PK\x01\x02" + number_bytes(20, 2) + common + number_bytes(0, 2 + 2 + 2 + 4) +
                 number_bytes(archive.size(), 4) + member.name;
    archive += "PK\x03\x04" + common + member.name + member.content;
  }
  const std::string end = "PK\x05\x06" + number_bytes(0, 4) + number_bytes(members.size(), 2) +
                          number_bytes(members.size(), 2) + number_bytes(directory.size(), 4) +
                          number_bytes(archive.size(), 4) + number_bytes(0, 2);
  return archive + directory + end;
}

// A folder that is removed at the end of the test.
class TempFolder {
 public:
  TempFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "ptq_data_XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// Message of the Error{code} that `action` throws; a text that no test looks for when it does not.
inline std::string error_of(const std::function<void()>& action,
                            ErrorCode code = ErrorCode::kInput) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    EXPECT_EQ(std::string_view(error.what()).find('\n'), std::string_view::npos);
    return error.what();
  }
  return "<nothing thrown>";
}

}  // namespace ptq::testing

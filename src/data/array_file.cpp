#include "data/array_file.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <zip.h>

#include "data/findings.h"
#include "data/safetensors.h"
#include "ptq/error.h"

namespace ptq {
namespace {

using ZipHandle = std::shared_ptr<zip_t>;

// Deflate cannot expand more (zlib technical details); some slack for tiny members.
constexpr uint64_t kMaxExpansion = 1032;
constexpr uint64_t kExpansionSlack = 64;

[[noreturn]] void refuse(const std::string& where, std::string_view what,
                         DataFinding finding = DataFinding::kDamaged) {
  refuse_data(finding, where, what);
}

class ZipStream : public ByteStream {
 public:
  ZipStream(ZipHandle archive, uint64_t index, std::string where)
      : archive_(std::move(archive)),
        where_(std::move(where)),
        file_(zip_fopen_index(archive_.get(), index, 0), &zip_fclose) {
    if (!file_) {
      refuse(where_, fmt::format("the zip member cannot be opened: {}",
                                 printable(zip_strerror(archive_.get()))));
    }
  }

  size_t read(std::span<std::byte> out) override {
    size_t got = 0;
    do {  // once also for an empty span; libzip returns 0 at the end, after it checked the CRC
      const zip_int64_t count = zip_fread(file_.get(), out.data() + got, out.size() - got);
      if (count < 0) {
        refuse(where_, fmt::format("the zip member is damaged ({}); write the file again",
                                   printable(zip_file_strerror(file_.get()))));
      }
      if (count == 0) {
        break;
      }
      got += static_cast<size_t>(count);
    } while (got < out.size());
    return got;
  }

 private:
  ZipHandle archive_;  // outlives file_
  std::string where_;
  std::unique_ptr<zip_file_t, int (*)(zip_file_t*)> file_;
};

ZipHandle open_zip(const std::filesystem::path& path, const std::string& where) {
  int code = 0;
  zip_t* archive = zip_open(path.c_str(), ZIP_RDONLY, &code);
  if (archive == nullptr) {
    std::vector<std::byte> head(32);
    head.resize(open_file_stream(path)->read(head));
    const std::string_view guess = guess_content(head);
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    std::string text = printable(zip_error_strerror(&error));
    zip_error_fini(&error);
    refuse(where,
           fmt::format("expected an npz file (a zip archive), found {} ({}); write it again "
                       "with numpy.savez",
                       guess.empty()                      ? "something else"
                       : guess.starts_with("a zip archi") ? "one that is cut short or damaged"
                                                          : guess,
                       text));
  }
  return ZipHandle(archive, [](zip_t* handle) { zip_discard(handle); });
}

// Whether a member name leaves its folder when unpacked. Nothing is unpacked here, but no honest
// writer makes one.
bool climbs(const std::filesystem::path& name) {
  return std::find(name.begin(), name.end(), "..") != name.end();
}

class NpzFile : public ArrayFile {
 public:
  explicit NpzFile(const std::filesystem::path& path)
      : where_(path_text(path)),
        file_bytes_(regular_file_size(path)),
        archive_(open_zip(path, where_)) {
    const zip_int64_t count = zip_get_num_entries(archive_.get(), 0);
    std::set<std::string, std::less<>> seen;
    for (zip_int64_t i = 0; i < count; ++i) {
      const auto index = static_cast<uint64_t>(i);
      const char* raw = zip_get_name(archive_.get(), index, ZIP_FL_ENC_RAW);
      const std::string name = raw == nullptr ? "" : raw;
      if (!name.ends_with(".npy")) {
        continue;  // numpy leaves these to the caller as raw bytes: not ours
      }
      if (climbs(name)) {
        refuse(where_, fmt::format("member '{}' points outside of the archive", printable(name)));
      }
      std::string key = name.substr(0, name.size() - 4);
      if (!seen.insert(key).second) {
        refuse(where_,
               fmt::format("key '{}' is there twice; write the file again", printable(key)));
      }
      keys_.push_back(std::move(key));
      indices_.push_back(index);
    }
  }

  const std::vector<std::string>& keys() const override { return keys_; }

  std::unique_ptr<ArrayReader> open_array(std::string_view key) const override {
    const auto found = std::find(keys_.begin(), keys_.end(), key);
    PTQ_CHECK(found != keys_.end());
    const uint64_t index = indices_[static_cast<size_t>(found - keys_.begin())];
    std::string where = fmt::format("{}: key '{}'", where_, printable(key));
    const uint64_t bytes = checked_member_bytes(index, where);
    auto stream = std::make_unique<ZipStream>(archive_, index, where);
    return std::make_unique<ArrayReader>(open_npy(std::move(stream), bytes, std::move(where)));
  }

 private:
  // Uncompressed size of a member, once it is clear that the file can really hold that much.
  uint64_t checked_member_bytes(uint64_t index, const std::string& where) const {
    zip_stat_t stat;
    zip_stat_init(&stat);
    constexpr zip_uint64_t kNeeded = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
    if (zip_stat_index(archive_.get(), index, 0, &stat) != 0 || (stat.valid & kNeeded) != kNeeded) {
      refuse(where, "the zip directory is damaged; write the file again");
    }
    if ((stat.valid & ZIP_STAT_ENCRYPTION_METHOD) != 0 && stat.encryption_method != ZIP_EM_NONE) {
      refuse(where, "the zip member is encrypted; write the file again without a password",
             DataFinding::kUnsupported);
    }
    if (stat.comp_method != ZIP_CM_STORE && stat.comp_method != ZIP_CM_DEFLATE) {
      refuse(where,
             fmt::format("zip compression method {} is not supported; use numpy.savez or "
                         "numpy.savez_compressed",
                         stat.comp_method),
             DataFinding::kUnsupported);
    }
    const bool stored = stat.comp_method == ZIP_CM_STORE;
    if (stat.comp_size > file_bytes_ || (stored && stat.size != stat.comp_size) ||
        (!stored && stat.size / kMaxExpansion > stat.comp_size + kExpansionSlack)) {
      refuse(where,
             fmt::format("declares {} bytes from {} stored ones in a file of {}, which cannot "
                         "be; the file is damaged or a zip bomb",
                         stat.size, stat.comp_size, file_bytes_),
             DataFinding::kImpossibleSize);
    }
    return stat.size;
  }

  std::string where_;
  uint64_t file_bytes_;
  ZipHandle archive_;
  std::vector<std::string> keys_;
  std::vector<uint64_t> indices_;  // of the zip member, by key
};

class NpyFile : public ArrayFile {
 public:
  explicit NpyFile(std::filesystem::path path)
      : path_(std::move(path)), bytes_(regular_file_size(path_)) {}

  const std::vector<std::string>& keys() const override { return keys_; }

  std::unique_ptr<ArrayReader> open_array(std::string_view key) const override {
    PTQ_CHECK(key.empty());
    return std::make_unique<ArrayReader>(
        open_npy(open_file_stream(path_), bytes_, path_text(path_)));
  }

 private:
  std::filesystem::path path_;
  uint64_t bytes_;
  std::vector<std::string> keys_ = {""};
};

}  // namespace

std::unique_ptr<ArrayFile> open_array_file(const std::filesystem::path& path) {
  const std::string extension = lower_extension(path);
  if (extension == ".npz") {
    return std::make_unique<NpzFile>(path);
  }
  if (extension == ".npy") {
    return std::make_unique<NpyFile>(path);
  }
  if (extension == ".safetensors") {
    return open_safetensors(path);
  }
  refuse_data(DataFinding::kNoData, path_text(path),
              "expected a file of arrays named .npz, .npy or .safetensors");
}

}  // namespace ptq

#include "data/safetensors.h"

#include <algorithm>
#include <array>
#include <limits>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "data/findings.h"
#include "data/json_events.h"
#include "ptq/error.h"

namespace ptq {
namespace {

constexpr uint64_t kLengthBytes = 8;
constexpr uint64_t kMaxHeadBytes = 100'000'000;  // that of the reference implementation
constexpr size_t kMaxRank = 64;
constexpr std::string_view kMetadata = "__metadata__";

struct TypeRow {
  std::string_view name;
  DType dtype;
};

constexpr std::array<TypeRow, 13> kTypes = {{{"F32", DType::kFloat},
                                             {"F16", DType::kFloat16},
                                             {"BF16", DType::kBfloat16},
                                             {"F64", DType::kDouble},
                                             {"I8", DType::kInt8},
                                             {"I16", DType::kInt16},
                                             {"I32", DType::kInt32},
                                             {"I64", DType::kInt64},
                                             {"U8", DType::kUint8},
                                             {"U16", DType::kUint16},
                                             {"U32", DType::kUint32},
                                             {"U64", DType::kUint64},
                                             {"BOOL", DType::kBool}}};

// {"NAME":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},…,"__metadata__":{"KEY":"TEXT"}}
class HeadReader : public JsonEvents {
 public:
  explicit HeadReader(const std::string& where) : JsonEvents(DataFinding::kDamaged, where) {}

  std::vector<SafetensorsEntry> take() { return std::move(entries_); }

  bool start_object(size_t /*size*/) override {
    if (depth_ == 2 || field_ != Field::kNone) {
      fail("the head nests objects too deeply");
    }
    ++depth_;
    return true;
  }

  bool end_object() override {
    if (depth_ == 2 && !in_metadata_) {
      check_complete();
    }
    in_metadata_ = false;
    --depth_;
    return true;
  }

  bool key(std::string& name) override {
    if (depth_ == 1) {
      if (!names_.insert(name).second) {
        fail(fmt::format("key '{}' is there twice", printable(name, 60)));
      }
      in_metadata_ = name == kMetadata;
      if (!in_metadata_) {
        entries_.push_back({.name = name});
        seen_ = {};
      }
    } else if (!in_metadata_) {
      field_ = field_of(name);
      if (std::exchange(seen_[static_cast<size_t>(field_)], true)) {
        fail(fmt::format("'{}' of '{}' is there twice", name, printable(entries_.back().name, 60)));
      }
    }
    return true;
  }

  bool string(std::string& value) override {
    if (depth_ == 2 && in_metadata_) {
      return true;
    }
    if (field_ != Field::kDtype) {
      return JsonEvents::string(value);
    }
    const auto* row = std::ranges::find(kTypes, value, &TypeRow::name);
    if (row == kTypes.end()) {
      fail(DataFinding::kUnsupported,
           fmt::format("'{}' has dtype '{}', expected F32, F16, BF16, F64, I8 to I64, U8 to U64 "
                       "or BOOL",
                       printable(entries_.back().name, 60), printable(value, 40)));
    }
    entries_.back().dtype = row->dtype;
    field_ = Field::kNone;
    return true;
  }

  bool start_array(size_t size) override {
    if ((field_ != Field::kShape && field_ != Field::kOffsets) || in_array_) {
      return JsonEvents::start_array(size);
    }
    in_array_ = true;
    numbers_.clear();
    return true;
  }

  bool number_unsigned(uint64_t value) override {
    if (!in_array_ || numbers_.size() == kMaxRank) {
      return JsonEvents::number_unsigned(value);
    }
    numbers_.push_back(value);
    return true;
  }

  bool end_array() override {
    SafetensorsEntry& entry = entries_.back();
    if (field_ == Field::kShape) {
      for (const uint64_t number : numbers_) {
        if (number > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
          fail(DataFinding::kImpossibleSize,
               fmt::format("'{}' has a dimension of {}", printable(entry.name, 60), number));
        }
        entry.shape.push_back(static_cast<int64_t>(number));
      }
    } else {
      if (numbers_.size() != 2 || numbers_[0] > numbers_[1]) {
        fail(fmt::format("'{}' needs data_offsets [begin, end] in ascending order",
                         printable(entry.name, 60)));
      }
      entry.begin = numbers_[0];
      entry.end = numbers_[1];
    }
    in_array_ = false;
    field_ = Field::kNone;
    return true;
  }

 private:
  enum class Field { kNone, kDtype, kShape, kOffsets };

  Field field_of(const std::string& name) const {
    if (name == "dtype") {
      return Field::kDtype;
    }
    if (name == "shape") {
      return Field::kShape;
    }
    if (name == "data_offsets") {
      return Field::kOffsets;
    }
    fail(fmt::format("unknown field '{}' of '{}'", printable(name, 40),
                     printable(entries_.back().name, 60)));
  }

  void check_complete() const {
    if (std::ranges::count(seen_, true) != 3) {
      fail(fmt::format("'{}' lacks dtype, shape or data_offsets",
                       printable(entries_.back().name, 60)));
    }
  }

  std::vector<SafetensorsEntry> entries_;
  std::set<std::string, std::less<>> names_;
  int depth_ = 0;
  bool in_metadata_ = false;
  bool in_array_ = false;
  Field field_ = Field::kNone;
  std::array<bool, 4> seen_{};  // by Field
  std::vector<uint64_t> numbers_;
};

class SafetensorsFile : public ArrayFile {
 public:
  explicit SafetensorsFile(std::filesystem::path path)
      : path_(std::move(path)), where_(path_text(path_)) {
    const uint64_t file_bytes = regular_file_size(path_);
    const std::unique_ptr<ByteStream> stream = open_file_stream(path_);
    std::array<std::byte, kLengthBytes> field{};
    if (stream->read(field) != field.size()) {
      refuse_data(DataFinding::kDamaged, where_,
                  "expected a safetensors file, found less than 8 bytes");
    }
    uint64_t length = 0;
    for (size_t i = field.size(); i > 0; --i) {
      length = length << 8 | std::to_integer<uint64_t>(field[i - 1]);
    }
    if (length > kMaxHeadBytes || length > file_bytes - kLengthBytes) {
      const std::string_view guess = guess_content(field);
      refuse_data(DataFinding::kImpossibleSize, where_,
                  fmt::format("a safetensors head of {} bytes in a file of {} cannot be (the limit "
                              "is {}); {}",
                              length, file_bytes, kMaxHeadBytes,
                              guess.empty() ? std::string("the file is cut short or damaged")
                                            : fmt::format("it looks like {}", guess)));
    }
    std::string head(length, '\0');
    if (stream->read(std::as_writable_bytes(std::span(head))) != head.size()) {
      refuse_data(DataFinding::kDamaged, where_, "the safetensors head is cut short");
    }
    data_begin_ = kLengthBytes + length;
    entries_ = parse_safetensors_head(head, file_bytes - data_begin_, where_);
    for (const SafetensorsEntry& entry : entries_) {
      keys_.push_back(entry.name);
    }
  }

  const std::vector<std::string>& keys() const override { return keys_; }

  std::unique_ptr<ArrayReader> open_array(std::string_view key) const override {
    const auto entry = std::ranges::find(entries_, key, &SafetensorsEntry::name);
    PTQ_CHECK(entry != entries_.end());
    const uint64_t bytes = entry->end - entry->begin;
    return std::make_unique<ArrayReader>(
        open_file_section(path_, data_begin_ + entry->begin, bytes),
        ArrayHeader{.dtype = entry->dtype, .shape = entry->shape, .payload_bytes = bytes},
        fmt::format("{}: key '{}'", where_, printable(key)));
  }

 private:
  std::filesystem::path path_;
  std::string where_;
  uint64_t data_begin_ = 0;
  std::vector<SafetensorsEntry> entries_;
  std::vector<std::string> keys_;
};

}  // namespace

std::vector<SafetensorsEntry> parse_safetensors_head(std::string_view text, uint64_t data_bytes,
                                                     const std::string& where) {
  if (!text.starts_with('{')) {
    refuse_data(DataFinding::kDamaged, where, "the safetensors head does not begin with '{'");
  }
  HeadReader reader(where);
  reader.parse(text);
  std::vector<SafetensorsEntry> entries = reader.take();
  std::ranges::stable_sort(
      entries, {}, [](const SafetensorsEntry& entry) { return std::pair(entry.begin, entry.end); });
  uint64_t expected = 0;
  for (const SafetensorsEntry& entry : entries) {
    const std::string name = printable(entry.name, 60);
    if (entry.begin != expected) {
      refuse_data(
          DataFinding::kDamaged, where,
          fmt::format("'{}' begins at byte {}, where {} was expected: arrays {}", name, entry.begin,
                      expected, entry.begin < expected ? "overlap" : "leave a hole"));
    }
    uint64_t size = 0;
    try {
      size = packed_byte_size(entry.dtype, element_count(entry.shape));
    } catch (const Error& error) {
      refuse_data(DataFinding::kImpossibleSize, where, fmt::format("'{}': {}", name, error.what()));
    }
    if (size != entry.end - entry.begin) {
      refuse_data(DataFinding::kDamaged, where,
                  fmt::format("'{}' of {} {} takes {} bytes, but its data_offsets span {}", name,
                              dtype_name(entry.dtype), shape_text(entry.shape), size,
                              entry.end - entry.begin));
    }
    expected = entry.end;
  }
  if (expected != data_bytes) {
    refuse_data(DataFinding::kDamaged, where,
                fmt::format("the arrays take {} bytes, but {} follow the head; the file is cut "
                            "short or damaged",
                            expected, data_bytes));
  }
  return entries;
}

std::unique_ptr<ArrayFile> open_safetensors(const std::filesystem::path& path) {
  return std::make_unique<SafetensorsFile>(path);
}

}  // namespace ptq

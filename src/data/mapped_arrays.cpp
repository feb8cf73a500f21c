#include "data/mapped_arrays.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>

#include <fmt/format.h>

#include "data/findings.h"
#include "data/formats.h"
#include "ptq/error.h"

namespace ptq {
namespace {

struct TypeWord {
  std::string_view word;
  DType dtype;
};

constexpr std::array<TypeWord, 28> kTypeWords = {
    {{"f32", DType::kFloat},     {"float32", DType::kFloat},     {"float", DType::kFloat},
     {"f16", DType::kFloat16},   {"float16", DType::kFloat16},   {"half", DType::kFloat16},
     {"f64", DType::kDouble},    {"float64", DType::kDouble},    {"double", DType::kDouble},
     {"bf16", DType::kBfloat16}, {"bfloat16", DType::kBfloat16}, {"bool", DType::kBool},
     {"i8", DType::kInt8},       {"int8", DType::kInt8},         {"i16", DType::kInt16},
     {"int16", DType::kInt16},   {"i32", DType::kInt32},         {"int32", DType::kInt32},
     {"i64", DType::kInt64},     {"int64", DType::kInt64},       {"u8", DType::kUint8},
     {"uint8", DType::kUint8},   {"u16", DType::kUint16},        {"uint16", DType::kUint16},
     {"u32", DType::kUint32},    {"uint32", DType::kUint32},     {"u64", DType::kUint64},
     {"uint64", DType::kUint64}}};

[[noreturn]] void refuse_argument(std::string_view text, std::string_view what) {
  throw Error(ErrorCode::kUsage,
              with_code(DataFinding::kBadArgument,
                        fmt::format("--data ...={}: {}", printable(text), what)));
}

DType parse_type(std::string_view word, std::string_view text) {
  const auto* row = std::ranges::find(kTypeWords, word, &TypeWord::word);
  if (row == kTypeWords.end()) {
    refuse_argument(text, fmt::format("expected an element type such as f32, f16, bf16, i64, u8 "
                                      "or bool, found '{}'",
                                      printable(word, 40)));
  }
  return row->dtype;
}

// "1x3x224x224", the first dimension also "?" or "-1".
Shape parse_shape(std::string_view word, std::string_view text) {
  Shape shape;
  for (size_t begin = 0; begin <= word.size();) {
    const size_t end = std::min(word.find('x', begin), word.size());
    const std::string_view part = word.substr(begin, end - begin);
    int64_t dim = -1;
    const bool open = shape.empty() && (part == "?" || part == "-1");
    const auto [rest, error] = std::from_chars(part.data(), part.data() + part.size(), dim);
    if (!open && (error != std::errc() || rest != part.data() + part.size() || dim < 1)) {
      refuse_argument(text, fmt::format("expected a shape such as 1x3x224x224, its first dimension "
                                        "? for as many as there are, found '{}'",
                                        printable(word, 60)));
    }
    shape.push_back(dim);
    begin = end + 1;
  }
  return shape;
}

std::unique_ptr<ArrayReader> open_raw(const MappedArray& array, std::string where) {
  const uint64_t bytes = regular_file_size(array.path);
  ArrayHeader header{.dtype = array.raw->dtype, .shape = array.raw->shape};
  const bool open = header.shape[0] < 0;
  if (open) {
    header.shape[0] = 1;
  }
  uint64_t wanted = 0;
  try {
    wanted = packed_byte_size(header.dtype, element_count(header.shape));
  } catch (const Error& error) {
    refuse_data(DataFinding::kImpossibleSize, where, error.what());
  }
  if (open ? bytes % wanted != 0 : bytes != wanted) {
    refuse_data(DataFinding::kWrongByteCount, where,
                fmt::format("{} {} takes {}{} bytes, but the file has {}; check type and shape",
                            dtype_name(header.dtype), shape_text(array.raw->shape),
                            open ? "a multiple of " : "", wanted, bytes));
  }
  header.shape[0] = open ? static_cast<int64_t>(bytes / wanted) : header.shape[0];
  header.payload_bytes = bytes;
  return std::make_unique<ArrayReader>(open_file_stream(array.path), std::move(header),
                                       std::move(where));
}

class MappedFile : public ArrayFile {
 public:
  explicit MappedFile(const std::vector<MappedArray>& arrays) : arrays_(arrays) {
    for (const MappedArray& array : arrays_) {
      keys_.push_back(array.name);
    }
  }

  const std::vector<std::string>& keys() const override { return keys_; }

  std::unique_ptr<ArrayReader> open_array(std::string_view key) const override {
    const auto array = std::ranges::find(arrays_, key, &MappedArray::name);
    PTQ_CHECK(array != arrays_.end());
    if (array->raw) {
      return open_raw(*array, path_text(array->path));
    }
    const std::unique_ptr<ArrayFile> file = open_array_file(array->path);
    if (file->keys().size() == 1) {
      return file->open_array(file->keys()[0]);
    }
    if (std::ranges::find(file->keys(), key) == file->keys().end()) {
      refuse_data(DataFinding::kMissingInput, path_text(array->path),
                  fmt::format("expected one array, or one named '{}', found {} others",
                              printable(key), file->keys().size()));
    }
    return file->open_array(key);
  }

 private:
  std::vector<MappedArray> arrays_;
  std::vector<std::string> keys_;
};

}  // namespace

MappedArray parse_mapping(std::string name, std::string_view text) {
  MappedArray array{.name = std::move(name), .path = std::string(text), .raw = {}};
  std::error_code ignored;
  const size_t last = text.rfind(',');
  if (last == std::string_view::npos || std::filesystem::exists(array.path, ignored)) {
    return array;
  }
  const size_t before = text.substr(0, last).rfind(',');
  if (before == std::string_view::npos || before == 0) {
    refuse_argument(text,
                    "no such file; raw bytes are given as FILE,TYPE,SHAPE, such as "
                    "x.bin,f32,1x3x224x224");
  }
  array.path = std::string(text.substr(0, before));
  array.raw = RawLayout{parse_type(text.substr(before + 1, last - before - 1), text),
                        parse_shape(text.substr(last + 1), text)};
  return array;
}

std::unique_ptr<ArrayFile> open_mapped_arrays(const std::vector<MappedArray>& arrays) {
  return std::make_unique<MappedFile>(arrays);
}

}  // namespace ptq

#include "data/npy_header.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

#include <fmt/format.h>

#include "data/findings.h"
#include "ptq/error.h"

namespace ptq {
namespace {

constexpr size_t kMaxHeaderBytes = size_t{64} * 1024;
constexpr size_t kMaxRank = 64;    // that of numpy 2
constexpr size_t kFixedBytes = 8;  // magic and version
constexpr std::string_view kMagic = "\x93NUMPY";

struct TypeRow {
  std::string_view code;  // as in descr, without the byte order
  std::string_view name;  // as in numpy
  DType dtype;
  int bytes;
};

constexpr std::array<TypeRow, 12> kTypes = {{{"f4", "float32", DType::kFloat, 4},
                                             {"f8", "float64", DType::kDouble, 8},
                                             {"f2", "float16", DType::kFloat16, 2},
                                             {"i1", "int8", DType::kInt8, 1},
                                             {"i2", "int16", DType::kInt16, 2},
                                             {"i4", "int32", DType::kInt32, 4},
                                             {"i8", "int64", DType::kInt64, 8},
                                             {"u1", "uint8", DType::kUint8, 1},
                                             {"u2", "uint16", DType::kUint16, 2},
                                             {"u4", "uint32", DType::kUint32, 4},
                                             {"u8", "uint64", DType::kUint64, 8},
                                             {"b1", "bool_", DType::kBool, 1}}};

// Recursive descent over {'descr': STRING, 'fortran_order': BOOL, 'shape': TUPLE}, keys in any
// order.
class DictionaryParser {
 public:
  DictionaryParser(std::string_view text, std::string_view where) : text_(text), where_(where) {}

  ArrayHeader parse() {
    ArrayHeader header;
    std::string_view descr;
    bool has_descr = false;
    bool has_order = false;
    bool has_shape = false;
    expect('{');
    while (!accept('}')) {
      const std::string_view key = parse_string();
      expect(':');
      if (key == "descr" && !has_descr) {
        descr = parse_descr();
        has_descr = true;
      } else if (key == "fortran_order" && !has_order) {
        header.fortran_order = parse_bool();
        has_order = true;
      } else if (key == "shape" && !has_shape) {
        header.shape = parse_tuple();
        has_shape = true;
      } else {
        fail(fmt::format("unknown or repeated key '{}'", printable(key)));
      }
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    skip_space();
    if (position_ != text_.size()) {
      fail("text behind the dictionary");
    }
    if (!has_descr || !has_order || !has_shape) {
      fail("descr, fortran_order or shape is missing");
    }
    apply_type(descr, header);
    return header;
  }

 private:
  [[noreturn]] void fail(std::string_view what) const {
    refuse_data(DataFinding::kDamaged, where_,
                fmt::format("npy header is damaged at byte {}: {}; write the array again with "
                            "numpy.save",
                            position_, what));
  }

  void skip_space() {
    while (position_ < text_.size() &&
           (text_[position_] == ' ' || text_[position_] == '\n' || text_[position_] == '\t')) {
      ++position_;
    }
  }

  char peek() {
    skip_space();
    return position_ < text_.size() ? text_[position_] : '\0';
  }

  bool accept(char wanted) {
    if (peek() != wanted || position_ >= text_.size()) {
      return false;
    }
    ++position_;
    return true;
  }

  void expect(char wanted) {
    if (!accept(wanted)) {
      fail(fmt::format("expected '{}'", wanted));
    }
  }

  std::string_view parse_string() {
    const char quote = peek();
    if (quote != '\'' && quote != '"') {
      fail("expected a quoted word");
    }
    const size_t begin = ++position_;
    const size_t end = text_.find(quote, begin);
    if (end == std::string_view::npos) {
      fail("the quote is never closed");
    }
    const std::string_view word = text_.substr(begin, end - begin);
    if (word.find('\\') != std::string_view::npos) {
      fail("escape in a quoted word");
    }
    position_ = end + 1;
    return word;
  }

  std::string_view parse_descr() {
    if (peek() == '[') {
      refuse_data(DataFinding::kUnsupported, where_,
                  "structured arrays (fields) are not supported; save each field as an array of "
                  "its own");
    }
    return parse_string();
  }

  bool parse_bool() {
    skip_space();
    for (const bool value : {true, false}) {
      const std::string_view word = value ? "True" : "False";
      if (text_.substr(position_).starts_with(word)) {
        position_ += word.size();
        return value;
      }
    }
    fail("expected True or False");
  }

  int64_t parse_dimension() {
    peek();
    const size_t begin = position_;
    int64_t value = 0;
    while (position_ < text_.size() && text_[position_] >= '0' && text_[position_] <= '9') {
      const int64_t digit = text_[position_] - '0';
      if (value > (std::numeric_limits<int64_t>::max() - digit) / 10) {
        fail("a dimension does not fit into 64 bits");
      }
      value = value * 10 + digit;
      ++position_;
    }
    if (position_ == begin) {
      fail("expected a dimension, a number that is not negative");
    }
    if (position_ < text_.size() && text_[position_] == 'L') {
      ++position_;  // written by Python 2
    }
    return value;
  }

  Shape parse_tuple() {
    Shape shape;
    expect('(');
    while (!accept(')')) {
      if (shape.size() == kMaxRank) {
        fail(fmt::format("more than {} dimensions", kMaxRank));
      }
      shape.push_back(parse_dimension());
      const bool comma = accept(',');
      if (!comma) {
        if (shape.size() == 1) {
          fail("expected ',' behind the only dimension");
        }
        expect(')');
        break;
      }
    }
    return shape;
  }

  void apply_type(std::string_view descr, ArrayHeader& header) const {
    const char order = descr.empty() ? '\0' : descr.front();
    const std::string_view code = descr.empty() ? descr : descr.substr(1);
    if (code.starts_with('O')) {
      refuse_data(DataFinding::kUnsupported, where_,
                  "dtype object needs Python's pickle, which ptq never runs; save numbers: "
                  "numpy.save(path, x.astype(numpy.float32))");
    }
    const auto* row = std::find_if(kTypes.begin(), kTypes.end(),
                                   [code](const TypeRow& each) { return each.code == code; });
    const bool known_order = order == '<' || order == '>' || order == '=' ||
                             (order == '|' && row != kTypes.end() && row->bytes == 1);
    if (row == kTypes.end() || !known_order) {
      refuse_data(DataFinding::kUnsupported, where_,
                  fmt::format("dtype '{}' is not supported; expected f2 f4 f8, i1 i2 i4 i8, "
                              "u1 u2 u4 u8 or b1; convert with x.astype(...)",
                              printable(descr)));
    }
    header.dtype = row->dtype;
    header.big_endian = order == '>' && row->bytes > 1;
    try {
      header.payload_bytes = packed_byte_size(row->dtype, element_count(header.shape));
    } catch (const Error& error) {
      refuse_data(DataFinding::kImpossibleSize, where_, error.what());
    }
  }

  std::string_view text_;
  std::string_view where_;
  size_t position_ = 0;
};

[[noreturn]] void throw_cut_short(std::string_view where) {
  refuse_data(DataFinding::kDamaged, where,
              "the npy header is cut short; copy or write the file again");
}

void read_exactly(ByteStream& stream, std::span<std::byte> out, std::string_view where) {
  if (stream.read(out) != out.size()) {
    throw_cut_short(where);
  }
}

// Checks magic and version; returns how many bytes the length field takes.
size_t length_field_bytes(std::span<const std::byte> head, std::string_view where) {
  const std::string_view text(reinterpret_cast<const char*>(head.data()), head.size());
  if (!text.starts_with(kMagic)) {
    const std::string_view guess = guess_content(head);
    refuse_data(DataFinding::kDamaged, where,
                fmt::format("expected an npy array (first byte 0x93, then NUMPY), found {}; "
                            "write it with numpy.save or numpy.savez",
                            guess.empty() ? "something else" : guess));
  }
  if (head.size() < kFixedBytes) {
    throw_cut_short(where);
  }
  const int major = std::to_integer<int>(head[6]);
  const int minor = std::to_integer<int>(head[7]);
  if (major < 1 || major > 3 || minor != 0) {
    refuse_data(DataFinding::kUnsupported, where,
                fmt::format("npy version {}.{} is unknown; expected 1.0 to 3.0", major, minor));
  }
  return major == 1 ? 2 : 4;
}

}  // namespace

ArrayHeader parse_npy_dictionary(std::string_view text, std::string_view where) {
  return DictionaryParser(text, where).parse();
}

ArrayHeader read_npy_header(ByteStream& stream, uint64_t stream_bytes, std::string_view where) {
  std::array<std::byte, kFixedBytes> head{};
  const size_t got = stream.read(head);
  const size_t field_bytes = length_field_bytes(std::span(head).first(got), where);
  std::array<std::byte, 4> field{};
  read_exactly(stream, std::span(field).first(field_bytes), where);
  size_t length = 0;
  for (size_t i = field_bytes; i > 0; --i) {
    length = length << 8 | std::to_integer<size_t>(field[i - 1]);
  }
  if (length > kMaxHeaderBytes) {
    refuse_data(DataFinding::kImpossibleSize, where,
                fmt::format("npy header of {} bytes; expected at most {}: the file is damaged",
                            length, kMaxHeaderBytes));
  }
  std::string text(length, '\0');
  read_exactly(stream, std::as_writable_bytes(std::span(text)), where);
  ArrayHeader header = parse_npy_dictionary(text, where);
  const uint64_t before = head.size() + field_bytes + length;
  if (stream_bytes < before || stream_bytes - before != header.payload_bytes) {
    refuse_data(
        DataFinding::kDamaged, where,
        fmt::format("{} {} takes {} bytes, but {} follow the header; the file is cut "
                    "short or damaged, write it again",
                    numpy_name(header.dtype), shape_text(header.shape), header.payload_bytes,
                    stream_bytes < before ? 0 : stream_bytes - before));
  }
  return header;
}

bool is_integer_type(DType dtype) {
  return std::any_of(kTypes.begin(), kTypes.end(), [dtype](const TypeRow& row) {
    return row.dtype == dtype && (row.code[0] == 'i' || row.code[0] == 'u');
  });
}

std::string_view numpy_name(DType dtype) {
  for (const TypeRow& row : kTypes) {
    if (row.dtype == dtype) {
      return row.name;
    }
  }
  return {};
}

}  // namespace ptq

#include <algorithm>
#include <array>
#include <optional>

#include <fmt/format.h>

#include "onnx_io/check.h"
#include "ptq/error.h"

namespace ptq {
namespace {

constexpr size_t kMaxEntries = 1'000'000;  // an empty entry takes 2 bytes here, about 400 in memory

[[noreturn]] void refuse(const std::string& message) {
  throw Error(ErrorCode::kInput, message);
}

struct Lookalike {
  size_t offset;
  std::string_view magic;
  std::string_view text;
};

constexpr std::array kLookalikes = {
    Lookalike{0, "version https://git-lfs",
              "a Git LFS pointer, not the file itself: run 'git lfs pull'"},
    Lookalike{0, "<!DOCTYPE", "a web page: download the file itself, not the page that shows it"},
    Lookalike{0, "<!doctype", "a web page: download the file itself, not the page that shows it"},
    Lookalike{0, "<html", "a web page: download the file itself, not the page that shows it"},
    Lookalike{0, "<HTML", "a web page: download the file itself, not the page that shows it"},
    Lookalike{0, "<?xml", "an XML file"},
    Lookalike{0, "PK\x03\x04",
              "a ZIP archive (PyTorch checkpoints are such): unpack or export to ONNX"},
    Lookalike{0, "\x1f\x8b", "a gzip archive: unpack it first"},
    Lookalike{0,
              "\xfd"
              "7zXZ",
              "an xz archive: unpack it first"},
    Lookalike{0, "BZh", "a bzip2 archive: unpack it first"},
    Lookalike{0, "\x80\x02", "a Python pickle: export the model to ONNX"},
    Lookalike{0, "\x80\x04", "a Python pickle: export the model to ONNX"},
    Lookalike{0, "\x89HDF", "an HDF5 file (Keras): export the model to ONNX"},
    Lookalike{0, "\x93NUMPY", "a NumPy array"},
    Lookalike{0, "GGUF", "a GGUF model"},
    Lookalike{0,
              "\x7f"
              "ELF",
              "a program"},
    Lookalike{4, "TFL3", "a TensorFlow Lite model: convert it to ONNX"},
    Lookalike{4, "ORTM",
              "a model in ONNX Runtime's own format: use the .onnx file it was made from"},
    Lookalike{0, "ir_version", "a model in text form: convert it to the binary form"},
    Lookalike{0, "{", "a text file (JSON?)"},
};

void check_lookalikes(std::string_view bytes) {
  if (bytes.empty()) {
    refuse("the file is empty; fetch or export the model again");
  }
  const std::string_view text =
      bytes.substr(std::min(bytes.size(), bytes.find_first_not_of(" \t\r\n")));
  for (const Lookalike& row : kLookalikes) {
    const bool found = row.offset == 0
                           ? text.starts_with(row.magic)
                           // Flat buffers begin with a small offset, whose high byte is 0; no model
                           // has that there.
                           : bytes.size() > row.offset && bytes[row.offset - 1] == '\0' &&
                                 bytes.substr(row.offset).starts_with(row.magic);
    if (found) {
      refuse(fmt::format("expected an ONNX model, found {}", row.text));
    }
  }
}

enum class Wire : uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

struct Field {
  uint32_t number = 0;
  Wire wire = Wire::kVarint;
  size_t begin = 0;         // of the tag
  uint64_t size_bytes = 0;  // kBytes: of the content
};

// Reads fields of one message one after another.
class FieldReader {
 public:
  explicit FieldReader(std::string_view bytes) : bytes_(bytes) {}

  bool at_end() const { return position_ == bytes_.size(); }
  size_t position() const { return position_; }
  size_t left() const { return bytes_.size() - position_; }

  // Tag and length. Nothing when the bytes are no field.
  std::optional<Field> next() {
    Field field;
    field.begin = position_;
    const std::optional<uint64_t> tag = varint();
    if (!tag || *tag > 0xFFFFFFFFU || *tag >> 3U == 0) {
      return std::nullopt;
    }
    field.number = static_cast<uint32_t>(*tag >> 3U);
    field.wire = static_cast<Wire>(*tag & 7U);
    switch (field.wire) {
      case Wire::kVarint:
        return varint() ? std::optional(field) : std::nullopt;
      case Wire::kFixed64:
        return skip(8) ? std::optional(field) : std::nullopt;
      case Wire::kFixed32:
        return skip(4) ? std::optional(field) : std::nullopt;
      case Wire::kBytes:
        break;
      default:
        return std::nullopt;
    }
    const std::optional<uint64_t> size = varint();
    if (!size) {
      return std::nullopt;
    }
    field.size_bytes = *size;
    return field;
  }

  bool skip(uint64_t count) {
    if (count > left()) {
      return false;
    }
    position_ += count;
    return true;
  }

 private:
  std::optional<uint64_t> varint() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
      if (at_end()) {
        return std::nullopt;
      }
      const auto byte = static_cast<uint8_t>(bytes_[position_++]);
      value |= shift < 64 ? static_cast<uint64_t>(byte & 0x7FU) << shift : 0;
      if (byte < 0x80U) {
        return value;
      }
    }
    return std::nullopt;
  }

  std::string_view bytes_;
  size_t position_ = 0;
};

// Fields of ModelProto (onnx.proto) up to 26.
std::optional<Wire> wire_of_model_field(uint32_t number) {
  switch (number) {
    case 1:
    case 5:
      return Wire::kVarint;
    case 2:
    case 3:
    case 4:
    case 6:
    case 7:
    case 8:
    case 14:
    case 20:
    case 25:
    case 26:
      return Wire::kBytes;
    default:
      return std::nullopt;
  }
}

constexpr uint32_t kIrVersionField = 1;
constexpr uint32_t kGraphField = 7;

void check_entry_count(std::string_view graph) {
  FieldReader reader(graph);
  size_t count = 0;
  while (!reader.at_end()) {
    const std::optional<Field> field = reader.next();
    if (!field || (field->wire == Wire::kBytes && !reader.skip(field->size_bytes))) {
      return;  // the parser will say so
    }
    if (++count > kMaxEntries) {
      refuse(
          fmt::format("the graph has more than {} entries; no real model has, and reading them "
                      "would exhaust memory",
                      kMaxEntries));
    }
  }
}

}  // namespace

void check_bytes(std::string_view bytes) {
  check_lookalikes(bytes);
  FieldReader reader(bytes);
  std::array<int, 32> seen{};
  while (!reader.at_end()) {
    const size_t begin = reader.position();
    const std::optional<Field> field = reader.next();
    const std::optional<Wire> expected = field ? wire_of_model_field(field->number) : std::nullopt;
    if (!field || (expected && *expected != field->wire)) {
      if (seen[kGraphField] > 0) {
        refuse(
            fmt::format("the model ends at byte {}, {} more bytes follow that are none of it; the "
                        "file is damaged, fetch it again",
                        begin, bytes.size() - begin));
      }
      if (!field && reader.at_end() && seen[kIrVersionField] > 0) {
        refuse("the file is truncated: it ends within a field; fetch it again");
      }
      refuse(fmt::format("expected an ONNX model, found bytes that are none (at byte {})", begin));
    }
    if (field->wire == Wire::kBytes && field->size_bytes > reader.left()) {
      if (expected && (seen[kIrVersionField] > 0 || field->number == kGraphField)) {
        refuse(
            fmt::format("the file is truncated: a part of the model needs {} bytes, {} are left; "
                        "fetch it again",
                        field->size_bytes, reader.left()));
      }
      refuse(fmt::format("expected an ONNX model, found bytes that are none (at byte {})", begin));
    }
    if (field->number == kGraphField) {
      check_entry_count(bytes.substr(reader.position(), field->size_bytes));
    }
    if (field->wire == Wire::kBytes) {
      reader.skip(field->size_bytes);
    }
    if (expected) {
      ++seen[field->number];
    }
    if (seen[kIrVersionField] > 1 || seen[kGraphField] > 1) {
      if (seen[kGraphField] == 0) {
        refuse("expected an ONNX model, found another message (a tensor?)");
      }
      refuse(
          fmt::format("a second model begins at byte {}; expected one model in the file", begin));
    }
  }
  if (seen[kGraphField] == 0) {
    refuse(seen[kIrVersionField] > 0
               ? "the model has no graph; the file is truncated or was never complete"
               : "expected an ONNX model, found a file without a graph");
  }
}

}  // namespace ptq

// Samples from image files: decoded, arranged and scaled as the image spec says. Where the model
// fixes a batch, a sample is that many images. One image is in memory at a time.

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "data/byte_stream.h"
#include "data/findings.h"
#include "data/image_decode.h"
#include "data/image_spec.h"
#include "data/image_tensor.h"
#include "data/sample_reader.h"
#include "ptq/error.h"

namespace ptq {
namespace {

constexpr uint64_t kMaxFileBytes = uint64_t{256} << 20;
constexpr size_t kHeadBytes = size_t{64} << 10;
constexpr size_t kNamedBad = 3;

// The first `limit` bytes of the file, or all of them.
std::vector<uint8_t> read_bytes(const std::filesystem::path& path, uint64_t limit) {
  const uint64_t size = regular_file_size(path);
  if (size > kMaxFileBytes) {
    refuse_data(
        DataFinding::kImpossibleSize, path_text(path),
        fmt::format("expected an image file of at most {} bytes, found {}", kMaxFileBytes, size));
  }
  std::vector<uint8_t> bytes(std::min(size, limit));
  bytes.resize(open_file_stream(path)->read(std::as_writable_bytes(std::span(bytes))));
  return bytes;
}

// Throws what is already known to be wrong with the file. The start of the file nearly always
// suffices; a long header needs all of it.
void check_head(const std::filesystem::path& path) {
  const std::string where = path.string();
  const std::vector<uint8_t> start = read_bytes(path, kHeadBytes);
  try {
    read_image_head({start, where});
  } catch (const Error&) {
    if (start.size() < kHeadBytes) {
      throw;
    }
    read_image_head({read_bytes(path, kMaxFileBytes), where});
  }
}

class ImageReader : public SampleReader {
 public:
  ImageReader(std::vector<DataFile> files, const std::vector<InputSpec>& inputs,
              const DataOptions& options)
      : files_(std::move(files)),
        spec_(load_spec(options)),
        writer_(spec_),
        input_(match_image_input(spec_, options.image_spec, inputs, options.optional_inputs)),
        limit_(options.max_samples > 0 ? static_cast<size_t>(options.max_samples)
                                       : std::numeric_limits<size_t>::max()),
        drop_last_(options.drop_last),
        skip_bad_(options.skip_bad) {
    if (!skip_bad_) {
      const size_t wanted = size() * static_cast<size_t>(input_.batch);
      for (size_t i = 0; i < wanted; ++i) {
        check_head(files_[i].path);
      }
      check_remainder();
    }
  }

  size_t size() const override {
    return std::min(limit_, (files_.size() - bad_) / static_cast<size_t>(input_.batch));
  }

  std::optional<Sample> read() override {
    if (given_ == size()) {
      check_end();
      return std::nullopt;
    }
    Sample sample;
    Tensor tensor(spec_.dtype, spec_.tensor_shape(input_.batch));
    const std::span<std::byte> bytes = tensor.mutable_bytes();
    const size_t image_bytes = bytes.size() / static_cast<size_t>(input_.batch);
    for (int64_t i = 0; i < input_.batch; ++i) {
      const std::optional<size_t> file =
          read_next(bytes.subspan(static_cast<size_t>(i) * image_bytes, image_bytes));
      if (!file) {
        check_end();
        return std::nullopt;
      }
      note_origin(sample, *file, i);
    }
    sample.inputs.emplace(input_.name, std::move(tensor));
    ++given_;
    return sample;
  }

  // Without decoding, unless only that tells which files count.
  bool skip() override {
    if (skip_bad_) {
      return read().has_value();
    }
    if (given_ == size()) {
      return false;
    }
    next_file_ += static_cast<size_t>(input_.batch);
    ++given_;
    return true;
  }

  std::string preprocessing() const override { return canonical_text(spec_); }

  std::vector<std::string> warnings() const override {
    std::vector<std::string> warnings;
    if (bad_ > 0) {
      warnings.push_back(with_code(
          DataFinding::kFilesSkipped,
          fmt::format("{} of {} files were left out (--skip-bad): {}{}", bad_, files_.size(),
                      fmt::join(bad_reasons_, "; "), bad_ > kNamedBad ? "; ..." : "")));
    }
    const size_t good = files_.size() - bad_;
    const size_t batch = static_cast<size_t>(input_.batch);
    if (good % batch != 0 && good / batch < limit_) {
      warnings.push_back(
          with_code(DataFinding::kRowsDropped,
                    fmt::format("{} image(s) that do not fill the batch of the model were left out "
                                "(--drop-last)",
                                good % batch)));
    }
    return warnings;
  }

 private:
  static ImageSpec load_spec(const DataOptions& options) {
    if (options.image_spec.empty()) {
      refuse_image_spec(
          "--image-spec",
          fmt::format("the samples are images: say how the model wants them, --image-spec "
                      "FILE.toml or a preset ({}); ptq guesses no preprocessing",
                      image_preset_names()));
    }
    return load_image_spec(options.image_spec);
  }

  // The next good image into `out`; its file, or nothing at the end.
  std::optional<size_t> read_next(std::span<std::byte> out) {
    while (next_file_ < files_.size()) {
      const size_t file = next_file_++;
      try {
        read_file(files_[file].path, out);
        return file;
      } catch (const Error& error) {
        if (!skip_bad_ || error.code() != ErrorCode::kInput) {
          throw;
        }
        if (++bad_ <= kNamedBad) {
          const std::string reason = error.what();
          bad_reasons_.push_back(reason.substr(0, reason.rfind(" [")));
        }
      }
    }
    return std::nullopt;
  }

  void read_file(const std::filesystem::path& path, std::span<std::byte> out) const {
    const std::vector<uint8_t> bytes = read_bytes(path, kMaxFileBytes);
    const std::string where = path.string();
    const Image image = decode_image({bytes, where}, spec_.exif_orientation);
    try {
      writer_.write(arrange_image(image, spec_), out);
    } catch (Error& error) {
      error.add_context(path_text(path));
      throw;
    }
  }

  // A sample of several images is named after the first and the last; it belongs to their
  // subfolder if that is one and the same.
  void note_origin(Sample& sample, size_t file, int64_t position) const {
    const DataFile& entry = files_[file];
    std::string name = entry.path.filename().string();
    if (!entry.stratum.empty()) {
      name = entry.stratum + "/" + name;
    }
    if (position == 0) {
      sample.origin = std::move(name);
      sample.stratum = entry.stratum;
      sample.sequence = static_cast<int64_t>(file);
      return;
    }
    if (sample.stratum != entry.stratum) {
      sample.stratum.clear();
    }
    if (position + 1 == input_.batch) {
      sample.origin += ".." + name;
    }
  }

  void check_remainder() const {
    const size_t batch = static_cast<size_t>(input_.batch);
    const size_t good = files_.size() - bad_;
    if (good % batch != 0 && !drop_last_ && good / batch < limit_) {
      throw Error(
          ErrorCode::kInput,
          with_code(DataFinding::kRemainder,
                    fmt::format("the model takes {} images at a time, which do not divide the {} "
                                "images; add or remove some, or leave out the last {} with "
                                "--drop-last",
                                batch, good, good % batch)));
    }
    if (good < batch) {
      throw Error(
          ErrorCode::kInput,
          with_code(DataFinding::kRemainder,
                    fmt::format("the model takes {} images at a time, found {}", batch, good)));
    }
  }

  void check_end() const {
    if (!skip_bad_) {
      return;  // checked on opening
    }
    if (bad_ == files_.size()) {
      throw Error(
          ErrorCode::kInput,
          with_code(DataFinding::kNoSamples,
                    fmt::format("no sample is left: {} of {} files were left out (--skip-bad): {}",
                                bad_, files_.size(), fmt::join(bad_reasons_, "; "))));
    }
    check_remainder();
  }

  std::vector<DataFile> files_;
  ImageSpec spec_;
  PixelWriter writer_;
  ImageInput input_;
  size_t limit_;  // samples
  bool drop_last_;
  bool skip_bad_;
  size_t next_file_ = 0;
  size_t given_ = 0;
  size_t bad_ = 0;
  std::vector<std::string> bad_reasons_;  // of the first few
};

}  // namespace

std::unique_ptr<SampleReader> read_images(
    std::vector<DataFile> files,
    // As in the table of formats. NOLINTNEXTLINE(performance-unnecessary-value-param)
    std::vector<InputSpec> inputs, const DataOptions& options) {
  return std::make_unique<ImageReader>(std::move(files), inputs, options);
}

}  // namespace ptq

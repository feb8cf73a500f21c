#include "data/image_decode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/image_fixture.h"
#include "data/image_orientation.h"
#include "data/npy_writer.h"
#include "ptq/error.h"

namespace ptq {
namespace {

using ::testing::AllOf;
using testing::error_of;
using testing::expected_image;
using testing::fixture;
using testing::fixture_bytes;
using ::testing::HasSubstr;
using testing::max_difference;

std::string refusal(const std::vector<uint8_t>& bytes) {
  return error_of([&] { decode_image({bytes, "a.img"}, true); });
}

std::vector<uint8_t> text_bytes(std::string_view text) {
  return {text.begin(), text.end()};
}

TEST(DecodeImage, GivesThePixelsOfPillow) {
  const std::vector<std::string> names = testing::expected_keys("decode/");
  EXPECT_EQ(names.size(), 27U);
  for (const std::string& name : names) {
    EXPECT_EQ(max_difference(fixture(name), expected_image("decode/" + name)), 0) << name;
  }
}

TEST(DecodeImage, OrientsOnlyWhenAsked) {
  const Image stored = fixture("exif_6.jpg", false);
  EXPECT_EQ(stored.width, 14);
  EXPECT_EQ(stored.height, 21);
  EXPECT_EQ(fixture("exif_6.jpg").width, 21);
  // An eXIf chunk in PNG: transposed.
  const Image png = fixture("exif_5.png", false);
  EXPECT_EQ(max_difference(apply_orientation(png, 5), fixture("exif_5.png")), 0);
  EXPECT_EQ(png.width, 14);
}

TEST(DecodeImage, ReadsSizesFromTheHeadAlone) {
  const std::vector<uint8_t> jpeg = fixture_bytes("exif_8.jpg");
  const ImageHead head = read_image_head({std::span(jpeg).first(jpeg.size() - 200), "a.jpg"});
  EXPECT_EQ(head.width, 14);
  EXPECT_EQ(head.height, 21);
  EXPECT_EQ(head.orientation, 8);
  const std::vector<uint8_t> png = fixture_bytes("rgb.png");
  EXPECT_EQ(read_image_head({std::span(png).first(100), "a.png"}).height, 30);
}

TEST(DecodeImage, RefusesEveryTruncation) {
  for (const char* name : {"base.jpg", "progressive.jpg", "cmyk.jpg", "rgb.png", "palette_4.png",
                           "rgb_interlaced.png"}) {
    const std::vector<uint8_t> whole = fixture_bytes(name);
    for (size_t size = 0; size < whole.size(); ++size) {
      const std::vector<uint8_t> part(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
      ASSERT_THAT(refusal(part), HasSubstr("a.img: ")) << name << " cut to " << size;
    }
  }
}

TEST(DecodeImage, IgnoresWhatFollowsTheImage) {
  for (const char* name : {"base.jpg", "rgb.png"}) {
    std::vector<uint8_t> bytes = fixture_bytes(name);
    bytes.insert(bytes.end(), 1000, 0x5a);  // as the video of a motion photo does
    EXPECT_EQ(max_difference(decode_image({bytes, name}, true), fixture(name)), 0);
  }
}

TEST(DecodeImage, NamesWhatTheContentIs) {
  EXPECT_THAT(refusal(fixture_bytes("gif_named.bad")),
              AllOf(HasSubstr("expected a JPEG or PNG image, found a GIF image"),
                    HasSubstr("--skip-bad"), HasSubstr("[PTQ-S030]")));
  EXPECT_THAT(refusal({}), HasSubstr("found an empty file"));
  EXPECT_THAT(refusal(text_bytes("<html>")), HasSubstr("found HTML or XML text"));
  EXPECT_THAT(refusal(text_bytes("II*\0abcd")), HasSubstr("neither"));  // \0 ended the text
  EXPECT_THAT(refusal(text_bytes({"II*\0abcd", 8})), HasSubstr("a TIFF image"));
  EXPECT_THAT(refusal(text_bytes({"\0\0\0\x1c"
                                  "ftypheic",
                                  12})),
              HasSubstr("HEIF"));
  EXPECT_THAT(refusal(text_bytes("name,label\n")), HasSubstr("found neither of them"));
}

TEST(DecodeImage, RefusesKindsThatProgramsReadDifferently) {
  EXPECT_THAT(refusal(fixture_bytes("gray_16.bad")), HasSubstr("16-bit gray"));
  EXPECT_THAT(refusal(fixture_bytes("palette_beyond.bad")), HasSubstr("a pixel has colour"));
}

// Bytes of the first SOF0 marker: FF C0, length, precision, height, width.
void set_jpeg_size(std::vector<uint8_t>& bytes, uint16_t width, uint16_t height) {
  for (size_t i = 0; i + 9 < bytes.size(); ++i) {
    if (bytes[i] == 0xff && bytes[i + 1] == 0xc0) {
      bytes[i + 5] = static_cast<uint8_t>(height >> 8);
      bytes[i + 6] = static_cast<uint8_t>(height);
      bytes[i + 7] = static_cast<uint8_t>(width >> 8);
      bytes[i + 8] = static_cast<uint8_t>(width);
      return;
    }
  }
  FAIL() << "no SOF0";
}

// The IHDR chunk with another size and the checksum (CRC-32 of ISO 3309) that belongs to it.
void set_png_size(std::vector<uint8_t>& bytes, uint32_t width, uint32_t height) {
  const auto put = [&bytes](size_t at, uint32_t value) {
    for (size_t i = 0; i < 4; ++i) {
      bytes[at + i] = static_cast<uint8_t>(value >> (24 - 8 * i));
    }
  };
  put(16, width);
  put(20, height);
  uint32_t crc = 0xffffffffU;
  for (size_t i = 12; i < 29; ++i) {
    crc ^= bytes[i];
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc >> 1) ^ ((crc & 1U) != 0 ? 0xedb88320U : 0U);
    }
  }
  put(29, ~crc);
}

TEST(DecodeImage, RefusesHugeSizesBeforeTakingMemory) {
  std::vector<uint8_t> jpeg = fixture_bytes("base.jpg");
  set_jpeg_size(jpeg, 60000, 60000);
  EXPECT_THAT(refusal(jpeg), HasSubstr("expected at most 67108864 pixels"));
  EXPECT_THAT(error_of([&] { read_image_head({jpeg, "a.img"}); }), HasSubstr("found 60000x60000"));
  set_jpeg_size(jpeg, 0, 30);
  EXPECT_THAT(refusal(jpeg), HasSubstr("a.img: "));
  set_jpeg_size(jpeg, 8000, 8000);  // allowed, but the pixels are not there
  EXPECT_THAT(refusal(jpeg), HasSubstr("damaged or cut off"));

  std::vector<uint8_t> png = fixture_bytes("rgb.png");
  set_png_size(png, 40, 30);
  EXPECT_EQ(png, fixture_bytes("rgb.png"));  // the checksum is right
  set_png_size(png, 60000, 60000);
  EXPECT_THAT(refusal(png), HasSubstr("found 60000x60000"));
  set_png_size(png, 70000, 1);
  EXPECT_THAT(refusal(png), HasSubstr("65535 a side, found 70000x1"));
  set_png_size(png, 0x7fffffff, 0x7fffffff);
  EXPECT_THAT(refusal(png), HasSubstr("found 2147483647x2147483647"));
  set_png_size(png, 40, 31);
  EXPECT_THAT(refusal(png), HasSubstr("damaged or cut off"));
  set_png_size(png, 40, 0);
  EXPECT_THAT(refusal(png), HasSubstr("a.img: "));
}

TEST(DecodeImage, RefusesDamageInside) {
  std::vector<uint8_t> png = fixture_bytes("rgb.png");
  png[png.size() / 2] ^= 1;
  EXPECT_THAT(refusal(png), HasSubstr("the PNG image is damaged or cut off: "));
  std::vector<uint8_t> jpeg = fixture_bytes("base.jpg");
  jpeg.insert(jpeg.end() - 40, {0xff, 0xd3});  // a restart marker that should not be there
  EXPECT_THAT(refusal(jpeg), HasSubstr("the JPEG image is damaged or cut off: "));
}

TEST(DecodeImage, RefusesAChunkLongerThanTheFile) {
  std::vector<uint8_t> png = fixture_bytes("exif_5.png");
  const std::string_view text(reinterpret_cast<const char*>(png.data()), png.size());
  png[text.find("eXIf") - 4] = 0x40;  // the length: a gigabyte
  EXPECT_THAT(refusal(png), HasSubstr("the file ends too early"));
}

TEST(DecodeImage, IgnoresTextThatUnpacksToMuch) {
  // A zTXt chunk in front of IDAT; libpng would unpack it, here it is passed over unread.
  std::vector<uint8_t> png = fixture_bytes("gray.png");
  const std::string chunk("\0\0\0\x04zTXtbomb\0\0\0\0", 16);
  png.insert(png.begin() + 33, chunk.begin(), chunk.end());
  const std::vector<uint8_t> bytes = png;
  EXPECT_EQ(max_difference(decode_image({bytes, "a.png"}, true), fixture("gray.png")), 0);
}

TEST(ToGray, IsThatOfPillow) {
  EXPECT_EQ(max_difference(to_gray(fixture("rgb.png")), expected_image("gray")), 0);
}

// "II" or "MM", one entry in the first directory.
std::vector<uint8_t> exif_block(bool big_endian, uint16_t tag, uint16_t type, uint16_t value) {
  std::vector<uint8_t> bytes;
  const auto put = [&](uint32_t number, int count) {
    for (int i = 0; i < count; ++i) {
      bytes.push_back(static_cast<uint8_t>(number >> 8 * (big_endian ? count - 1 - i : i)));
    }
  };
  put(big_endian ? 0x4d4d : 0x4949, 2);
  put(42, 2);
  put(8, 4);
  put(1, 2);
  put(tag, 2);
  put(type, 2);
  put(1, 4);
  put(value, 2);
  put(0, 2);
  put(0, 4);
  return bytes;
}

TEST(ExifOrientation, ReadsEitherByteOrder) {
  for (const bool big_endian : {false, true}) {
    for (uint16_t value = 1; value <= 8; ++value) {
      EXPECT_EQ(exif_orientation(exif_block(big_endian, 0x0112, 3, value)), value);
    }
  }
}

TEST(ExifOrientation, IsOneWhenItCannotBeRead) {
  EXPECT_EQ(exif_orientation({}), 1);
  EXPECT_EQ(exif_orientation(exif_block(false, 0x0113, 3, 6)), 1);
  EXPECT_EQ(exif_orientation(exif_block(false, 0x0112, 4, 6)), 1);  // not a short
  EXPECT_EQ(exif_orientation(exif_block(true, 0x0112, 3, 0)), 1);
  EXPECT_EQ(exif_orientation(exif_block(true, 0x0112, 3, 9)), 1);
  const std::vector<uint8_t> whole = exif_block(true, 0x0112, 3, 6);
  for (size_t size = 0; size < 20; ++size) {
    EXPECT_EQ(exif_orientation(std::span(whole).first(size)), 1) << size;
  }
  std::vector<uint8_t> far = whole;
  far[4] = 0xff;  // the directory lies beyond the block
  EXPECT_EQ(exif_orientation(far), 1);
}

TEST(ApplyOrientation, TurnsAsExifDefines) {
  Image image(2, 3, 1);  // a b / c d / e f
  image.pixels = {'a', 'b', 'c', 'd', 'e', 'f'};
  const char* expected[] = {"abcdef", "badcfe", "fedcba", "efcdab",
                            "acebdf", "ecafdb", "fdbeca", "bdface"};
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const Image turned = apply_orientation(image, orientation);
    EXPECT_EQ(turned.width, orientation >= 5 ? 3 : 2);
    EXPECT_EQ(std::string(turned.pixels.begin(), turned.pixels.end()), expected[orientation - 1])
        << orientation;
  }
}

}  // namespace
}  // namespace ptq

#include "data/image_spec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/npy_writer.h"
#include "ptq/error.h"

namespace ptq {
namespace {

using ::testing::AllOf;
using testing::error_of;
using ::testing::HasSubstr;

// Everything that has no default.
const std::string kWhole =
    "size = [20, 18]\n"
    "resize = \"stretch\"\n"
    "filter = \"lanczos\"\n"
    "order = \"rgb\"\n"
    "layout = \"nhwc\"\n"
    "dtype = \"float32\"\n"
    "scale = 1\n"
    "mean = 0\n"
    "std = [1, 2.5, 1]\n";

std::string without(const std::string& key) {
  std::string text = "\n" + kWhole;
  const size_t at = text.find("\n" + key + " ");
  text.erase(at, text.find('\n', at + 1) - at);
  return text;
}

std::string refusal(const std::string& text) {
  return error_of([&] { parse_image_spec(text, "s.toml"); }, ErrorCode::kUsage);
}

TEST(ImageSpec, PresetsAreThoseOfTheDocumentation) {
  EXPECT_EQ(canonical_text(find_image_preset("imagenet-torch")->spec),
            "images/1 size=224x224 resize=shortest-side shortest_side=256 filter=bilinear "
            "antialias=true exif_orientation=true order=rgb layout=nchw dtype=float32 "
            "scale=0.00392156862745098 mean=0.485,0.456,0.406 std=0.229,0.224,0.225");
  EXPECT_EQ(canonical_text(find_image_preset("imagenet-tf")->spec),
            "images/1 size=224x224 resize=center-crop crop_fraction=0.875 filter=bilinear "
            "antialias=false exif_orientation=true order=rgb layout=nhwc dtype=float32 scale=1 "
            "mean=127.5,127.5,127.5 std=127.5,127.5,127.5");
  EXPECT_EQ(canonical_text(find_image_preset("yolo")->spec),
            "images/1 size=640x640 resize=letterbox filter=bilinear antialias=false "
            "pad_color=114,114,114 placement=center fit_rounding=nearest enlarge=true "
            "exif_orientation=true order=rgb layout=nchw dtype=float32 scale=0.00392156862745098 "
            "mean=0,0,0 std=1,1,1");
  for (const ImagePreset& preset : image_presets()) {
    const ImageSpec spec = parse_image_spec("preset = \"" + std::string(preset.name) + "\"", "s");
    EXPECT_EQ(canonical_text(spec), canonical_text(preset.spec));
    check_image_spec(preset.spec, preset.name);
  }
}

TEST(ImageSpec, ReadsEveryKey) {
  const ImageSpec spec = parse_image_spec(
      "input = \"pixels\"\nsize = [20, 18]\nresize = \"letterbox\"\nfilter = \"bilinear\"\n"
      "antialias = false\npad_color = [1, 2, 3]\nplacement = \"top-left\"\n"
      "fit_rounding = \"down\"\nenlarge = false\nexif_orientation = false\norder = \"bgr\"\n"
      "layout = \"nhwc\"\ndtype = \"float32\"\nscale = \"1/255\"\nmean = [0.5, 0, -1]\n"
      "std = 2\n",
      "s.toml");
  EXPECT_EQ(spec.input, "pixels");
  EXPECT_EQ(canonical_text(spec),
            "images/1 size=18x20 resize=letterbox filter=bilinear antialias=false "
            "pad_color=1,2,3 placement=top-left fit_rounding=down enlarge=false "
            "exif_orientation=false order=bgr layout=nhwc dtype=float32 "
            "scale=0.00392156862745098 mean=0.5,0,-1 std=2,2,2");
  EXPECT_EQ(spec.scale, 1.0 / 255.0);
  EXPECT_EQ(spec.tensor_shape(4), (Shape{4, 20, 18, 3}));
  const ImageSpec gray = parse_image_spec(
      "size = 8\nresize = \"none\"\norder = \"gray\"\nlayout = \"nchw\"\ndtype = \"uint8\"\n", "s");
  EXPECT_EQ(canonical_text(gray),
            "images/1 size=8x8 resize=none exif_orientation=true order=gray layout=nchw "
            "dtype=uint8");
  EXPECT_EQ(gray.tensor_shape(1), (Shape{1, 1, 8, 8}));
}

TEST(ImageSpec, OverridesAPreset) {
  const ImageSpec spec =
      parse_image_spec("preset = \"imagenet-tf\"\nmean = 127\nstd = 128\n", "s.toml");
  EXPECT_EQ(spec.mean[2], 127.0);
  EXPECT_EQ(spec.std[0], 128.0);
  EXPECT_EQ(spec.crop_fraction, 0.875);
  // Another way of resizing needs what the preset does not say.
  EXPECT_THAT(refusal("preset = \"imagenet-torch\"\nresize = \"letterbox\"\n"),
              HasSubstr("the key 'pad_color' is missing, which resize = \"letterbox\" needs"));
  EXPECT_EQ(parse_image_spec("preset = \"yolo\"\nresize = \"stretch\"\n", "s").width, 640);
}

TEST(ImageSpec, AsksForChannelValuesAgainInAnotherOrder) {
  EXPECT_THAT(refusal("preset = \"imagenet-torch\"\norder = \"bgr\"\n"),
              HasSubstr("the key 'mean' is missing"));
  EXPECT_THAT(refusal("preset = \"imagenet-torch\"\norder = \"gray\"\nmean = 0.45\n"),
              HasSubstr("the key 'std' is missing"));
  // Equal for all channels, so the order does not matter.
  EXPECT_EQ(parse_image_spec("preset = \"yolo\"\norder = \"bgr\"\n", "s").order,
            ChannelOrder::kBgr);
}

TEST(ImageSpec, RequiresWhatHasNoDefault) {
  EXPECT_EQ(parse_image_spec(kWhole, "s").std[1], 2.5);
  for (const char* key :
       {"size", "resize", "filter", "order", "layout", "dtype", "scale", "mean", "std"}) {
    EXPECT_THAT(refusal(without(key)),
                HasSubstr("s.toml: the key '" + std::string(key) + "' is missing"));
  }
  EXPECT_THAT(refusal(""), HasSubstr("the key 'size' is missing; nothing is guessed"));
}

TEST(ImageSpec, RefusesWithLineAndColumn) {
  const auto changed = [](const std::string& key, const std::string& value) {
    return refusal(without(key).substr(1) + key + " = " + value + "\n");
  };
  EXPECT_THAT(refusal(kWhole + "reszie = 3\n"),
              HasSubstr("s.toml:10:1: unknown key 'reszie'; did you mean 'resize'?"));
  EXPECT_THAT(refusal(kWhole + "[extra]\nx = 1\n"),
              HasSubstr("s.toml:10:1: expected 'key = value', found a table"));
  EXPECT_THAT(refusal(kWhole + "something = 1\n"),
              HasSubstr("'something'; the keys are input, size"));
  EXPECT_THAT(changed("size", "\"224\""),
              HasSubstr("s.toml:9:8: key 'size': expected a whole number from 1 to 16384, found "
                        "'224'"));
  EXPECT_THAT(changed("size", "[224, 0]"), HasSubstr("s.toml:9:14"));
  EXPECT_THAT(changed("size", "[1, 2, 3]"), HasSubstr("or [height, width]"));
  EXPECT_THAT(changed("size", "224.0"), HasSubstr("found 224"));
  EXPECT_THAT(changed("resize", "\"strech\""), HasSubstr("one of \"none\", \"stretch\""));
  EXPECT_THAT(changed("filter", "true"), HasSubstr("found true"));
  EXPECT_THAT(changed("scale", "0"), HasSubstr("positive number or a fraction"));
  EXPECT_THAT(changed("scale", "\"1/0\""), HasSubstr("fraction"));
  EXPECT_THAT(changed("scale", "\"1/2/3\""), HasSubstr("fraction"));
  EXPECT_THAT(changed("scale", "\"1\""), HasSubstr("fraction"));
  EXPECT_THAT(changed("scale", "nan"), HasSubstr("fraction"));
  EXPECT_THAT(changed("mean", "[1, 2]"), HasSubstr("a list of 3 (order = \"rgb\")"));
  EXPECT_THAT(changed("mean", "inf"), HasSubstr("expected a number"));
  EXPECT_THAT(changed("std", "[1, 0, 1]"), HasSubstr("s.toml:9:11"));
  EXPECT_THAT(refusal(kWhole + "crop_fraction = 0.5\n"),
              HasSubstr("s.toml:10:17: key 'crop_fraction' has no meaning here: it goes with "
                        "resize = \"center-crop\""));
  EXPECT_THAT(refusal(kWhole + "size = 3\n"), AllOf(HasSubstr("s.toml:10:"), HasSubstr("TOML")));
  EXPECT_THAT(refusal("size = [1,\n"), HasSubstr("no valid TOML"));
  EXPECT_THAT(refusal("preset = \"imagenet\"\n"), HasSubstr("s.toml:1:10"));
  EXPECT_THAT(refusal("size\x1b[31m = 3\n"), HasSubstr("s.toml:1:"));
}

TEST(ImageSpec, IsPlainToml) {
  EXPECT_EQ(
      parse_image_spec("\xef\xbb\xbf# gr\xc3\xb6\xc3\x9f\x65\n  # \"\"\" [x]\r\n" + kWhole, "s")
          .width,
      18);
  EXPECT_EQ(parse_image_spec("input = \"gr\\u00f6sse\"\n" + kWhole, "s").input, "gr\xc3\xb6sse");
  EXPECT_THAT(refusal("input = \"gr\xc3\xb6sse\"\n" + kWhole),
              HasSubstr("s.toml:1:12: expected ASCII characters"));
  EXPECT_EQ(parse_image_spec("input = \"a\\\"}#{\"\n" + kWhole, "s").input, "a\"}#{");
  EXPECT_THAT(refusal(kWhole + "input \xef\xb9\xbf= 3\n"),
              HasSubstr("s.toml:10:7: expected ASCII"));
  EXPECT_THAT(refusal(kWhole + "input = \"\"\"x\"\"\"\n"),
              HasSubstr("s.toml:10:9: expected a text on"));
  EXPECT_THAT(refusal("size = [}20, 3]"), HasSubstr("s.toml:1:9: expected no inline table"));
  EXPECT_THAT(refusal("[[[preset"), HasSubstr("s.toml:1:1: expected"));
  EXPECT_THAT(refusal(kWhole + "\n \t[[override]]\nx = 1\n"), HasSubstr("s.toml:11:3: expected"));
  EXPECT_EQ(parse_image_spec("preset = \"yolo\"\nsize = [\n 32,\n 64 ]\n", "s").width, 64);
}

TEST(ImageSpec, RefusesWhatOnlyAllKeysTell) {
  EXPECT_THAT(refusal("preset = \"imagenet-torch\"\nsize = 299\n"),
              HasSubstr("expected a shortest_side of at least 299"));
  EXPECT_THAT(refusal(kWhole + "antialias = false\n"), HasSubstr("goes with filter \"bilinear\""));
  EXPECT_THAT(refusal("preset = \"yolo\"\nscale = 1e30\nstd = 1e-30\n"), HasSubstr("no float32"));
  EXPECT_THAT(refusal("preset = \"yolo\"\ndtype = \"uint8\"\nmean = 1\n"),
              HasSubstr("goes with dtype = \"float32\""));
}

TEST(ImageSpec, LoadsAPresetOrAFile) {
  EXPECT_EQ(load_image_spec("yolo").height, 640);
  testing::TempFolder folder;
  testing::write_file(folder / "a.toml", kWhole);
  EXPECT_EQ(load_image_spec((folder / "a.toml").string()).height, 20);
  const auto refusal_of = [](const std::string& path) {
    return error_of([&] { load_image_spec(path); }, ErrorCode::kUsage);
  };
  EXPECT_THAT(refusal_of("imagenet-trch"), HasSubstr("did you mean 'imagenet-torch'?"));
  EXPECT_THAT(refusal_of(folder.path().string()), HasSubstr("found a folder"));
  testing::write_file(folder / "b.toml", std::string(70000, '#'));
  EXPECT_THAT(refusal_of((folder / "b.toml").string()), HasSubstr("at most 65536 bytes"));
}

TEST(ImageInput, MustBeWhatTheSpecGives) {
  const ImageSpec& torch = find_image_preset("imagenet-torch")->spec;
  const auto match = [&](std::vector<InputSpec> inputs, std::vector<std::string> optional = {}) {
    return match_image_input(torch, "imagenet-torch", inputs, optional);
  };
  const auto mismatch = [&](const std::vector<InputSpec>& inputs) {
    return error_of([&] { match(inputs); }, ErrorCode::kUsage);
  };
  EXPECT_EQ(match({{"x", DType::kFloat, {-1, 3, 224, 224}}}).batch, 1);
  EXPECT_EQ(match({{"x", DType::kFloat, {8, 3, -1, -1}}}).batch, 8);
  EXPECT_EQ(match({{"x", DType::kUndefined, {}, false}}).name, "x");
  EXPECT_THAT(mismatch({{"x", DType::kFloat, {1, 224, 224, 3}}}),
              AllOf(HasSubstr("gives float32 [1,3,224,224] (nchw, height 224, width 224)"),
                    HasSubstr("wants 'x' (float32 [1,224,224,3])")));
  EXPECT_THAT(mismatch({{"x", DType::kUint8, {1, 3, 224, 224}}}), HasSubstr("wants 'x' (uint8"));
  EXPECT_THAT(mismatch({{"x", DType::kFloat, {1, 3, 192, 224}}}), HasSubstr("[1,3,192,224]"));
  EXPECT_THAT(mismatch({{"x", DType::kFloat, {3, 224, 224}}}), HasSubstr("[3,224,224]"));
  EXPECT_THAT(mismatch({{"x", DType::kFloat, {1, 3, 224, 224}}, {"size", DType::kInt64, {2}}}),
              HasSubstr("the model also takes 'size' (int64 [2])"));
  EXPECT_EQ(
      match({{"h", DType::kFloat, {1, 8}}, {"x", DType::kFloat, {1, 3, 224, 224}}}, {"h"}).name,
      "x");
  ImageSpec named = torch;
  named.input = "pixels";
  const std::vector<InputSpec> inputs = {{"x", DType::kFloat, {-1, 3, 224, 224}}};
  EXPECT_THAT(error_of([&] { match_image_input(named, "a", inputs, {}); }, ErrorCode::kUsage),
              HasSubstr("no input 'pixels'; its inputs are 'x'"));
}

}  // namespace
}  // namespace ptq

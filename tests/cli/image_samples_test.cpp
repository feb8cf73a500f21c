// Folders of images as samples, with --image-spec, by the program.

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cli/run_ptq.h"
#include "data/npy_writer.h"

namespace ptq::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

const std::string kModel = data_file("fashion_resnet.onnx");  // [N,1,28,28]

class ImageSamples : public ::testing::Test {
 protected:
  ImageSamples() {
    fs::create_directory(photos_);
    for (const char* name : {"base.jpg", "exif_6.jpg", "rgba.png", "palette_4.png"}) {
      fs::copy_file(fixture(name), photos_ / name);
    }
    write_file(spec_,
               "size = 28\nresize = \"stretch\"\nfilter = \"bicubic\"\norder = \"gray\"\n"
               "layout = \"nchw\"\ndtype = \"float32\"\nscale = 1\nmean = 0\nstd = 1\n");
  }

  static fs::path fixture(const std::string& name) {
    return fs::path(PTQ_SOURCE_DIR) / "tests/data/images" / name;
  }

  ProgramRun run(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--data", photos_.string()});
    return run_ptq(arguments, folder_.path());
  }

  TemporaryFolder folder_;
  fs::path photos_ = fs::path(folder_.file("photos"));
  fs::path spec_ = fs::path(folder_.file("spec.toml"));
};

TEST_F(ImageSamples, CalibrateAModel) {
  const fs::path stats = fs::path(folder_.file("m.ptqstats"));
  const ProgramRun done =
      run({"calibrate", kModel, "--image-spec", spec_.string(), "-o", stats.string()});
  EXPECT_EQ(done.exit_code, 0) << done.err;
  EXPECT_THAT(done.out, HasSubstr("4 samples"));
  EXPECT_TRUE(fs::exists(stats));
}

TEST_F(ImageSamples, AreCheckedWithoutTheModelRunning) {
  const ProgramRun done =
      run({"data", "check", kModel, "--image-spec", spec_.string(), "--format", "json"});
  ASSERT_EQ(done.exit_code, 0) << done.err;
  const nlohmann::json document = nlohmann::json::parse(done.out);
  EXPECT_EQ(document["summary"]["samples"], 4);
  EXPECT_THAT(done.out, HasSubstr("images/1 size=28x28 resize=stretch filter=bicubic "
                                  "antialias=true exif_orientation=true order=gray layout=nchw "
                                  "dtype=float32 scale=1 mean=0 std=1"));
}

TEST_F(ImageSamples, ExitCodesTellWhatIsWrong) {
  const ProgramRun no_spec = run({"data", "check", kModel});
  EXPECT_EQ(no_spec.exit_code, 2);
  EXPECT_THAT(no_spec.err + no_spec.out, HasSubstr("ptq guesses no preprocessing [PTQ-S031]"));

  const ProgramRun other_size = run({"data", "check", kModel, "--image-spec", "imagenet-torch"});
  EXPECT_EQ(other_size.exit_code, 2);
  EXPECT_THAT(other_size.err + other_size.out, HasSubstr("gives float32 [1,3,224,224]"));

  write_file(fs::path(folder_.file("bad.toml")), "preset = \"yolo\"\nsise = 28\n");
  const ProgramRun bad_spec =
      run({"data", "check", kModel, "--image-spec", (fs::path(folder_.file("bad.toml"))).string()});
  EXPECT_EQ(bad_spec.exit_code, 2);
  EXPECT_THAT(bad_spec.err + bad_spec.out,
              HasSubstr("bad.toml:2:1: unknown key 'sise'; did you mean 'size'?"));

  fs::copy_file(fixture("gif_named.bad"), photos_ / "cat.jpg");
  const ProgramRun bad_image = run({"data", "check", kModel, "--image-spec", spec_.string()});
  EXPECT_EQ(bad_image.exit_code, 3);
  EXPECT_THAT(bad_image.err + bad_image.out,
              AllOf(HasSubstr("cat.jpg: expected a JPEG or PNG image, found a GIF image"),
                    HasSubstr("[PTQ-S030]")));

  const ProgramRun skipped =
      run({"data", "check", kModel, "--image-spec", spec_.string(), "--skip-bad"});
  EXPECT_EQ(skipped.exit_code, 0) << skipped.err;
  EXPECT_THAT(skipped.out, AllOf(HasSubstr("4 samples"), HasSubstr("1 of 5 files were left out")));
}

}  // namespace
}  // namespace ptq::testing

#include "data/box_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/npy_writer.h"
#include "ptq/error.h"

namespace ptq {
namespace {

using ::ptq::testing::error_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class BoxTableTest : public ::testing::Test {
 protected:
  BoxTable table(std::string_view text) {
    testing::write_file(folder_ / "b.csv", text);
    return read_box_table(folder_ / "b.csv");
  }
  std::string refusal(std::string_view text) {
    return error_of([&] { table(text); });
  }

  testing::TempFolder folder_;
};

TEST_F(BoxTableTest, CollectsTheBoxesOfEachFile) {
  const BoxTable boxes = table(
      "file,score,cls,x1,y1,x2,y2\n"
      "images/a.jpg,1,58,154.0,92.3,170.1,137.4\n"
      "b.jpg,1,0,1,2,3,4\n"
      "images/a.jpg,1,2,0,0,5,6\n"
      "empty.jpg,,,,,,\n");
  const Tensor a = boxes.of("other/a.jpg", 9);
  EXPECT_EQ(a.shape(), (Shape{2, 5}));
  EXPECT_THAT(a.data<float>(),
              ElementsAre(58.0F, 154.0F, 92.3F, 170.1F, 137.4F, 2.0F, 0.0F, 0.0F, 5.0F, 6.0F));
  EXPECT_EQ(boxes.of("b.jpg", 0).shape(), (Shape{1, 5}));
  EXPECT_EQ(boxes.of("empty.jpg", 0).shape(), (Shape{0, 5}));
  EXPECT_TRUE(boxes.names("empty.jpg", 0));
  EXPECT_FALSE(boxes.names("c.jpg", 0));
}

TEST_F(BoxTableTest, MayCountSamples) {
  const BoxTable boxes = table("sample,class,x1,y1,x2,y2\n3,1,0,0,1,1\n");
  EXPECT_EQ(boxes.of("whatever", 3).shape(), (Shape{1, 5}));
  EXPECT_EQ(boxes.of("whatever", 2).shape(), (Shape{0, 5}));
}

TEST_F(BoxTableTest, RefusesWhatItCannotUnderstand) {
  EXPECT_THAT(refusal("file,x1,y1,x2,y2\n"), HasSubstr("expected a first line that names"));
  EXPECT_THAT(refusal("file,class,x1,y1,x2,y2\n"), HasSubstr("no boxes in the file"));
  EXPECT_THAT(refusal("file,class,x1,y1,x2,y2\na,1,0,0,1\n"), HasSubstr("line 2: expected 6"));
  EXPECT_THAT(refusal("file,class,x1,y1,x2,y2\na,1,0,0,1,q\n"), HasSubstr("found 'q'"));
  EXPECT_THAT(refusal("file,class,x1,y1,x2,y2\na,1,5,0,1,1\n"), HasSubstr("x1 < x2"));
  EXPECT_THAT(refusal("file,class,x1,y1,x2,y2\na,1.5,0,0,1,1\n"), HasSubstr("a class from 0 on"));
  EXPECT_THAT(refusal("file,class,x1,y1,x2,y2\na,-1,0,0,1,1\n"), HasSubstr("a class from 0 on"));
  EXPECT_THAT(refusal("\n"), HasSubstr("no boxes in the file"));
}

}  // namespace
}  // namespace ptq

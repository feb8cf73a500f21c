// Lists that name single samples of files, and lists written of what was chosen.

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/npy_writer.h"
#include "data/sample_list.h"
#include "data/sample_source.h"
#include "ptq/error.h"

namespace ptq {
namespace {

namespace fs = std::filesystem;
using ::ptq::testing::error_of;
using ::ptq::testing::npy;
using ::ptq::testing::write_file;
using ::ptq::testing::write_npz;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::vector<InputSpec> kInputs = {{"x", DType::kFloat, {-1, 1}}};

class RowReaderTest : public ::testing::Test {
 protected:
  // `count` samples, 100 · `number` and up.
  void make(const std::string& name, int number, int64_t count) {
    const fs::path path = folder_ / name;
    fs::create_directories(path.parent_path());
    std::vector<float> values;
    for (int64_t i = 0; i < count; ++i) {
      values.push_back(static_cast<float>(100 * number + i));
    }
    write_npz(path, {{"x", npy<float>({count, 1}, values)}});
  }

  std::string argument(const std::string& name, const std::string& lines) {
    write_file(folder_ / name, lines);
    return "@" + (folder_ / name).string();
  }

  std::vector<Sample> read(const std::vector<std::string>& data, const DataOptions& options = {}) {
    const auto source = open_data(data, kInputs, options);
    std::vector<Sample> samples;
    while (std::optional<Sample> sample = source->next()) {
      samples.push_back(std::move(*sample));
    }
    EXPECT_EQ(source->size(), samples.size());
    return samples;
  }

  static std::vector<float> values(const std::vector<Sample>& samples) {
    std::vector<float> out;
    for (const Sample& sample : samples) {
      out.push_back(sample.inputs.at("x").data<float>()[0]);
    }
    return out;
  }

  testing::TempFolder folder_;
};

TEST_F(RowReaderTest, ReadsTheSamplesThatTheLinesName) {
  make("d/a.npz", 1, 5);
  make("d/b.npz", 2, 3);
  const std::vector<Sample> samples =
      read({argument("l.txt", "d/a.npz#4\nd/a.npz#1\nd/a.npz#3\nd/b.npz\nd/a.npz#0\n")});
  EXPECT_THAT(values(samples), ElementsAre(104, 101, 103, 200, 201, 202, 100));
  EXPECT_EQ(samples[0].origin, "a.npz[4]");
  EXPECT_EQ(samples[0].stratum, "d");
  // A state begins anew with each line.
  EXPECT_THAT((std::vector<int64_t>{samples[0].sequence, samples[1].sequence, samples[2].sequence,
                                    samples[3].sequence, samples[5].sequence, samples[6].sequence}),
              ElementsAre(0, 1, 2, 3, 3, 4));
}

TEST_F(RowReaderTest, CountsAndSkips) {
  make("a.npz", 1, 5);
  const std::string list = argument("l.txt", "a.npz#1\na.npz\n");
  EXPECT_THAT(values(read({list}, {.max_samples = 3})), ElementsAre(101, 100, 101));
  const auto source = open_data({list}, kInputs, {});
  source->skip();
  EXPECT_EQ(source->next()->inputs.at("x").data<float>()[0], 100.0F);
}

TEST_F(RowReaderTest, ReadsLinesOfTokens) {
  write_file(folder_ / "t.jsonl", "{\"x\":[1]}\n{\"x\":[2]}\n{\"x\":[3]}\n");
  const auto source = open_data({argument("l.txt", "t.jsonl#2\nt.jsonl#0\n")},
                                {{"x", DType::kInt64, {-1, -1}}}, {});
  EXPECT_EQ(source->next()->inputs.at("x").data<int64_t>()[0], 3);
  EXPECT_EQ(source->next()->inputs.at("x").data<int64_t>()[0], 1);
  EXPECT_FALSE(source->next().has_value());
}

TEST_F(RowReaderTest, AFileOfThatVeryNameComesFirst) {
  make("a#1.npz", 3, 2);
  make("a.npz#1", 4, 2);  // no extension that ptq knows
  make("a.npz", 1, 5);
  EXPECT_THAT(values(read({argument("l.txt", "a#1.npz#1\n")})), ElementsAre(301));
  EXPECT_THAT(error_of([&] { read({argument("m.txt", "a.npz#1\n")}); }), HasSubstr("PTQ-S002"));
}

TEST_F(RowReaderTest, RefusesRowsThatAreNotThere) {
  make("a.npz", 1, 5);
  EXPECT_THAT(error_of([&] { read({argument("l.txt", "a.npz#5\n")}); }),
              AllOf(HasSubstr("names sample #5, the file holds 5"), HasSubstr("PTQ-S005")));
  for (const std::string row : {"#x", "#-1", "#", "#1x", "#99999999999999999999999"}) {
    EXPECT_THAT(error_of([&] { read({argument("l.txt", "a.npz" + row + "\n")}); }),
                HasSubstr("no such file"))
        << row;
  }
  fs::create_directories(folder_ / "p.jpg");
  fs::remove(folder_ / "p.jpg");
  write_file(folder_ / "p.jpg", "x");
  DataOptions options;
  options.image_spec = "imagenet-torch";
  EXPECT_THAT(error_of([&] { read({argument("l.txt", "p.jpg#0\n")}, options); }),
              HasSubstr("leave #K out"));
}

class SampleListTest : public RowReaderTest {
 protected:
  SampleList list(const std::string& pool, const std::vector<PoolPlace>& places,
                  const std::string& at, const DataOptions& options = {}) {
    return list_of_samples({(folder_ / pool).string()}, {"x"}, options, places, folder_ / at);
  }
};

TEST_F(SampleListTest, WrittenAndReadGivesTheSamplesChosen) {
  make("pool/a/1.npz", 1, 4);
  make("pool/b/2.npz", 2, 1);
  const std::vector<PoolPlace> places = {{0, 1, false, "a"}, {0, 3, false, "a"}, {1, 0, true, "b"}};
  const SampleList inside = list("pool", places, "pool/chosen.txt");
  EXPECT_EQ(inside.text, "a/1.npz#1\na/1.npz#3\nb/2.npz\n");
  EXPECT_FALSE(inside.strata_change);
  const std::vector<Sample> samples = read({argument("pool/chosen.txt", inside.text)});
  EXPECT_THAT(values(samples), ElementsAre(101, 103, 200));
  EXPECT_EQ(samples[2].stratum, "b");

  fs::create_directories(folder_ / "lists");
  const SampleList outside = list("pool", places, "lists/chosen.txt");
  EXPECT_EQ(outside.text, "../pool/a/1.npz#1\n../pool/a/1.npz#3\n../pool/b/2.npz\n");
  EXPECT_TRUE(outside.strata_change);
  EXPECT_THAT(values(read({argument("lists/chosen.txt", outside.text)})),
              ElementsAre(101, 103, 200));
}

// With --samples the one sample read may be the first of several.
TEST_F(SampleListTest, NamesTheRowWhereThePoolIsCut) {
  make("pool/1.npz", 1, 4);
  EXPECT_EQ(list("pool", {{0, 0, true, ""}}, "l.txt", {.max_samples = 1}).text, "pool/1.npz#0\n");
}

TEST_F(SampleListTest, ChoosesFromAListOfRows) {
  make("1.npz", 1, 9);
  argument("pool.txt", "1.npz#8\n1.npz#2\n");
  const SampleList out = list_of_samples({"@" + (folder_ / "pool.txt").string()}, {"x"}, {},
                                         {{1, 0, true, ""}}, folder_ / "l.txt");
  EXPECT_EQ(out.text, "1.npz#2\n");
}

TEST_F(SampleListTest, RefusesWhatNoListCanName) {
  make("#1.npz", 1, 1);
  EXPECT_EQ(list("#1.npz", {{0, 0, true, ""}}, "l.txt").text, "./#1.npz\n");
  make("line\nbreak.npz", 1, 1);
  EXPECT_THAT(error_of([&] {
                list("line\nbreak.npz", {{0, 0, true, ""}}, "l.txt");
              }),
              HasSubstr("line break"));
  write_file(folder_ / "x.npy", npy<float>({2, 1}, {1, 2}));
  EXPECT_THAT(error_of(
                  [&] {
                    list_of_samples({"x=" + (folder_ / "x.npy").string()}, {"x"}, {},
                                    {{0, 0, false, ""}}, folder_ / "l.txt");
                  },
                  ErrorCode::kUsage),
              HasSubstr("cannot name samples of INPUT=FILE"));
}

}  // namespace
}  // namespace ptq

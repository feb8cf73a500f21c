// Calibrations that are interrupted or killed, and those of several machines.

#include <csignal>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/random_images.h"
#include "cli/run_ptq.h"

namespace ptq::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

const std::string kModel = data_file("fashion_resnet.onnx");

// `ptq calibrate MODEL --data many …` in a process of its own, with its stderr at hand.
class Child {
 public:
  Child(const std::string& folder, std::vector<std::string> further) {
    int channel[2];
    EXPECT_EQ(pipe(channel), 0);
    std::vector<std::string> words = {PTQ_CLI, "calibrate", kModel, "--data", "many"};
    words.insert(words.end(), further.begin(), further.end());
    pid_ = fork();
    if (pid_ == 0) {
      std::vector<char*> arguments;
      for (std::string& word : words) {
        arguments.push_back(word.data());
      }
      arguments.push_back(nullptr);
      if (dup2(channel[1], STDERR_FILENO) >= 0 && chdir(folder.c_str()) == 0) {
        close(channel[0]);
        execv(PTQ_CLI, arguments.data());
      }
      _exit(127);
    }
    close(channel[1]);
    stderr_ = channel[0];
  }
  ~Child() { close(stderr_); }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // Until it says how far it is, so that it is at work.
  void wait_for_progress() {
    char byte = 0;
    while (said_.find("calibrating") == std::string::npos && read(stderr_, &byte, 1) == 1) {
      said_ += byte;
    }
  }
  // 128 + signal when it died of one.
  int signal_and_wait(int signal) {
    kill(pid_, signal);
    char byte = 0;
    while (read(stderr_, &byte, 1) == 1) {
      said_ += byte;
    }
    int status = 0;
    waitpid(pid_, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  const std::string& said() const { return said_; }

 private:
  pid_t pid_ = -1;
  int stderr_ = -1;
  std::string said_;
};

std::vector<std::string> to_file(const std::string& output, std::vector<std::string> further = {}) {
  further.insert(further.end(), {"-o", output});
  return further;
}

ProgramRun calibrate(const TemporaryFolder& folder, const std::string& output,
                     const std::vector<std::string>& further = {}) {
  std::vector<std::string> words = {"calibrate", kModel, "--data", "many"};
  for (const std::string& word : to_file(output, further)) {
    words.push_back(word);
  }
  return run_ptq(words, folder.path());
}

TEST(LongRuns, AnInterruptLeavesACheckpointAndNothingElse) {
  const TemporaryFolder folder;
  write_batches(folder.file("many"), random_images(4000), 2000);
  ASSERT_EQ(calibrate(folder, "whole.ptqstats").exit_code, 0);
  for (const auto& [signal, code] : {std::pair(SIGTERM, 143), std::pair(SIGINT, 130)}) {
    Child child(folder.path(), to_file("s.ptqstats", {"--threads", "1"}));
    child.wait_for_progress();
    EXPECT_EQ(child.signal_and_wait(signal), code);
    EXPECT_THAT(child.said(), AllOf(HasSubstr("interrupted after"), HasSubstr("--resume")));
    EXPECT_EQ(folder.list(),
              (std::vector<std::string>{"many", "s.ptqstats.checkpoint", "whole.ptqstats"}));
    const ProgramRun early =
        run_ptq({"quantize", kModel, "--stats", "s.ptqstats.checkpoint"}, folder.path());
    EXPECT_EQ(early.exit_code, 3);
    EXPECT_THAT(early.err, HasSubstr("unfinished"));
    ASSERT_EQ(calibrate(folder, "s.ptqstats", {"--resume"}).exit_code, 0);
    EXPECT_EQ(folder.list(), (std::vector<std::string>{"many", "s.ptqstats", "whole.ptqstats"}));
    EXPECT_EQ(read_file(folder.file("s.ptqstats")), read_file(folder.file("whole.ptqstats")));
    std::filesystem::remove(folder.file("s.ptqstats"));
  }
}

TEST(LongRuns, KilledAgainAndAgainItArrivesAtTheSameBytes) {
  const TemporaryFolder folder;
  write_batches(folder.file("many"), random_images(3000), 700);
  ASSERT_EQ(calibrate(folder, "whole.ptqstats").exit_code, 0);
  std::mt19937 random(std::random_device{}());
  int killed = 0;
  int code = -1;
  while (code != 0) {
    ASSERT_LT(killed, 200) << "it gets nowhere";
    Child child(folder.path(), to_file("s.ptqstats", {"--checkpoint-every", "50", "--resume"}));
    // Longer from time to time, so that a slow machine gets there too.
    const auto longest = static_cast<unsigned>(20000 + 20000 * killed);
    usleep(static_cast<unsigned>(random()) % longest);
    code = child.signal_and_wait(SIGKILL);
    ASSERT_TRUE(code == 0 || code == 128 + SIGKILL) << code << child.said();
    killed += code == 0 ? 0 : 1;
    if (code != 0 && std::filesystem::exists(folder.file("s.ptqstats"))) {
      break;  // killed behind the last step
    }
  }
  EXPECT_GT(killed, 0);
  EXPECT_EQ(read_file(folder.file("s.ptqstats")), read_file(folder.file("whole.ptqstats")));
}

TEST(LongRuns, ShardsMergeToTheBytesOfOneRun) {
  const TemporaryFolder folder;
  write_batches(folder.file("many"), random_images(31), 7);
  ASSERT_EQ(calibrate(folder, "whole.ptqstats").exit_code, 0);
  for (const std::string shard : {"0", "1", "2"}) {
    ASSERT_EQ(calibrate(folder, "part" + shard, {"--shard", shard + "/3"}).exit_code, 0);
  }
  const auto merge = [&](std::vector<std::string> words) {
    words.insert(words.begin(), "merge");
    return run_ptq(words, folder.path());
  };
  ASSERT_EQ(merge({"part2", "part0", "part1", "-o", "merged"}).exit_code, 0);
  EXPECT_EQ(read_file(folder.file("merged")), read_file(folder.file("whole.ptqstats")));
  const ProgramRun missing = merge({"part2", "part0", "-o", "two"});
  EXPECT_EQ(missing.exit_code, 3);
  EXPECT_THAT(missing.err, HasSubstr("1/3 missing"));
  EXPECT_EQ(merge({"part2", "part0", "-o", "two", "--partial"}).exit_code, 0);
  const ProgramRun partial = run_ptq({"diagnose", kModel, "--stats", "two"}, folder.path());
  EXPECT_EQ(partial.exit_code, 0);
  EXPECT_THAT(partial.err, HasSubstr("2 of 3 shards"));
  EXPECT_EQ(merge({"part0", "part0", "-o", "twice"}).exit_code, 3);
  EXPECT_EQ(merge({"part0", "part1", "-o", "part0", "--force"}).exit_code, 2) << "output is input";
  EXPECT_EQ(calibrate(folder, "bad", {"--shard", "3/3"}).exit_code, 2);
}

TEST(LongRuns, StatisticsOfAnotherModelNeedAWord) {
  const TemporaryFolder folder;
  write_batches(folder.file("many"), random_images(20), 20);
  ASSERT_EQ(calibrate(folder, "s.ptqstats").exit_code, 0);
  // The same graph under other weights: what a model is after some more training.
  const std::string other = folder.write("other.onnx", [] {
    std::string bytes = read_file(kModel);
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
    return bytes;
  }());
  const ProgramRun refused =
      run_ptq({"quantize", other, "--stats", "s.ptqstats", "-o", "q.onnx"}, folder.path());
  EXPECT_EQ(refused.exit_code, 3) << refused.err;
  EXPECT_THAT(refused.err, HasSubstr("another model"));
  const ProgramRun forced = run_ptq({"quantize", other, "--stats", "s.ptqstats", "-o", "q.onnx",
                                     "--allow-stale", "--format", "json"},
                                    folder.path());
  EXPECT_EQ(forced.exit_code, 0) << forced.err;
  EXPECT_THAT(forced.out, HasSubstr("--allow-stale: "));
}

}  // namespace
}  // namespace ptq::testing

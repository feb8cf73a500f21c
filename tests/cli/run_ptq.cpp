#include "cli/run_ptq.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/schema_check.h"

namespace ptq::testing {
namespace {

// The documents of a run, on standard output and in files, fit docs/schemas.
void expect_documents(const std::vector<std::string>& arguments, const std::string& folder,
                      const ProgramRun& run) {
  if (run.out.starts_with("{\n  \"schema\"")) {
    EXPECT_EQ(schema_problem(run.out), "");
  }
  const auto option = std::ranges::find(arguments, "--json-out");
  if (run.exit_code <= 1 && option != arguments.end() && option + 1 != arguments.end()) {
    EXPECT_EQ(schema_problem(read_file(std::filesystem::path(folder) / *(option + 1))), "");
  }
}

}  // namespace

ProgramRun run_ptq(const std::vector<std::string>& arguments, const std::string& folder) {
  return run_program(PTQ_CLI, arguments, folder, {});
}

ProgramRun run_program(const std::string& program, const std::vector<std::string>& arguments,
                       const std::string& folder, const std::vector<std::string>& environment) {
  const TemporaryFolder capture;
  const std::string out = capture.file("out");
  const std::string err = capture.file("err");
  std::vector<std::string> words = {program};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) {
    argv.push_back(word.data());
  }
  argv.push_back(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    const int out_fd = open(out.c_str(), O_CREAT | O_WRONLY | O_TRUNC, 0600);
    const int err_fd = open(err.c_str(), O_CREAT | O_WRONLY | O_TRUNC, 0600);
    const int null_fd = open("/dev/null", O_RDONLY);
    if (dup2(null_fd, 0) < 0 || dup2(out_fd, 1) < 0 || dup2(err_fd, 2) < 0 ||
        chdir(folder.c_str()) != 0) {
      _exit(127);
    }
    for (const std::string& variable : environment) {
      putenv(const_cast<char*>(variable.c_str()));
    }
    execv(program.c_str(), argv.data());
    _exit(127);
  }
  int status = 0;
  waitpid(child, &status, 0);
  ProgramRun run;
  run.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  run.out = read_file(out);
  run.err = read_file(err);
  expect_documents(arguments, folder, run);
  return run;
}

TemporaryFolder::TemporaryFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "ptq-cli-XXXXXX").string();
  EXPECT_NE(mkdtemp(pattern.data()), nullptr);
  path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TemporaryFolder::write(const std::string& name, const std::string& bytes) const {
  std::ofstream(file(name), std::ios::binary) << bytes;
  return file(name);
}

std::vector<std::string> TemporaryFolder::list() const {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(path_)) {
    names.push_back(entry.path().filename().string());
  }
  std::ranges::sort(names);
  return names;
}

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << in.rdbuf();
  return bytes.str();
}

std::string data_file(const std::string& name) {
  return PTQ_SOURCE_DIR "/data/" + name;
}

}  // namespace ptq::testing

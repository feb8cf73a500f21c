#pragma once
// Runs the built program as a user does and keeps what it said. One thread.

#include <string>
#include <vector>

namespace ptq::testing {

struct ProgramRun {
  int exit_code = -1;  // 128 + signal when it died of one
  std::string out{};   // standard output
  std::string err{};   // standard error
};

// `arguments` as typed behind `ptq`; no shell. `folder` is the working folder.
ProgramRun run_ptq(const std::vector<std::string>& arguments, const std::string& folder);

// The same of another program, with more variables in its environment, "NAME=VALUE".
ProgramRun run_program(const std::string& program, const std::vector<std::string>& arguments,
                       const std::string& folder, const std::vector<std::string>& environment);

// A fresh folder for one test, removed with the object. `list` names what is in it.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::string& path() const { return path_; }
  std::string file(const std::string& name) const { return path_ + "/" + name; }
  std::string write(const std::string& name, const std::string& bytes) const;
  std::vector<std::string> list() const;

 private:
  std::string path_;
};

std::string read_file(const std::string& path);
// A file of the repository's data/ folder.
std::string data_file(const std::string& name);

}  // namespace ptq::testing

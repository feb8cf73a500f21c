#include "core/temporary_folder.h"

#include <cstdlib>
#include <string>
#include <system_error>

#include <fmt/format.h>

#include "ptq/error.h"

namespace ptq {

namespace fs = std::filesystem;

TemporaryFolder::TemporaryFolder() {
  std::error_code error;
  const fs::path parent = fs::temp_directory_path(error);
  std::string pattern = ((error ? fs::path("/tmp") : parent) / "ptq-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) {
    throw Error(ErrorCode::kEnvironment,
                fmt::format("expected a writable folder for temporary files, found none at '{}'; "
                            "set TMPDIR to one",
                            printable(pattern)));
  }
  path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

}  // namespace ptq

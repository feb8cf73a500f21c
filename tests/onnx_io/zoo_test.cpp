// Real models, when they are beside the repository (they are not part of it).

#include <algorithm>
#include <filesystem>
#include <vector>

#include <gtest/gtest.h>

#include "onnx_io/fingerprint.h"
#include "onnx_io/infer_shapes.h"
#include "onnx_io/proto_tools.h"
#include "onnx_io/read.h"
#include "onnx_io/write.h"

namespace ptq {
namespace {

namespace fs = std::filesystem;

TEST(Zoo, RoundTripsEveryModel) {
  const fs::path folder = fs::path(PTQ_SOURCE_DIR) / "../shared/zoo/models";
  if (!fs::is_directory(folder)) {
    GTEST_SKIP() << "no models in " << folder;
  }
  std::vector<fs::path> paths;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".onnx") {
      paths.push_back(entry.path());
    }
  }
  std::sort(paths.begin(), paths.end());
  for (const fs::path& path : paths) {
    SCOPED_TRACE(path.filename());
    Model model = read_model(path);
    const std::string written = serialize_model(model);
    EXPECT_EQ(testing_tools::difference(testing_tools::proto_of(testing_tools::read_file(path)),
                                        testing_tools::proto_of(written)),
              "");
    const Model again = parse_model(written, {});
    EXPECT_EQ(serialize_model(again), written);
    EXPECT_EQ(model_fingerprint(again), model_fingerprint(model));

    size_t outputs = 0;
    for (const Node& node : model.graph.nodes) {
      outputs += node.outputs.size();
    }
    infer_shapes(model);
    EXPECT_GE(model.graph.value_infos.size() + 2 * model.graph.outputs.size(), outputs);
  }
}

}  // namespace
}  // namespace ptq

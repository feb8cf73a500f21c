#pragma once
// Tensors of a document in the order of the network, few enough for a plot. Pure functions; any
// thread. The rows live as long as the documents.

#include <functional>
#include <string_view>
#include <vector>

#include "report/report_documents.h"

namespace ptq {

struct DepthRow {
  const Json* row = nullptr;
  size_t position = 0;  // 1 … total
};

struct DepthRows {
  std::vector<DepthRow> rows{};
  size_t total = 0;         // tensors in the document
  size_t stretch = 1;       // each row is the worst of so many neighbours
  bool by_network = false;  // false: no document says the order, so it is that of the document
};

// More points than this say nothing more in a plot; of each stretch of neighbours the one that is
// worst by `badness` is kept.
inline constexpr size_t kDepthPoints = 300;

// Rows are objects with a "name". Their order is that of their field "position", that of the layers
// of a ptq.diagnose document, or that of the activations of a ptq.quantize document.
DepthRows in_depth_order(const Json& rows, const ReportDocuments& documents,
                         const std::function<double(const Json& row)>& badness);

// What a reader has to know about the order: "", or a note.
std::string depth_note(const DepthRows& rows);

}  // namespace ptq

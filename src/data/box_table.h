#pragma once
// Labelled boxes of object detection from a table, a row a box. Free functions; any thread.

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "ptq/tensor.h"

namespace ptq {

// By sample: float32 [boxes, 5], each row class, x1, y1, x2, y2, in pixels of the model's input.
struct BoxTable {
  bool by_file = true;  // keys are names of files without folders; else positions of samples
  std::map<std::string, Tensor> boxes;

  // The boxes of a sample that is called `origin` ("photos/0017.jpg") and is the `position`-th; of
  // shape [0, 5] when the table has none for it.
  Tensor of(std::string_view origin, size_t position) const;
  // Whether any row belongs to it.
  bool names(std::string_view origin, size_t position) const;

 private:
  std::string key(std::string_view origin, size_t position) const;
};

// A .csv file whose first line names the columns: file or sample (counted from 0); class, cls,
// category or label (an integer); x1, y1, x2, y2. Others are ignored. A row whose class is empty
// says that its sample has no boxes. Throws Error{kInput} naming the line.
BoxTable read_box_table(const std::filesystem::path& path);

}  // namespace ptq

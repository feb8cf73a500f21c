#include "data/array_fit.h"

#include <span>

#include <fmt/format.h>

#include "data/findings.h"
#include "data/npy_header.h"
#include "ptq/error.h"

namespace ptq {
namespace {

using Dims = std::span<const int64_t>;

void check_dtype(const InputSpec& spec, DType dtype, std::string_view where) {
  if (spec.dtype == dtype || spec.dtype == DType::kUndefined) {
    return;
  }
  const std::string_view wanted = numpy_name(spec.dtype);
  const std::string advice =
      wanted.empty()
          ? std::string("npy files cannot hold that type; use test_data_set_N/input_K.pb")
          : fmt::format("nothing is cast in silence; convert with x.astype(numpy.{})", wanted);
  refuse_data(DataFinding::kWrongType, where,
              fmt::format("expected dtype {} for input '{}', found {}; {}", dtype_name(spec.dtype),
                          printable(spec.name), dtype_name(dtype), advice));
}

[[noreturn]] void refuse_shape(const InputSpec& spec, const Shape& shape, std::string_view where,
                               std::string_view what,
                               DataFinding finding = DataFinding::kWrongShape) {
  refuse_data(finding, where,
              fmt::format("expected shape {} for input '{}', found {}: {}", shape_text(spec.shape),
                          printable(spec.name), shape_text(shape), what));
}

bool dims_match(Dims wanted, Dims found) {
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i] >= 0 && wanted[i] != found[i]) {
      return false;
    }
  }
  return true;
}

}  // namespace

std::string spec_text(const InputSpec& spec) {
  return fmt::format("'{}' ({} {})", printable(spec.name), dtype_name(spec.dtype),
                     spec.has_shape ? shape_text(spec.shape) : "of unknown shape");
}

std::string specs_text(const std::vector<InputSpec>& inputs) {
  std::string text;
  for (const InputSpec& spec : inputs) {
    text += (text.empty() ? "" : ", ") + spec_text(spec);
  }
  return text;
}

ArrayFit fit_array(const InputSpec& spec, DType dtype, const Shape& shape, std::string_view where,
                   bool drop_last) {
  check_dtype(spec, dtype, where);
  const size_t rank = shape.size();
  const size_t wanted_rank = spec.has_shape ? spec.shape.size() : rank;
  const int64_t lead = spec.has_shape && wanted_rank > 0 ? spec.shape[0] : -1;
  const bool one_row = lead == -1 || lead == 1;
  ArrayFit fit;
  if (rank == 0 && (wanted_rank == 0 || (wanted_rank == 1 && one_row))) {
    fit.add_axis = wanted_rank == 1;
    return fit;
  }
  if (rank + 1 == wanted_rank && one_row) {
    if (!dims_match(Dims(spec.shape).subspan(1), shape)) {
      refuse_shape(spec, shape, where,
                   "an array without the sample axis must match all other dimensions");
    }
    fit.samples = 1;
    fit.add_axis = true;
    return fit;
  }
  if (rank != wanted_rank) {
    refuse_shape(spec, shape, where,
                 wanted_rank == 0
                     ? std::string("save a scalar, numpy.array(value)")
                     : fmt::format("rank {} instead of {}; axis 0 is the sample axis, reshape the "
                                   "array",
                                   rank, wanted_rank));
  }
  if (spec.has_shape && !dims_match(Dims(spec.shape).subspan(1), Dims(shape).subspan(1))) {
    refuse_shape(spec, shape, where,
                 "a dimension behind the sample axis differs; check the order of the axes and the "
                 "preprocessing");
  }
  if (shape[0] == 0) {
    refuse_shape(spec, shape, where, "axis 0 has no rows, so there are no samples",
                 DataFinding::kNoSamples);
  }
  fit.rows = lead == -1 ? 1 : lead;
  if (fit.rows <= 0) {
    refuse_shape(spec, shape, where, "the model takes 0 rows at a time");
  }
  fit.dropped_rows = shape[0] % fit.rows;
  if (shape[0] < fit.rows || (fit.dropped_rows != 0 && !drop_last)) {
    refuse_shape(
        spec, shape, where,
        fmt::format("the model takes {} rows at a time, which do not divide the {} rows of "
                    "the file; cut or fill up the array{}",
                    fit.rows, shape[0],
                    shape[0] < fit.rows ? "" : ", or leave the last rows out with --drop-last"),
        DataFinding::kRemainder);
  }
  fit.samples = shape[0] / fit.rows;
  return fit;
}

void check_whole(const InputSpec& spec, DType dtype, const Shape& shape, std::string_view where) {
  check_dtype(spec, dtype, where);
  if (!spec.has_shape) {
    return;
  }
  if (shape.size() != spec.shape.size()) {
    refuse_shape(spec, shape, where,
                 fmt::format("rank {} instead of {}", shape.size(), spec.shape.size()));
  }
  if (!dims_match(spec.shape, shape)) {
    refuse_shape(spec, shape, where, "a dimension that the model fixes differs");
  }
}

}  // namespace ptq

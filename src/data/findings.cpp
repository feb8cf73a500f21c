#include "data/findings.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "ptq/error.h"

namespace ptq {
namespace {

using F = DataFinding;

constexpr std::array<DataFindingRow, 31> kRows = {{
    {F::kNotFound, "PTQ-S001", "error", "a file or folder of samples is not there or not readable",
     "Nothing can be measured on it.", "Correct the path, or the permissions of the file."},
    {F::kNoData, "PTQ-S002", "error", "a folder, pattern or file holds no samples ptq can read",
     "ptq never makes samples up.", "Give files in one of the formats of docs/formats.md."},
    {F::kMixedFormats, "PTQ-S003", "error", "samples of several formats in one data set",
     "Order, shapes and preparation differ between formats, so one set has one.",
     "Split the data into one folder a format, or convert them."},
    {F::kBadArgument, "PTQ-S004", "error", "an argument of --data that cannot be understood",
     "A wrong guess would measure other data than meant.",
     "See docs/formats.md for the forms of --data."},
    {F::kBadList, "PTQ-S005", "error", "a damaged or empty @list",
     "A list that is cut short would silently measure less.",
     "Write one path a line, relative to the list."},
    {F::kTooDeep, "PTQ-S006", "error", "folders below a stratum",
     "Strata are one level of folders; deeper ones have no name.",
     "Move the files up, or name them with a pattern."},
    {F::kDamaged, "PTQ-S007", "error", "a file that is damaged, cut short or of another kind",
     "What can still be read need not be what was meant.",
     "Write the file again; its extension must say what it is."},
    {F::kImpossibleSize, "PTQ-S008", "error", "a declared size that cannot be, or is above a limit",
     "Such sizes come from damaged or hostile files and would exhaust memory.",
     "Write the file again, or split it."},
    {F::kUnsupported, "PTQ-S009", "error", "an encoding that ptq does not read",
     "Guessing an encoding would give wrong values.",
     "Save the data uncompressed or deflated, in a numeric type."},
    {F::kMissingInput, "PTQ-S010", "error", "no array for an input of the model",
     "Every input of the model needs values.",
     "Name the arrays as the inputs are named; `ptq inspect` lists them."},
    {F::kWrongType, "PTQ-S011", "error", "an element type other than the model's",
     "Types are never cast, since that hides mistakes of preparation.",
     "Save the array in the type that the model declares."},
    {F::kWrongShape, "PTQ-S012", "error", "a rank or dimension other than the model's",
     "Values in the wrong place measure another computation.",
     "Bring the array to the shape that `ptq inspect` shows."},
    {F::kSamplesDisagree, "PTQ-S013", "error", "arrays that give different numbers of samples",
     "Row k of each array belongs to sample k.",
     "Make the first dimensions equal, or use one file a sample."},
    {F::kRemainder, "PTQ-S014", "error", "rows that do not fill the batch that the model fixes",
     "The model takes whole batches only.",
     "Add rows, or leave the remainder out with --drop-last."},
    {F::kNoSamples, "PTQ-S015", "error", "arrays without rows or values",
     "There is nothing to measure.", "Remove the empty file, or fill it."},
    {F::kNotFinite, "PTQ-S016", "error", "NaN or infinity",
     "Ranges cannot hold NaN or infinity, and the model would spread them.",
     "Remove the sample, or repair what prepares it."},
    {F::kBadValue, "PTQ-S017", "error", "a value that its element type does not allow",
     "The file does not hold what its type promises.", "Write the file again."},
    {F::kBadLabels, "PTQ-S018", "error", "labels that are missing or do not fit the samples",
     "Accuracy would be counted against the wrong labels.",
     "Give one integer label for each sample."},
    {F::kChanged, "PTQ-S019", "error", "data that changed while they were read",
     "The samples would be those of neither version.",
     "Run again when nothing writes to the data."},
    {F::kWrongByteCount, "PTQ-S020", "error", "a raw file whose size is not that of its shape",
     "Raw bytes have no header, so size is the only check.", "Correct the declared type or shape."},
    {F::kBadLine, "PTQ-S021", "error", "a line that is no JSON object of numbers",
     "A line that is skipped would change the set in silence.",
     "Write one JSON object of numbers a line."},
    {F::kRagged, "PTQ-S022", "error", "nested lists of unequal length, or ids that need padding",
     "A tensor needs equal lengths.",
     "Pad with --pad-id N --pad-to N, or give lists of equal length."},
    {F::kIdOutOfRange, "PTQ-S023", "error", "an id that is negative or too large",
     "The model would look up beside its table.", "Use the tokenizer that belongs to the model."},
    {F::kBadImage, "PTQ-S030", "error", "an image that cannot be decoded",
     "A set without it is another set.",
     "Replace the file, or leave such files out with --skip-bad."},
    {F::kBadImageSpec, "PTQ-S031", "error", "a preprocessing that cannot be understood",
     "Preparation decides every range, so nothing of it is guessed.",
     "See docs/images.md for the keys of a spec."},
    {F::kFewSamples, "PTQ-S101", "warning", "too few samples for figures that hold",
     "Extremes and tails keep moving with every further sample.",
     "128 to 512 samples that cover production are a good set."},
    {F::kAllIdentical, "PTQ-S102", "warning", "all samples are identical",
     "Ranges then fit one input and clip others.", "Check what made the samples."},
    {F::kConstantInput, "PTQ-S103", "warning", "an input has one value throughout a sample",
     "It is often a sign of wrong preparation.",
     "Check the named samples; a mask of ones is fine."},
    {F::kRowsDropped, "PTQ-S104", "warning", "rows were left out by --drop-last",
     "The samples left out are not measured.", "Give a number of rows that fills the batch."},
    {F::kDuplicates, "PTQ-S105", "warning", "samples that occur more than once",
     "They weigh double and add nothing.", "Remove the copies."},
    {F::kFilesSkipped, "PTQ-S106", "warning", "files were left out by --skip-bad",
     "The set is smaller than its folder.", "Replace or remove the files that the warning counts."},
}};

}  // namespace

std::span<const DataFindingRow> data_findings() {
  return kRows;
}

std::string with_code(DataFinding finding, std::string_view message) {
  const auto* row = std::ranges::find(kRows, finding, &DataFindingRow::finding);
  PTQ_CHECK(row != kRows.end());
  return fmt::format("{} [{}]", message, row->code);
}

void refuse_data(DataFinding finding, std::string_view where, std::string_view what) {
  throw Error(ErrorCode::kInput, with_code(finding, fmt::format("{}: {}", where, what)));
}

const DataFindingRow* finding_of(std::string_view message) {
  const auto* row = std::ranges::find_if(kRows, [message](const DataFindingRow& each) {
    return message.ends_with("]") && message.substr(0, message.size() - 1).ends_with(each.code) &&
           message.substr(0, message.size() - 1 - each.code.size()).ends_with(" [");
  });
  return row == kRows.end() ? nullptr : row;
}

}  // namespace ptq

#include "data/findings.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "ptq/error.h"

namespace ptq {
namespace {

using F = DataFinding;

constexpr std::array<DataFindingRow, 31> kRows = {{
    {F::kNotFound, "PTQ-S001", "error", "a file or folder of samples is not there or not readable"},
    {F::kNoData, "PTQ-S002", "error", "a folder, pattern or file holds no samples ptq can read"},
    {F::kMixedFormats, "PTQ-S003", "error", "samples of several formats in one data set"},
    {F::kBadArgument, "PTQ-S004", "error", "an argument of --data that cannot be understood"},
    {F::kBadList, "PTQ-S005", "error", "a damaged or empty @list"},
    {F::kTooDeep, "PTQ-S006", "error", "folders below a stratum"},
    {F::kDamaged, "PTQ-S007", "error", "a file that is damaged, cut short or of another kind"},
    {F::kImpossibleSize, "PTQ-S008", "error",
     "a declared size that cannot be, or is above a limit"},
    {F::kUnsupported, "PTQ-S009", "error", "an encoding that ptq does not read"},
    {F::kMissingInput, "PTQ-S010", "error", "no array for an input of the model"},
    {F::kWrongType, "PTQ-S011", "error", "an element type other than the model's"},
    {F::kWrongShape, "PTQ-S012", "error", "a rank or dimension other than the model's"},
    {F::kSamplesDisagree, "PTQ-S013", "error", "arrays that give different numbers of samples"},
    {F::kRemainder, "PTQ-S014", "error", "rows that do not fill the batch that the model fixes"},
    {F::kNoSamples, "PTQ-S015", "error", "arrays without rows or values"},
    {F::kNotFinite, "PTQ-S016", "error", "NaN or infinity"},
    {F::kBadValue, "PTQ-S017", "error", "a value that its element type does not allow"},
    {F::kBadLabels, "PTQ-S018", "error", "labels that are missing or do not fit the samples"},
    {F::kChanged, "PTQ-S019", "error", "data that changed while they were read"},
    {F::kWrongByteCount, "PTQ-S020", "error", "a raw file whose size is not that of its shape"},
    {F::kBadLine, "PTQ-S021", "error", "a line that is no JSON object of numbers"},
    {F::kRagged, "PTQ-S022", "error", "nested lists of unequal length, or ids that need padding"},
    {F::kIdOutOfRange, "PTQ-S023", "error", "an id that is negative or too large"},
    {F::kBadImage, "PTQ-S030", "error", "an image that cannot be decoded"},
    {F::kBadImageSpec, "PTQ-S031", "error", "a preprocessing that cannot be understood"},
    {F::kFewSamples, "PTQ-S101", "warning", "too few samples for figures that hold"},
    {F::kAllIdentical, "PTQ-S102", "warning", "all samples are identical"},
    {F::kConstantInput, "PTQ-S103", "warning", "an input has one value throughout a sample"},
    {F::kRowsDropped, "PTQ-S104", "warning", "rows were left out by --drop-last"},
    {F::kDuplicates, "PTQ-S105", "warning", "samples that occur more than once"},
    {F::kFilesSkipped, "PTQ-S106", "warning", "files were left out by --skip-bad"},
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

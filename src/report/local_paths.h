#pragma once
// A report is passed on; where its files lay on one machine is nobody's business. Called once the
// documents of a report are read. Pure; any thread.

#include <string>
#include <vector>

#include "report/json_document.h"

namespace ptq {

// Absolute paths in all texts of the documents become file names, and what lies below a folder of
// samples keeps the folder's name: "/home/me/calib/7.npz[2]" is "calib/7.npz[2]". Known are the
// files that the documents name (inputs, output, the advised command); in messages, whatever ends
// like a file of models, samples or documents counts as one. Names of tensors and nodes, which may
// begin with "/" too, stay as they are.
void hide_local_folders(const std::vector<Json*>& documents);

}  // namespace ptq

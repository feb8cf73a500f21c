#pragma once
// What all JSON documents of this room begin with, and how values are written in them. Pure
// functions, apart from reading the files that a document names; any thread.

#include <filesystem>
#include <string>

#include <nlohmann/json.hpp>

#include "report/json_report.h"

namespace ptq {

using Json = nlohmann::ordered_json;

// A number, or the string that stands for one that JSON lacks.
Json number(double value);

// The document as text. Names come from model files and may hold any bytes; JSON wants UTF-8.
std::string dump(const Json& document);

// Path, size and SHA-256 of a file; the path of a folder.
Json file_json(const std::filesystem::path& path);

// Schema, tool, inputs, environment, status and warnings.
Json start_document(const ReportHeader& header);

}  // namespace ptq

#pragma once
// Checks JSON documents against docs/schemas. `run_ptq` calls it for every document that a test
// makes the program write, so the schemas cannot fall behind the program. One thread.

#include <string>

namespace ptq::testing {

// What is wrong with a document of ptq by the schema of its kind, docs/schemas/KIND.json, in one
// line; "" for nothing.
std::string schema_problem(const std::string& document);

}  // namespace ptq::testing

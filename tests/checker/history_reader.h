// ReadHistory: a history from its lines.
#ifndef KAPPA_TESTS_CHECKER_HISTORY_READER_H_
#define KAPPA_TESTS_CHECKER_HISTORY_READER_H_

#include <istream>

#include "absl/status/statusor.h"
#include "tests/checker/history.h"

namespace kappa::checker {

// Reads to the end of `input`.
// Errors: INVALID_ARGUMENT, the message names the line and what is wrong with
// it; DATA_LOSS when reading failed.
absl::StatusOr<History> ReadHistory(std::istream& input);

}  // namespace kappa::checker

#endif  // KAPPA_TESTS_CHECKER_HISTORY_READER_H_

// How an operation, a value or a time is called in evidence.
#ifndef KAPPA_TESTS_CHECKER_DESCRIPTION_H_
#define KAPPA_TESTS_CHECKER_DESCRIPTION_H_

#include <cstdint>
#include <string>

#include "tests/checker/history.h"

namespace kappa::checker {

// E.g. "append op 7 of process 3 (lines 12 and 15, 1.203000 s to 1.322000 s,
// node 2, ok)"; times count from the history's first event.
std::string Describe(const History& history, const Operation& operation);
// E.g. "1.203000 s".
std::string DescribeTime(const History& history, int64_t time_us);
// Quoted and, when long, cut.
std::string DescribeValue(const History& history, ValueId value);

}  // namespace kappa::checker

#endif  // KAPPA_TESTS_CHECKER_DESCRIPTION_H_

// What was looked at and what was found, for a person or a program.
#ifndef KAPPA_TESTS_CHECKER_REPORT_H_
#define KAPPA_TESTS_CHECKER_REPORT_H_

#include <string>

#include "tests/checker/findings.h"
#include "tests/checker/history.h"

namespace kappa::checker {

// Lines of text: a summary, then each kind of anomaly with its number and the
// evidence of the first ones.
std::string TextReport(const History& history, const Findings& findings);
// The same as one object of JSON and a newline. README.md lists its fields.
std::string JsonReport(const History& history, const Findings& findings);

}  // namespace kappa::checker

#endif  // KAPPA_TESTS_CHECKER_REPORT_H_

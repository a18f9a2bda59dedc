// Numbers on the command line that the parser takes and nobody means.
#ifndef KAPPA_CLIENT_CLI_NUMBER_OPTIONS_H_
#define KAPPA_CLIENT_CLI_NUMBER_OPTIONS_H_

#include "CLI/CLI.hpp"

namespace kappa::cli {

// Makes every option of `app` and its commands that takes an unsigned number
// refuse a sign, since -1 (and 10^20) would count as 2^64 - 1, and every one
// that takes a fraction refuse "nan" and "inf", which pass comparisons with its
// bounds. Call it when all options are there.
void RefuseOddNumbers(CLI::App* app);

}  // namespace kappa::cli

#endif  // KAPPA_CLIENT_CLI_NUMBER_OPTIONS_H_

// kappad check DIR: reads everything, changes nothing, says what is damaged.
#ifndef KAPPA_SERVER_TOOLS_CHECK_TOOL_H_
#define KAPPA_SERVER_TOOLS_CHECK_TOOL_H_

#include <string>

#include "server/tools/exit_code.h"
#include "server/tools/partition_names.h"
#include "server/tools/tool_options.h"
#include "storage/check_report.h"

namespace kappa::server {

// Prints the report to standard output. Returns the exit code: kDone: nothing
// is damaged; kDamaged: something is, and kappad starts on the directory;
// kForgot: kappad refuses to; kCannotRun: it cannot be checked (in use, not
// there).
ExitCode RunCheck(const CheckOptions& options);

// The report as text; ends with what to do next.
std::string CheckReportTable(const std::string& directory,
                             const storage::CheckReport& report,
                             const PartitionNames& names);
// The same as one JSON object.
std::string CheckReportJson(const std::string& directory,
                            const storage::CheckReport& report,
                            const PartitionNames& names);
ExitCode ExitCodeOf(const storage::CheckReport& report);

}  // namespace kappa::server

#endif  // KAPPA_SERVER_TOOLS_CHECK_TOOL_H_

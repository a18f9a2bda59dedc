// kappad dump DIR --topic T --partition N --from A --to B: prints the records
// of a partition straight from a directory that nobody serves.
#ifndef KAPPA_SERVER_TOOLS_DUMP_TOOL_H_
#define KAPPA_SERVER_TOOLS_DUMP_TOOL_H_

#include "server/tools/exit_code.h"
#include "server/tools/tool_options.h"

namespace kappa::server {

// One line of JSON per record on standard output; what cannot be read is passed
// over and named on standard error. Changes nothing; works on directories that
// kappad refuses, as far as their database can be read. Returns kDone;
// kDamaged: something in the range could not be read; kCannotRun: no such
// partition, nothing can be read, in use.
ExitCode RunDump(const DumpOptions& options);

}  // namespace kappa::server

#endif  // KAPPA_SERVER_TOOLS_DUMP_TOOL_H_

// kappad recover DIR --accept-loss: makes a directory that kappad refuses
// usable again, without what cannot be kept (RELIABILITY.md S4).
#ifndef KAPPA_SERVER_TOOLS_RECOVER_TOOL_H_
#define KAPPA_SERVER_TOOLS_RECOVER_TOOL_H_

#include "server/tools/exit_code.h"
#include "server/tools/tool_options.h"

namespace kappa::server {

// What can be kept is copied into a new directory, which then takes the place
// of the old one; the old one stays as it was, as DIR.damaged-TIME. Nothing is
// repaired in place. DIR/given-up-TIME.json says for ever what was given up,
// and records of earlier recoveries are kept.
//
// Returns kDone: also when nothing is damaged, and then nothing was done;
// kWrongUsage: without --accept-loss; kCannotRun: in use, no space, other
// voters hold the data, or the database cannot be read at all. Until the new
// directory is complete and synced, DIR is untouched.
ExitCode RunRecover(const RecoverOptions& options);

}  // namespace kappa::server

#endif  // KAPPA_SERVER_TOOLS_RECOVER_TOOL_H_

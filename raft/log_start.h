// Where a log begins: what its owner may change about it.
#ifndef KAPPA_RAFT_LOG_START_H_
#define KAPPA_RAFT_LOG_START_H_

#include "absl/status/status.h"
#include "raft/base.h"
#include "raft/context.h"

namespace kappa::raft {

// Effect and errors: as Core::TrimTo.
absl::Status TrimLog(Context& context, const LogBase& base);

// Effect and errors: as Core::InstallBase, which knows the role.
absl::Status ReplaceLog(Context& context, const LogBase& base);

}  // namespace kappa::raft

#endif  // KAPPA_RAFT_LOG_START_H_

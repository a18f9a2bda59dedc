// How a replica takes the state up to a base from its leader.
#ifndef KAPPA_RAFT_BASE_RECEIVER_H_
#define KAPPA_RAFT_BASE_RECEIVER_H_

#include "raft/context.h"
#include "raft/message.h"

namespace kappa::raft {

// Takes a chunk of a base that this replica needs: keeps it aside, durably, and
// answers with how much it has; the last one installs the base in the same
// write. Chunks are taken in order; the answer to any other names the offset
// where to go on. A base that the log does not need (committed past it, or its
// entry is there) is acknowledged like an append.
// Requires: a base request of the present term's leader; self is a follower.
void TakeBaseRequest(Context& context, const Message& request);

}  // namespace kappa::raft

#endif  // KAPPA_RAFT_BASE_RECEIVER_H_

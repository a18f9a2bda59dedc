// How entries of another replica get into a log.
#ifndef KAPPA_RAFT_RECEIVED_ENTRIES_H_
#define KAPPA_RAFT_RECEIVED_ENTRIES_H_

#include "raft/context.h"
#include "raft/entry.h"
#include "raft/message.h"
#include "raft/term_table.h"

namespace kappa::raft {

// False for an append request or fetch response that no correct replica sends:
// entries with a hole, falling or later terms (RAFT.md 18).
bool WellFormed(const Message& message);

// Whether the log holds `id`. Everything up to the base is committed, so every
// leader's log, and what anyone has committed, agrees with it there.
bool Holds(const TermTable& log, EntryId id);

// Adds the message's entries that the log lacks, replacing a conflicting
// suffix; a prefix that matches is never touched (RAFT.md 15). Returns false,
// and changes nothing, if that would replace a committed entry.
// Requires: WellFormed(message); the log holds message.previous.
bool TakeEntries(Context& context, const Message& message);

}  // namespace kappa::raft

#endif  // KAPPA_RAFT_RECEIVED_ENTRIES_H_

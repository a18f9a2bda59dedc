// What every replica, whatever its role, gives another one from its log.
#ifndef KAPPA_RAFT_DONOR_H_
#define KAPPA_RAFT_DONOR_H_

#include "raft/context.h"
#include "raft/message.h"

namespace kappa::raft {

// Answers with the entries that follow request.previous, committed and durable
// ones only, so whoever is behind may take them from anyone. Granted without
// entries: there is nothing newer yet. Refused: the log does not hold
// `previous` as a committed entry, or has lost what follows it.
//
// Names up to request_entries_max entries; the core does not know their sizes,
// so the owner sends as many of them as request_bytes_max allows, at least one.
// Requires: a fetch request of the present term.
void AnswerFetchRequest(Context& context, const Message& request);

// Answers with the entry asked for, or says whether this replica ever had it.
// Requires: a repair request of the present term.
void AnswerRepairRequest(Context& context, const Message& request);

}  // namespace kappa::raft

#endif  // KAPPA_RAFT_DONOR_H_

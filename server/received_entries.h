// Entries as they travel between nodes: header and payload, checked before
// anything is made of them.
#ifndef KAPPA_SERVER_RECEIVED_ENTRIES_H_
#define KAPPA_SERVER_RECEIVED_ENTRIES_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/wire/payload.h"
#include "raft/entry.h"
#include "raft/message.h"
#include "server/log_tail.h"
#include "storage/log_store.h"

namespace kappa::server {

// The entry as the log holds it: encoded header and payload. Shares the payload
// with `entry`.
Payload ContentOf(const storage::StoredEntry& entry);

// What the core is told of an entry. Errors: DATA_LOSS: the payload is no
// configuration although the kind says so.
absl::StatusOr<raft::EntryMeta> MetaOf(const storage::StoredEntry& entry);

// The entries of `message`, whose contents are `contents`; payloads share their
// owners. Each header and payload fits its checksum, and the header says what
// the message says.
// Errors: DATA_LOSS, naming the index; the message must be dropped.
absl::StatusOr<std::vector<storage::StoredEntry>> DecodeEntries(
    const raft::Message& message, const std::vector<Payload>& contents);

// Whether `header` can stand after `tail`: index, term, offset, time, chain.
// Errors: DATA_LOSS, naming what does not fit.
absl::Status CheckFollows(const LogTail& tail,
                          const storage::EntryHeader& header);

}  // namespace kappa::server

#endif  // KAPPA_SERVER_RECEIVED_ENTRIES_H_

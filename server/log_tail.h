// LogTail: where the next entry of a log goes.
#ifndef KAPPA_SERVER_LOG_TAIL_H_
#define KAPPA_SERVER_LOG_TAIL_H_

#include <cstdint>

#include "proto/wire/types.h"
#include "raft/entry.h"
#include "server/append_clock.h"
#include "storage/entry_header.h"
#include "storage/log_store.h"

namespace kappa::server {

// The end of a log, committed or not: what the next entry follows.
struct LogTail {
  raft::EntryId last;
  Offset end_offset;
  Digest chain{};
  int64_t last_append_time_us = 0;

  static LogTail Of(const storage::ReplicaPosition& position);
  static LogTail Of(const storage::EntryHeader& header);
};

// Gives `header`, whose own fields (kind, encoding, codec, count, producer,
// payload) are set, its place `id` after `tail`: offset, time, chain. Returns
// the tail after it.
// Requires: id.index follows tail.last.index; the term does not fall.
LogTail PlaceAfter(const LogTail& tail, raft::EntryId id,
                   const AppendClock& clock, storage::EntryHeader* header);

}  // namespace kappa::server

#endif  // KAPPA_SERVER_LOG_TAIL_H_

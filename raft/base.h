// Where a log begins, and the state that stands for what lies before.
#ifndef KAPPA_RAFT_BASE_H_
#define KAPPA_RAFT_BASE_H_

#include <cstdint>

#include "proto/wire/types.h"
#include "raft/configuration.h"
#include "raft/entry.h"

namespace kappa::raft {

// Everything up to `id` is gone or was never there; the log begins after it.
// The core looks at `id`, `configuration` and `state_bytes` only, and compares
// the whole: replicas of one group with equal bases hold equal state, byte by
// byte, since the chunks of one transfer may come from two leaders. An owner
// whose state bytes are not a function of the log up to `id` must not trim.
struct LogBase {
  EntryId id;
  Configuration configuration;  // the newest one at or below `id`
  Offset offset;                // first offset after the base
  Digest chain{};
  int64_t append_time_us = 0;
  // Size of the owner's opaque state up to `id`; 0 for a log whose base is all
  // there is to know.
  uint64_t state_bytes = 0;
  friend bool operator==(const LogBase&, const LogBase&) = default;
};

// State bytes [offset, offset + bytes) of a base on their way to a replica. The
// owner of the sending core reads them; `handle` names them at the receiver.
struct BaseChunk {
  LogBase base;
  uint64_t offset = 0;
  uint64_t bytes = 0;
  EntryHandle handle{};
  bool last() const { return offset + bytes == base.state_bytes; }
};

}  // namespace kappa::raft

#endif  // KAPPA_RAFT_BASE_H_

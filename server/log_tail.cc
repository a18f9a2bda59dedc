#include "server/log_tail.h"

#include "proto/wire/check.h"
#include "storage/chain.h"

namespace kappa::server {

LogTail LogTail::Of(const storage::ReplicaPosition& position) {
  return {.last = position.last,
          .end_offset = position.end_offset,
          .chain = position.chain,
          .last_append_time_us = position.last_append_time_us};
}

LogTail LogTail::Of(const storage::EntryHeader& header) {
  return {.last = {header.term, header.index},
          .end_offset = header.next_offset(),
          .chain = header.chain,
          .last_append_time_us = header.append_time_us};
}

LogTail PlaceAfter(const LogTail& tail, raft::EntryId id,
                   const AppendClock& clock, storage::EntryHeader* header) {
  KAPPA_CHECK(id.index == tail.last.index.Next(), "an index was left out");
  KAPPA_CHECK(id.term >= tail.last.term, "the term fell");
  KAPPA_CHECK(raft::UsesOffsets(header->kind) == (header->record_count > 0),
              "records use offsets, control entries do not");
  header->term = id.term;
  header->index = id.index;
  header->base_offset = tail.end_offset;
  header->append_time_us = clock.Next(tail.last_append_time_us);
  header->chain = raft::UsesOffsets(header->kind)
                      ? storage::ChainNext(tail.chain, *header)
                      : tail.chain;
  return LogTail::Of(*header);
}

}  // namespace kappa::server

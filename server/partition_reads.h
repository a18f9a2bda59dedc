// PartitionReads: answers reads of a partition, from memory when it can.
//
//   Read ── newest batches? ── yes ──> MemoryWindow, at once
//                └── no ──> ReaderPool ──> LogReader ──> answer on its thread
#ifndef KAPPA_SERVER_PARTITION_READS_H_
#define KAPPA_SERVER_PARTITION_READS_H_

#include <optional>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "proto/wire/types.h"
#include "server/log_reader.h"
#include "server/memory_window.h"
#include "server/node.h"
#include "server/shard_services.h"
#include "storage/log_store.h"

namespace kappa::server {

// Answers that need the store come from a reader thread, after the partition
// may be gone; they use nothing of it.
//
// Thread safety: thread-compatible.
class PartitionReads {
 public:
  explicit PartitionReads(const ShardServices* services)
      : services_(services), window_(services->window) {}

  // A batch was committed.
  void OnCommitted(storage::StoredEntry batch);

  // See Node::Read. `first_offset`: the first one kept.
  // Requires: command.from <= scope.end_offset.
  void Read(const ReadScope& scope, Offset first_offset, ReadCommand command,
            Node::Callback<ReadChunk> done);
  void FindTime(const ReadScope& scope, int64_t time_us,
                Node::Callback<Offset> done);
  // The header of a committed entry; `done` may run before this returns.
  void ReadHeader(const ReadScope& scope, LogIndex index,
                  Node::Callback<storage::EntryHeader> done);
  // The header of the newest batch. Requires: there is one.
  void ReadNewestHeader(const ReadScope& scope,
                        Node::Callback<storage::EntryHeader> done);

 private:
  bool ReadWindow(const ReadCommand& command, ReadChunk* chunk) const;
  void ReadStore(const ReadScope& scope, const ReadCommand& command,
                 ReadChunk chunk, Node::Callback<ReadChunk> done);
  // Runs `job` on a reader thread and answers with what it returns; OVERLOADED
  // when too many jobs wait. Damage that was not known is reported
  // to the shard of `group`.
  template <typename T>
  void Submit(const ReadScope& scope, storage::ReadClass read_class,
              absl::AnyInvocable<absl::StatusOr<T>()> job,
              Node::Callback<T> done);

  const ShardServices* const services_;
  MemoryWindow window_;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_PARTITION_READS_H_

#include "server/partition_reads.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "server/errors.h"

namespace kappa::server {
namespace {

using storage::EntryHeader;
using storage::ReadClass;
using storage::StoredEntry;

absl::Status ReadersBusy() {
  return MakeError(v1::ERROR_REASON_OVERLOADED, "too many reads are waiting",
                   {{"retry_after_ms", "100"}});
}

}  // namespace

void PartitionReads::OnCommitted(StoredEntry batch) {
  window_.Add(std::move(batch));
}

template <typename T>
void PartitionReads::Submit(const ReadScope& scope, ReadClass read_class,
                            absl::AnyInvocable<absl::StatusOr<T>()> job,
                            Node::Callback<T> done) {
  // Shared so that it can still be answered here when the pool takes no more.
  auto answer = std::make_shared<Node::Callback<T>>(std::move(done));
  ReaderPool::Job run = [services = services_, group = scope.group,
                         replica = scope.replica, answer,
                         job = std::move(job)]() mutable {
    absl::StatusOr<T> result = job();
    if (absl::IsDataLoss(result.status()) &&
        !TellsKnownDamage(result.status())) {
      services->report_damage(group, replica, result.status());
    }
    (*answer)(std::move(result));
  };
  if (!services_->readers->Submit(read_class, run)) (*answer)(ReadersBusy());
}

bool PartitionReads::ReadWindow(const ReadCommand& command,
                                ReadChunk* chunk) const {
  std::optional<std::vector<StoredEntry>> batches =
      command.backwards ? window_.ReadBackwards(command.from, command.until,
                                                command.bytes_max)
                        : window_.ReadForwards(command.from, command.until,
                                               command.bytes_max);
  if (!batches.has_value()) return false;
  chunk->entries = *std::move(batches);
  chunk->from_window = true;
  if (!chunk->entries.empty()) {
    const EntryHeader& last = chunk->entries.back().header;
    chunk->next_offset =
        command.backwards ? last.base_offset : last.next_offset();
  }
  services_->counters->window_reads.Add(1);
  return true;
}

void PartitionReads::Read(const ReadScope& scope, Offset first_offset,
                          ReadCommand command, Node::Callback<ReadChunk> done) {
  ReadChunk chunk;
  chunk.end_offset = scope.end_offset;
  if (command.backwards) {
    command.until = std::max(command.until, first_offset);
  } else {
    command.until = std::min(command.until, scope.end_offset);
    if (command.from < first_offset) {
      chunk.gap_until = first_offset;
      command.from = first_offset;
    }
  }
  chunk.next_offset = command.from;
  const bool nothing_wanted = command.backwards ? command.from <= command.until
                                                : command.from >= command.until;
  if (nothing_wanted || ReadWindow(command, &chunk)) {
    done(std::move(chunk));
  } else {
    ReadStore(scope, command, std::move(chunk), std::move(done));
  }
}

void PartitionReads::ReadStore(const ReadScope& scope,
                               const ReadCommand& command, ReadChunk chunk,
                               Node::Callback<ReadChunk> done) {
  LogReader* const reader = services_->log_reader;
  Submit<ReadChunk>(
      scope, command.read_class,
      [reader, scope, command,
       chunk = std::move(chunk)]() mutable -> absl::StatusOr<ReadChunk> {
        absl::StatusOr<ReadPiece> piece =
            command.backwards
                ? reader->ReadBackwards(scope, command.from, command.until,
                                        command.bytes_max, command.read_class)
                : reader->ReadForwards(scope, command.from, command.until,
                                       command.bytes_max, command.read_class);
        if (!piece.ok()) return piece.status();
        chunk.entries = std::move(piece->entries);
        chunk.next_offset = piece->next_offset;
        return std::move(chunk);
      },
      std::move(done));
}

void PartitionReads::FindTime(const ReadScope& scope, int64_t time_us,
                              Node::Callback<Offset> done) {
  LogReader* const reader = services_->log_reader;
  Submit<Offset>(
      scope, ReadClass::kPoint,
      [reader, scope, time_us] { return reader->FindTime(scope, time_us); },
      std::move(done));
}

void PartitionReads::ReadHeader(const ReadScope& scope, LogIndex index,
                                Node::Callback<EntryHeader> done) {
  if (const EntryHeader* header = window_.FindIndex(index)) {
    done(*header);
    return;
  }
  LogReader* const reader = services_->log_reader;
  Submit<EntryHeader>(
      scope, ReadClass::kPoint,
      [reader, scope, index] { return reader->ReadHeader(scope, index); },
      std::move(done));
}

void PartitionReads::ReadNewestHeader(const ReadScope& scope,
                                      Node::Callback<EntryHeader> done) {
  LogReader* const reader = services_->log_reader;
  Submit<EntryHeader>(
      scope, ReadClass::kPoint,
      [reader, scope] {
        return reader->ReadHeaderAt(scope, scope.end_offset.Previous());
      },
      std::move(done));
}

}  // namespace kappa::server

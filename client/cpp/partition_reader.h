// PartitionReader: replays one partition without blocking, across connections.
#ifndef KAPPA_CLIENT_CPP_PARTITION_READER_H_
#define KAPPA_CLIENT_CPP_PARTITION_READER_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "client/cpp/backoff.h"
#include "client/cpp/batch_records.h"
#include "client/cpp/client.h"
#include "client/cpp/ready_signal.h"
#include "client/cpp/replay_message.h"
#include "client/cpp/replay_options.h"
#include "client/cpp/replay_stream.h"
#include "kappa/v1/log_service.pb.h"

namespace kappa::client {

// Moves from record to record; when there is none yet it says so, and notifies
// a ReadySignal once it is worth asking again.
//
// Thread safety: one thread; next_offset, end_offset and payload_bytes from
// any.
class PartitionReader {
 public:
  enum class Step {
    // record() is the next one.
    kRecord,
    // Nothing yet: wait for the signal, at most until wake_time().
    kPending,
    // Over: see status().
    kEnd,
  };

  // `options` has no position that means another one later: ends are resolved
  // to offsets (see ResolvePositions). `ready` must outlive it.
  PartitionReader(std::shared_ptr<Client> client, ReplayOptions options,
                  ReadySignal* ready);
  ~PartitionReader();

  Step Next() {
    if (records_.Next()) [[likely]] {
      SetRecord();
      return Step::kRecord;
    }
    return NextBatch();
  }

  // Valid after Next returned kRecord, until it is called again.
  const ReplayRecord& record() const { return record_; }
  absl::Time wake_time() const { return wake_time_; }
  const absl::Status& status() const { return status_; }
  uint32_t partition() const { return options_.partition; }

  // See Replay.
  Offset next_offset() const { return Offset(next_offset_.load()); }
  Offset end_offset() const { return Offset(end_offset_.load()); }
  uint64_t payload_bytes() const { return payload_bytes_.load(); }
  // Batches begun so far.
  uint64_t batches() const { return batches_; }

 private:
  void SetRecord();
  Step NextBatch();
  Step End(absl::Status status);
  // Of whole batches, forwards: DATA_LOSS when the next batch of message_, or
  // what comes after the last one, does not begin where the one before ended,
  // or the gap that is told. No server may skip or repeat a record without
  // saying so.
  absl::Status CheckAdjoins() const;
  absl::Status Skipped(uint64_t offset, uint64_t expected) const;
  bool LimitReached() const;
  // Begins the next batch of message_; false when there is none.
  bool LoadBatch();
  void BeginMessage(ReplayMessage message);
  void FinishMessage();
  // What to do without a message at hand. In this and the next functions
  // kRecord means: go on.
  Step Receive();
  void OpenStream();
  v1::ReplayRequest MakeRequest() const;
  // The stream is over, or was given up, with `status`.
  Step OnStreamEnd(absl::Status status);
  Step OnDamage(const absl::Status& status);
  void Emit(ReplayEvent::Kind kind, absl::Status cause = absl::OkStatus());

  const std::shared_ptr<Client> client_;
  const ReplayOptions options_;
  ReadySignal& ready_;
  const bool whole_batches_;
  Backoff backoff_;
  std::unique_ptr<ReplayStream> stream_;
  absl::Time retry_at_ = absl::InfinitePast();
  // Whether the last attempt followed the one before without a wait.
  bool again_at_once_ = false;
  absl::Time last_life_;
  absl::Time wake_time_ = absl::InfiniteFuture();

  std::optional<ReplayMessage> message_;
  size_t next_batch_ = 0;
  BatchRecords records_;
  ReplayRecord record_;
  bool ended_ = false;
  absl::Status status_;
  std::string topic_uuid_;

  // Where the next call starts; absent before the first message, unless the
  // replay starts at an offset.
  std::optional<uint64_t> resume_offset_;
  uint64_t records_begun_ = 0;
  uint64_t batches_ = 0;
  // The place of the last damage, to tell one in passing from one that stays.
  std::optional<uint64_t> damaged_offset_;

  std::atomic<uint64_t> next_offset_{0};
  std::atomic<uint64_t> end_offset_{0};
  std::atomic<uint64_t> payload_bytes_{0};
};

// Replaces the positions of `options` that depend on when they are looked at by
// offsets, taken from `offsets` (the answer of GetOffsets).
void ResolvePositions(const v1::GetOffsetsResponse& offsets,
                      ReplayOptions* options);

// True when ResolvePositions would change something.
bool NeedsOffsets(const ReplayOptions& options);

// Errors: INVALID_ARGUMENT: an option out of range or without meaning.
absl::Status CheckReplayOptions(const ReplayOptions& options);

}  // namespace kappa::client

#endif  // KAPPA_CLIENT_CPP_PARTITION_READER_H_

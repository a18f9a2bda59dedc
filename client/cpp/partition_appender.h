// PartitionAppender: gathers, seals and sends the records of one partition.
#ifndef KAPPA_CLIENT_CPP_PARTITION_APPENDER_H_
#define KAPPA_CLIENT_CPP_PARTITION_APPENDER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/cpp/append_stream.h"
#include "client/cpp/partition_queue.h"
#include "client/cpp/producer_options.h"
#include "client/cpp/sealed_batch.h"
#include "proto/wire/mutex.h"
#include "proto/wire/record_set.h"

namespace kappa::client {

// Under which identity, and from where on, batches of a partition are numbered.
struct PartitionSession {
  // 16 bytes; empty without exact retries.
  std::string producer_id;
  // 0 for an unnamed session.
  uint64_t epoch = 0;
  // Stored last under this identity.
  uint64_t last_sequence = 0;
  // Unnamed: the partition's end when the session began.
  uint64_t start_offset = 0;
};

// What a partition needs of its producer.
//
// Thread safety: thread-safe. All but Finish are called with the partition
// locked and must not call back at once.
class AppendEnvironment {
 public:
  virtual ~AppendEnvironment() = default;
  // The stream to the partition's leader, valid until OnStreamEnd was called
  // with it; null when the producer is closing.
  virtual AppendStream* StreamFor(uint32_t partition) = 0;
  // Answers, later, by OnSession. `anew`: the last one was forgotten.
  virtual void OpenSession(uint32_t partition, bool anew) = 0;
  // A message was written to a stream.
  virtual void OnSent() = 0;
  // As Timer::RunAfter.
  virtual void RunAfter(absl::Duration delay, std::function<void()> task) = 0;
  // How long to wait before repetition number `failures` (from 1) in a row;
  // zero only if the last time it was not.
  virtual absl::Duration RetryDelay(uint32_t partition, uint32_t failures,
                                    bool last_was_zero,
                                    const absl::Status& cause) = 0;
  // Tells the user. Called without locks.
  virtual void Finish(uint32_t partition,
                      std::vector<FinishedBatch> finished) = 0;
};

// Two stages: the open batch, to which records are added, and the queue of
// sealed ones. Compression and checksum run outside of the lock, between them;
// the queue keeps the order meanwhile.
//
// Thread safety: thread-safe.
class PartitionAppender {
 public:
  // `options` and `environment` must outlive it.
  PartitionAppender(uint32_t partition, std::string topic_uuid,
                    const ProducerOptions* options,
                    AppendEnvironment* environment);

  // Copies a record whose encoding takes `bytes`. Sets `*sealed` if a batch
  // became full. Errors: what Fail was called with.
  absl::Status Append(const RecordView& record, size_t bytes,
                      AppendCallback done, bool* sealed);
  // Adds a batch of its own; see PrepareBatch.
  absl::Status AppendBatch(std::shared_ptr<SealedBatch> batch);
  // Sends the open batch, if it has records.
  void Seal();

  // Number of batches sealed so far.
  uint64_t sealed_total();
  // Waits until `batches` batches are finished and their callbacks are done.
  // False at the deadline.
  bool WaitFinished(uint64_t batches, absl::Time deadline);

  void OnSession(absl::StatusOr<PartitionSession> session);
  void OnAnswer(uint64_t serial,
                const absl::StatusOr<v1::AppendResponse>& answer);
  void OnStreamEnd(const AppendStream* stream, uint64_t started,
                   const absl::Status& cause);

  // Refuses everything from now on and gives up what is unfinished.
  void Fail(const absl::Status& status);

 private:
  using Batches = absl::InlinedVector<std::shared_ptr<SealedBatch>, 2>;

  // Moves the open batch into the queue.
  std::shared_ptr<SealedBatch> SealOpenBatch()
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void PushBatch(std::shared_ptr<SealedBatch> batch)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Compresses and checks in, unlocked; then sends.
  void Prepare(const Batches& batches);
  // Sends what may be sent, asks for a session, waits for a repetition: what
  // the state of the queue calls for. Returns a batch sealed because nothing
  // is on its way any more.
  Batches Advance() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void SendBatches() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ScheduleResume() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ScheduleExpiry() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ScheduleLinger() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // After unlocking: callbacks, then the preparation of `sealed`.
  void FinishOutside(std::vector<FinishedBatch> finished,
                     const Batches& sealed);
  void Expire();

  const uint32_t partition_;
  const std::string topic_uuid_;
  const ProducerOptions& options_;
  AppendEnvironment& environment_;

  Mutex mutex_;
  CondVar finished_changed_;
  absl::Status refusal_ ABSL_GUARDED_BY(mutex_);
  RecordSetEncoder encoder_ ABSL_GUARDED_BY(mutex_);
  std::vector<RecordCallback> callbacks_ ABSL_GUARDED_BY(mutex_);
  // What to reserve for the next open batch: the size of the last one.
  size_t reserve_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  PartitionQueue queue_ ABSL_GUARDED_BY(mutex_);
  PartitionSession session_ ABSL_GUARDED_BY(mutex_);
  bool had_session_ ABSL_GUARDED_BY(mutex_) = false;
  bool opening_ ABSL_GUARDED_BY(mutex_) = false;
  bool resumed_at_once_ ABSL_GUARDED_BY(mutex_) = false;
  bool resume_scheduled_ ABSL_GUARDED_BY(mutex_) = false;
  bool expiry_scheduled_ ABSL_GUARDED_BY(mutex_) = false;
  // Carries everything in flight.
  AppendStream* stream_ ABSL_GUARDED_BY(mutex_) = nullptr;
  uint64_t sealed_total_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t finished_total_ ABSL_GUARDED_BY(mutex_) = 0;
};

// Compresses `batch`, whose payload is an encoded RecordSet, unless that makes
// it larger, computes its CRC32C and marks it ready.
void PrepareBatch(Codec codec, SealedBatch* batch);

// The correlation id of an attempt: both parts are found again in the answer.
inline constexpr int kSerialBits = 40;
constexpr uint64_t CorrelationId(uint32_t partition, uint64_t serial) {
  return uint64_t{partition} << kSerialBits |
         (serial & ((uint64_t{1} << kSerialBits) - 1));
}

}  // namespace kappa::client

#endif  // KAPPA_CLIENT_CPP_PARTITION_APPENDER_H_

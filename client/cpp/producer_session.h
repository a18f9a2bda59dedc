// ProducerSession: what is behind a Producer.
#ifndef KAPPA_CLIENT_CPP_PRODUCER_SESSION_H_
#define KAPPA_CLIENT_CPP_PRODUCER_SESSION_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "client/cpp/append_stream.h"
#include "client/cpp/client.h"
#include "client/cpp/memory_budget.h"
#include "client/cpp/partition_appender.h"
#include "client/cpp/producer_options.h"
#include "client/cpp/session_opener.h"
#include "client/cpp/silence_limit.h"
#include "client/cpp/timer.h"
#include "kappa/v1/log_service.pb.h"
#include "kappa/v1/topic_service.pb.h"
#include "proto/wire/mutex.h"

namespace kappa::client {

// Owns the partitions, the streams (one per node), the timer and the memory
// budget of one producer, and passes answers and failures between them.
//
// Locks are taken in this order: partition, streams_mutex_, stream. User
// callbacks run without any.
//
// Thread safety: thread-safe, except destruction.
class ProducerSession final : private AppendStream::Listener,
                              private AppendEnvironment {
 public:
  // `opened`: the answer of OpenProducer; empty for an unnamed session.
  ProducerSession(std::shared_ptr<Client> client, ProducerOptions options,
                  v1::Topic topic, v1::OpenProducerResponse opened);
  ~ProducerSession() override;

  // See Producer.
  absl::Status Append(const RecordView& record,
                      std::optional<uint32_t> partition, AppendCallback done);
  absl::Status AppendBatch(uint32_t partition,
                           absl::Span<const RecordView> records,
                           BatchOptions batch_options, AppendCallback done);
  absl::Status Flush(absl::Duration timeout);
  // Refuses all appends from now on, and fails what is unfinished, with
  // `status`.
  void Fail(const absl::Status& status);

  const v1::Topic& topic() const { return topic_; }
  const v1::OpenProducerResponse& opened() const { return opened_; }
  size_t memory_bytes() const { return memory_.used(); }

 private:
  void OnAnswer(AppendStream* stream, absl::Duration silence,
                const v1::AppendStreamResponse& answer) override;
  void OnStreamEnd(AppendStream* stream, uint64_t started,
                   const absl::Status& status) override;

  AppendStream* StreamFor(uint32_t partition) override;
  void OpenSession(uint32_t partition, bool anew) override;
  void OnSent() override;
  void RunAfter(absl::Duration delay, std::function<void()> task) override;
  absl::Duration RetryDelay(uint32_t partition, uint32_t failures,
                            bool last_was_zero,
                            const absl::Status& cause) override;
  void Finish(uint32_t partition, std::vector<FinishedBatch> finished) override;

  // Takes memory as the options say.
  absl::Status TakeMemory(size_t bytes);
  void SealAll();
  void DestroyEndedStreams();
  // Gives up streams that are silent for too long; looks again while an answer
  // is awaited.
  void WatchStreams();
  uint32_t ChoosePartition(const RecordView& record);
  PartitionSession NewIdentity() const;

  const std::shared_ptr<Client> client_;
  const ProducerOptions options_;
  const v1::Topic topic_;
  const v1::OpenProducerResponse opened_;
  MemoryBudget memory_;
  Timer timer_;
  SessionOpener opener_;
  std::vector<std::unique_ptr<PartitionAppender>> partitions_;
  SilenceLimit silence_;
  // WatchStreams is going to run.
  std::atomic<bool> watching_{false};
  // Where records without a key go until their batch is full.
  std::atomic<uint32_t> sticky_partition_;

  Mutex streams_mutex_;
  CondVar streams_changed_;
  absl::flat_hash_map<std::string, std::unique_ptr<AppendStream>> streams_
      ABSL_GUARDED_BY(streams_mutex_);
  // Wait to be destroyed by the timer's thread or ours.
  std::vector<std::unique_ptr<AppendStream>> ended_streams_
      ABSL_GUARDED_BY(streams_mutex_);
  // Including those that broke and whose end is being told.
  size_t open_streams_ ABSL_GUARDED_BY(streams_mutex_) = 0;
  bool closing_ ABSL_GUARDED_BY(streams_mutex_) = false;

  Mutex error_mutex_;
  // The first failure since the last Flush.
  absl::Status first_error_ ABSL_GUARDED_BY(error_mutex_);
};

}  // namespace kappa::client

#endif  // KAPPA_CLIENT_CPP_PRODUCER_SESSION_H_

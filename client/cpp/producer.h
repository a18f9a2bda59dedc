// Producer: appends records to a topic, batched, pipelined, exactly once.
#ifndef KAPPA_CLIENT_CPP_PRODUCER_H_
#define KAPPA_CLIENT_CPP_PRODUCER_H_

#include <cstddef>
#include <cstdint>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "client/cpp/client.h"
#include "client/cpp/producer_options.h"
#include "kappa/v1/log_service.pb.h"
#include "kappa/v1/topic_service.pb.h"
#include "proto/wire/record_set.h"

namespace kappa::client {

class ProducerSession;

// Gathers records into one batch per partition and sends batches over one
// stream per leader, many at a time. Each batch carries (producer, epoch,
// sequence), so that after a broken connection every unanswered batch is sent
// again, in order, and stored once. Records of one partition that one thread
// appends keep their order.
//
//   auto producer = Producer::Create(client, {.topic = "orders"});
//   absl::Status status = (*producer)->Append({.key = id, .value = json});
//   status = (*producer)->Flush(absl::Minutes(1));
//
// A batch that the server refuses for good (too large, offset not as expected)
// fails alone; later batches go on. PRODUCER_FENCED ends the whole producer.
//
// Thread safety: thread-safe, except that no other call may run during
// destruction.
class Producer {
 public:
  // Looks the topic up; with a name, opens the producer.
  // Errors: those of Admin::GetTopic and Admin::OpenProducer; INVALID_ARGUMENT:
  // an option out of range.
  static absl::StatusOr<std::unique_ptr<Producer>> Create(
      std::shared_ptr<Client> client, ProducerOptions options);

  // Fails what is not answered yet (CANCELLED, indefinite if it was sent); call
  // Close before to wait for it.
  ~Producer();
  Producer(const Producer&) = delete;
  Producer& operator=(const Producer&) = delete;

  // Copies the record into its partition's batch. The partition: as given; else
  // by key (murmur2); else, without a key, one that stays the same until its
  // batch is full. OK means accepted into memory, not stored: the outcome is
  // told to `done`, to ProducerOptions::on_batch, and in sum by Flush.
  // Errors: RESOURCE_EXHAUSTED: memory is used up (WhenFull::kFail);
  // INVALID_ARGUMENT: a limit is passed, or no such partition;
  // FAILED_PRECONDITION: closed or fenced. Nothing was appended then and `done`
  // is not called.
  absl::Status Append(const RecordView& record,
                      std::optional<uint32_t> partition = std::nullopt,
                      AppendCallback done = nullptr);

  // The same with a future.
  std::future<absl::StatusOr<AppendResult>> AppendFuture(
      const RecordView& record,
      std::optional<uint32_t> partition = std::nullopt);

  // Appends `records` as one batch: all or none, at consecutive offsets, never
  // merged with other records. Sent at once, after what was appended to the
  // partition before. Errors and `done` as for Append.
  absl::Status AppendBatch(uint32_t partition,
                           absl::Span<const RecordView> records,
                           BatchOptions batch_options = {},
                           AppendCallback done = nullptr);

  // AppendBatch that waits for the answer.
  absl::StatusOr<AppendResult> AppendBatchAndWait(
      uint32_t partition, absl::Span<const RecordView> records,
      BatchOptions batch_options = {});

  // Sends everything appended so far and waits until all of it is answered.
  // Returns the first failure of any batch since the last Flush, OK if there
  // was none. Errors also: DEADLINE_EXCEEDED: not all answered in `timeout`
  // (they stay on their way).
  absl::Status Flush(absl::Duration timeout = absl::InfiniteDuration());

  // Flush, then accepts no more records. Returns what Flush returns.
  absl::Status Close(absl::Duration timeout = absl::InfiniteDuration());

  // The topic as it was at creation.
  const v1::Topic& topic() const;
  // Named producers: where the producer stood when it was opened, per partition
  // opened; use the state to find out from where to go on.
  const std::vector<v1::ProducerPosition>& positions() const;
  // Named producers: the epoch of this instance; 0 otherwise.
  uint64_t epoch() const;
  // Encoded bytes of records appended and not answered yet.
  size_t memory_bytes() const;

 private:
  explicit Producer(std::unique_ptr<ProducerSession> session);

  const std::unique_ptr<ProducerSession> session_;
  const std::vector<v1::ProducerPosition> positions_;
};

}  // namespace kappa::client

#endif  // KAPPA_CLIENT_CPP_PRODUCER_H_

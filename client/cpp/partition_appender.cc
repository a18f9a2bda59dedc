#include "client/cpp/partition_appender.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "absl/time/clock.h"
#include "client/cpp/append_request.h"
#include "proto/wire/check.h"
#include "proto/wire/codec.h"
#include "proto/wire/crc32c.h"

namespace kappa::client {

void PrepareBatch(Codec codec, SealedBatch* batch) {
  if (codec != Codec::kNone) {
    absl::StatusOr<std::string> compressed = Compress(codec, batch->payload);
    // Uncompressed is always accepted.
    if (compressed.ok() && compressed->size() < batch->payload.size()) {
      batch->payload = *std::move(compressed);
      batch->codec = codec;
    }
  }
  batch->payload_crc32c = Crc32c(std::string_view(batch->payload));
}

PartitionAppender::PartitionAppender(uint32_t partition, std::string topic_uuid,
                                     const ProducerOptions* options,
                                     AppendEnvironment* environment)
    : partition_(partition),
      topic_uuid_(std::move(topic_uuid)),
      options_(*options),
      environment_(*environment),
      queue_(options->exact_retries, options->in_flight_max) {}

absl::Status PartitionAppender::Append(const RecordView& record, size_t bytes,
                                       AppendCallback done, bool* sealed) {
  Batches batches;
  {
    MutexLock lock(&mutex_);
    if (!refusal_.ok()) return refusal_;
    if (encoder_.record_count() > 0 &&
        encoder_.bytes() + bytes > options_.batch_bytes) {
      batches.push_back(SealOpenBatch());
    }
    const bool first = encoder_.record_count() == 0;
    if (first) encoder_.Reserve(std::max(reserve_bytes_, bytes));
    if (done) {
      callbacks_.push_back({encoder_.record_count(), std::move(done)});
    }
    encoder_.Add(record);
    if (encoder_.bytes() >= options_.batch_bytes ||
        encoder_.record_count() >= options_.batch_records ||
        (options_.send_when_idle && queue_.empty())) {
      batches.push_back(SealOpenBatch());
    } else if (first) {
      ScheduleLinger();
    }
  }
  *sealed = !batches.empty();
  if (!batches.empty()) Prepare(batches);
  return absl::OkStatus();
}

absl::Status PartitionAppender::AppendBatch(
    std::shared_ptr<SealedBatch> batch) {
  Batches batches;
  {
    MutexLock lock(&mutex_);
    if (!refusal_.ok()) return refusal_;
    if (encoder_.record_count() > 0) batches.push_back(SealOpenBatch());
    PushBatch(batch);
    batches.push_back(std::move(batch));
  }
  Prepare(batches);
  return absl::OkStatus();
}

void PartitionAppender::Seal() {
  Batches batches;
  {
    MutexLock lock(&mutex_);
    if (encoder_.record_count() == 0) return;
    batches.push_back(SealOpenBatch());
  }
  Prepare(batches);
}

std::shared_ptr<SealedBatch> PartitionAppender::SealOpenBatch() {
  auto batch = std::make_shared<SealedBatch>();
  batch->record_count = encoder_.record_count();
  batch->payload = encoder_.Take();
  batch->record_bytes = batch->payload.size();
  batch->callbacks = std::exchange(callbacks_, {});
  reserve_bytes_ = batch->record_bytes;
  PushBatch(batch);
  return batch;
}

void PartitionAppender::PushBatch(std::shared_ptr<SealedBatch> batch) {
  batch->sealed_at = absl::Now();
  ++sealed_total_;
  queue_.Push(std::move(batch));
}

void PartitionAppender::Prepare(const Batches& batches) {
  for (const std::shared_ptr<SealedBatch>& batch : batches) {
    PrepareBatch(options_.compression, batch.get());
  }
  Batches more;
  {
    MutexLock lock(&mutex_);
    for (const std::shared_ptr<SealedBatch>& batch : batches) {
      batch->ready = true;
    }
    more = Advance();
  }
  // Not again: the queue has a batch now.
  if (!more.empty()) Prepare(more);
}

PartitionAppender::Batches PartitionAppender::Advance() {
  Batches sealed;
  if (!refusal_.ok()) return sealed;
  if (options_.send_when_idle && queue_.empty() &&
      encoder_.record_count() > 0) {
    sealed.push_back(SealOpenBatch());
  }
  switch (queue_.state()) {
    case PartitionQueue::State::kClosed:
      stream_ = nullptr;
      if (!queue_.empty() && !opening_) {
        opening_ = true;
        environment_.OpenSession(partition_, had_session_);
      }
      break;
    case PartitionQueue::State::kOpen:
      SendBatches();
      break;
    case PartitionQueue::State::kDraining:
      break;
    case PartitionQueue::State::kWaiting:
      // The next attempt may go to another node.
      stream_ = nullptr;
      ScheduleResume();
      break;
  }
  ScheduleExpiry();
  return sealed;
}

void PartitionAppender::SendBatches() {
  while (true) {
    if (stream_ == nullptr) {
      if (queue_.empty()) return;
      stream_ = environment_.StreamFor(partition_);
      if (stream_ == nullptr) return;
    }
    std::optional<PartitionQueue::Attempt> attempt = queue_.TakeNext();
    if (!attempt.has_value()) return;
    AppendEnvelope envelope;
    envelope.correlation_id = CorrelationId(partition_, attempt->serial);
    envelope.topic = options_.topic;
    envelope.topic_uuid = topic_uuid_;
    envelope.partition = partition_;
    envelope.producer_id = session_.producer_id;
    envelope.epoch = session_.epoch;
    envelope.sequence = attempt->sequence;
    envelope.previous_sequence = attempt->previous_sequence;
    envelope.session_start_offset = session_.start_offset;
    const std::optional<uint64_t> ticket = stream_->Write(
        EncodeAppendRequest(envelope, std::move(attempt->batch)));
    // On a broken stream nothing is sent; its end is told to us soon.
    queue_.SetTicket(attempt->serial,
                     ticket.value_or(std::numeric_limits<uint64_t>::max()));
    environment_.OnSent();
  }
}

void PartitionAppender::ScheduleResume() {
  if (resume_scheduled_) return;
  resume_scheduled_ = true;
  const absl::Duration delay = environment_.RetryDelay(
      partition_, queue_.failures_in_row(), resumed_at_once_, queue_.cause());
  resumed_at_once_ = delay == absl::ZeroDuration();
  environment_.RunAfter(delay, [this] {
    Batches sealed;
    {
      MutexLock lock(&mutex_);
      resume_scheduled_ = false;
      if (queue_.state() == PartitionQueue::State::kWaiting) queue_.Resume();
      sealed = Advance();
    }
    if (!sealed.empty()) Prepare(sealed);
  });
}

void PartitionAppender::ScheduleExpiry() {
  if (expiry_scheduled_ || queue_.empty() ||
      options_.delivery_timeout == absl::InfiniteDuration()) {
    return;
  }
  expiry_scheduled_ = true;
  const absl::Time due = queue_.front().sealed_at + options_.delivery_timeout;
  environment_.RunAfter(due - absl::Now(), [this] { Expire(); });
}

void PartitionAppender::Expire() {
  std::vector<FinishedBatch> finished;
  Batches sealed;
  {
    MutexLock lock(&mutex_);
    expiry_scheduled_ = false;
    queue_.Expire(absl::Now() - options_.delivery_timeout, &finished);
    sealed = Advance();
  }
  FinishOutside(std::move(finished), sealed);
}

void PartitionAppender::ScheduleLinger() {
  const uint64_t batch = sealed_total_;
  environment_.RunAfter(options_.linger, [this, batch] {
    {
      MutexLock lock(&mutex_);
      if (sealed_total_ != batch) return;
    }
    Seal();
  });
}

uint64_t PartitionAppender::sealed_total() {
  MutexLock lock(&mutex_);
  return sealed_total_;
}

bool PartitionAppender::WaitFinished(uint64_t batches, absl::Time deadline) {
  MutexLock lock(&mutex_);
  while (finished_total_ < batches) {
    const absl::Duration left = deadline - absl::Now();
    if (left <= absl::ZeroDuration()) return false;
    finished_changed_.WaitFor(
        &mutex_, absl::ToInt64Microseconds(std::min(left, absl::Hours(1))) + 1);
  }
  return true;
}

void PartitionAppender::OnSession(absl::StatusOr<PartitionSession> session) {
  std::vector<FinishedBatch> finished;
  Batches sealed;
  {
    MutexLock lock(&mutex_);
    opening_ = false;
    if (!session.ok()) {
      queue_.FailAll(session.status(), &finished);
    } else if (queue_.state() == PartitionQueue::State::kClosed) {
      had_session_ = true;
      session_ = *std::move(session);
      queue_.Open(session_.last_sequence);
    }
    sealed = Advance();
  }
  FinishOutside(std::move(finished), sealed);
}

void PartitionAppender::OnAnswer(
    uint64_t serial, const absl::StatusOr<v1::AppendResponse>& answer) {
  std::vector<FinishedBatch> finished;
  Batches sealed;
  {
    MutexLock lock(&mutex_);
    queue_.OnAnswer(serial, answer, &finished);
    sealed = Advance();
  }
  FinishOutside(std::move(finished), sealed);
}

void PartitionAppender::OnStreamEnd(const AppendStream* stream,
                                    uint64_t started,
                                    const absl::Status& cause) {
  std::vector<FinishedBatch> finished;
  Batches sealed;
  {
    MutexLock lock(&mutex_);
    if (stream_ != stream) return;
    stream_ = nullptr;
    queue_.OnBroken(started, cause, &finished);
    sealed = Advance();
  }
  FinishOutside(std::move(finished), sealed);
}

void PartitionAppender::Fail(const absl::Status& status) {
  std::vector<FinishedBatch> finished;
  {
    MutexLock lock(&mutex_);
    if (!refusal_.ok()) return;
    if (encoder_.record_count() > 0) SealOpenBatch();
    refusal_ = status;
    queue_.FailAll(status, &finished);
    stream_ = nullptr;
  }
  FinishOutside(std::move(finished), {});
}

void PartitionAppender::FinishOutside(std::vector<FinishedBatch> finished,
                                      const Batches& sealed) {
  if (!sealed.empty()) Prepare(sealed);
  if (finished.empty()) return;
  const size_t count = finished.size();
  environment_.Finish(partition_, std::move(finished));
  MutexLock lock(&mutex_);
  finished_total_ += count;
  finished_changed_.SignalAll();
}

}  // namespace kappa::client

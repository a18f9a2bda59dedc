#include "client/cpp/producer_session.h"

#include <algorithm>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/cpp/backoff.h"
#include "client/cpp/error.h"
#include "proto/wire/check.h"
#include "proto/wire/partitioner.h"
#include "proto/wire/string_view.h"

namespace kappa::client {
namespace {

// How long the destructor lets the server end its streams by itself.
constexpr absl::Duration kFarewell = absl::Seconds(2);
// How often WatchStreams looks within the time of one silence.
constexpr int kLooksPerLimit = 8;

// A random 128-bit id.
std::string RandomId() {
  std::random_device random;
  std::string id;
  while (id.size() < 16) {
    const uint32_t word = random();
    id.append(reinterpret_cast<const char*>(&word), sizeof(word));
  }
  return id;
}

absl::Status LimitError(std::string_view limit, uint64_t max, uint64_t value) {
  return MakeError(
      absl::StatusCode::kInvalidArgument, v1::ERROR_REASON_LIMIT_EXCEEDED,
      ToStd(absl::StrCat("limit ", ToAbsl(limit), " ", max, ": got ", value)),
      /*definite=*/true);
}

// What the server would refuse with the whole batch, refused for the record.
absl::Status CheckRecord(const RecordView& record, size_t bytes,
                         const v1::TopicLimits& limits) {
  if (bytes > limits.batch_bytes_max()) {
    return LimitError("batch_bytes_max", limits.batch_bytes_max(), bytes);
  }
  if (record.key.has_value() && record.key->size() > kKeyBytesMax) {
    return LimitError("key_bytes_max", kKeyBytesMax, record.key->size());
  }
  if (record.headers.size() > kHeadersMax) {
    return LimitError("headers_max", kHeadersMax, record.headers.size());
  }
  size_t header_bytes = 0;
  for (const HeaderView& header : record.headers) {
    if (header.name.empty() || header.name.size() > kHeaderNameBytesMax) {
      return LimitError("header_name_bytes_max", kHeaderNameBytesMax,
                        header.name.size());
    }
    header_bytes += header.name.size() + header.value.size();
  }
  if (header_bytes > kHeaderBytesMax) {
    return LimitError("header_bytes_max", kHeaderBytesMax, header_bytes);
  }
  return absl::OkStatus();
}

ProducerOptions Bounded(ProducerOptions options, const v1::Topic& topic) {
  options.batch_bytes =
      std::min<size_t>(options.batch_bytes, topic.limits().batch_bytes_max());
  options.batch_records =
      std::min(options.batch_records, topic.limits().batch_records_max());
  return options;
}

}  // namespace

ProducerSession::ProducerSession(std::shared_ptr<Client> client,
                                 ProducerOptions options, v1::Topic topic,
                                 v1::OpenProducerResponse opened)
    : client_(std::move(client)),
      options_(Bounded(std::move(options), topic)),
      topic_(std::move(topic)),
      opened_(std::move(opened)),
      memory_(options_.memory_bytes_max),
      opener_(client_, &timer_, topic_.name(), topic_.uuid(), options_.name),
      silence_(options_.exact_retries ? client_->options().silence_min
                                      : absl::InfiniteDuration()),
      sticky_partition_(std::random_device()() % topic_.partitions()) {
  AppendEnvironment* const environment = this;
  for (uint32_t i = 0; i < topic_.partitions(); ++i) {
    partitions_.push_back(std::make_unique<PartitionAppender>(
        i, topic_.uuid(), &options_, environment));
  }
}

ProducerSession::~ProducerSession() {
  memory_.Close();
  timer_.Stop();
  opener_.Stop();
  // With nothing unanswered the streams end in peace, else at once.
  const bool idle = memory_.used() == 0;
  Fail(absl::CancelledError("the producer was destroyed"));
  MutexLock lock(&streams_mutex_);
  closing_ = true;
  for (const auto& [address, stream] : streams_) {
    stream->Close();
    if (!idle) stream->Cancel();
  }
  const absl::Time deadline = absl::Now() + kFarewell;
  while (open_streams_ > 0) {
    const absl::Duration left = deadline - absl::Now();
    if (left > absl::ZeroDuration()) {
      streams_changed_.WaitFor(&streams_mutex_,
                               absl::ToInt64Microseconds(left) + 1);
      continue;
    }
    for (const auto& [address, stream] : streams_) stream->Cancel();
    streams_changed_.Wait(&streams_mutex_);
  }
}

absl::Status ProducerSession::Append(const RecordView& record,
                                     std::optional<uint32_t> partition,
                                     AppendCallback done) {
  const size_t bytes = RecordSetEncoder::EncodedSize(record);
  absl::Status status = CheckRecord(record, bytes, topic_.limits());
  if (!status.ok()) return status;
  const bool sticky = !partition.has_value() && !record.key.has_value();
  const uint32_t target =
      partition.has_value() ? *partition : ChoosePartition(record);
  if (target >= partitions_.size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "partition ", target, ": the topic has ", partitions_.size()));
  }
  status = TakeMemory(bytes);
  if (!status.ok()) return status;
  bool sealed = false;
  status = partitions_[target]->Append(record, bytes, std::move(done), &sealed);
  if (!status.ok()) {
    memory_.Return(bytes);
  } else if (sealed && sticky) {
    uint32_t expected = target;
    sticky_partition_.compare_exchange_strong(
        expected, (target + 1) % static_cast<uint32_t>(partitions_.size()));
  }
  return status;
}

uint32_t ProducerSession::ChoosePartition(const RecordView& record) {
  if (!record.key.has_value()) {
    return sticky_partition_.load(std::memory_order_relaxed);
  }
  return PartitionOfKey(*record.key, static_cast<uint32_t>(partitions_.size()));
}

absl::Status ProducerSession::AppendBatch(uint32_t partition,
                                          absl::Span<const RecordView> records,
                                          BatchOptions batch_options,
                                          AppendCallback done) {
  if (records.empty()) return absl::InvalidArgumentError("the batch is empty");
  if (partition >= partitions_.size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "partition ", partition, ": the topic has ", partitions_.size()));
  }
  if (records.size() > topic_.limits().batch_records_max()) {
    return LimitError("batch_records_max", topic_.limits().batch_records_max(),
                      records.size());
  }
  if (batch_options.state.has_value() && !options_.exact_retries) {
    return absl::InvalidArgumentError("state needs exact retries");
  }
  size_t bytes = 0;
  for (const RecordView& record : records) {
    const size_t record_bytes = RecordSetEncoder::EncodedSize(record);
    absl::Status status = CheckRecord(record, record_bytes, topic_.limits());
    if (!status.ok()) return status;
    bytes += record_bytes;
  }
  if (bytes > topic_.limits().batch_bytes_max()) {
    return LimitError("batch_bytes_max", topic_.limits().batch_bytes_max(),
                      bytes);
  }
  absl::Status status = TakeMemory(bytes);
  if (!status.ok()) return status;
  RecordSetEncoder encoder;
  encoder.Reserve(bytes);
  for (const RecordView& record : records) encoder.Add(record);
  auto batch = std::make_shared<SealedBatch>();
  batch->record_count = encoder.record_count();
  batch->payload = encoder.Take();
  batch->record_bytes = bytes;
  if (batch_options.expected_offset.has_value()) {
    batch->expected_offset = batch_options.expected_offset->value();
  }
  batch->state = std::move(batch_options.state);
  if (done) batch->callbacks.push_back({0, std::move(done)});
  status = partitions_[partition]->AppendBatch(std::move(batch));
  if (!status.ok()) memory_.Return(bytes);
  return status;
}

absl::Status ProducerSession::TakeMemory(size_t bytes) {
  if (memory_.TryTake(bytes)) return absl::OkStatus();
  if (options_.when_full == WhenFull::kFail) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the producer's memory of ", options_.memory_bytes_max,
                     " bytes is used up by records not yet answered"));
  }
  // Open batches go out now, lest we wait for their linger.
  if (memory_.Take(bytes, [this] { SealAll(); })) return absl::OkStatus();
  return absl::FailedPreconditionError("the producer is closed");
}

void ProducerSession::SealAll() {
  for (const auto& partition : partitions_) partition->Seal();
}

absl::Status ProducerSession::Flush(absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  SealAll();
  std::vector<uint64_t> sealed;
  sealed.reserve(partitions_.size());
  for (const auto& partition : partitions_) {
    sealed.push_back(partition->sealed_total());
  }
  for (size_t i = 0; i < partitions_.size(); ++i) {
    if (!partitions_[i]->WaitFinished(sealed[i], deadline)) {
      return absl::DeadlineExceededError(
          absl::StrCat("not everything was answered within ",
                       absl::FormatDuration(timeout)));
    }
  }
  MutexLock lock(&error_mutex_);
  return std::exchange(first_error_, absl::OkStatus());
}

void ProducerSession::Fail(const absl::Status& status) {
  for (const auto& partition : partitions_) partition->Fail(status);
}

void ProducerSession::OnAnswer(AppendStream* stream, absl::Duration silence,
                               const v1::AppendStreamResponse& answer) {
  silence_.OnAnswer(silence);
  const uint64_t partition = answer.correlation_id() >> kSerialBits;
  const uint64_t serial =
      answer.correlation_id() & ((uint64_t{1} << kSerialBits) - 1);
  if (partition >= partitions_.size()) return;
  if (answer.has_ack()) {
    partitions_[partition]->OnAnswer(serial, answer.ack());
    return;
  }
  const absl::Status error = StatusFromWire(answer.error());
  client_->NoteError(topic_.name(), static_cast<uint32_t>(partition),
                     stream->address(), error);
  partitions_[partition]->OnAnswer(serial, error);
  if (ReasonOf(error) == v1::ERROR_REASON_PRODUCER_FENCED) Fail(error);
}

void ProducerSession::OnStreamEnd(AppendStream* stream, uint64_t started,
                                  const absl::Status& status) {
  client_->NoteFailure(stream->address());
  std::unique_ptr<AppendStream> ended;
  bool closing;
  {
    MutexLock lock(&streams_mutex_);
    const auto found = streams_.find(stream->address());
    KAPPA_CHECK(found != streams_.end() && found->second.get() == stream,
                "an unknown stream ended");
    ended = std::move(found->second);
    streams_.erase(found);
    closing = closing_;
  }
  if (!closing) {
    for (const auto& partition : partitions_) {
      partition->OnStreamEnd(stream, started, status);
    }
  }
  MutexLock lock(&streams_mutex_);
  ended_streams_.push_back(std::move(ended));
  if (!closing_) {
    timer_.RunAfter(absl::ZeroDuration(), [this] { DestroyEndedStreams(); });
  }
  // Last: the destructor waits for this.
  --open_streams_;
  streams_changed_.SignalAll();
}

void ProducerSession::DestroyEndedStreams() {
  std::vector<std::unique_ptr<AppendStream>> ended;
  MutexLock lock(&streams_mutex_);
  ended.swap(ended_streams_);
}

AppendStream* ProducerSession::StreamFor(uint32_t partition) {
  const std::string address = client_->AddressOf(topic_.name(), partition);
  MutexLock lock(&streams_mutex_);
  if (closing_) return nullptr;
  std::unique_ptr<AppendStream>& stream = streams_[address];
  if (stream == nullptr) {
    AppendStream::Listener* const listener = this;
    stream = std::make_unique<AppendStream>(client_->ChannelTo(address),
                                            address, listener);
    ++open_streams_;
  }
  return stream.get();
}

PartitionSession ProducerSession::NewIdentity() const {
  PartitionSession session;
  if (!options_.exact_retries) return session;
  session.producer_id =
      options_.name.empty() ? RandomId() : opened_.producer_id();
  session.epoch = opened_.epoch();
  return session;
}

void ProducerSession::OpenSession(uint32_t partition, bool anew) {
  PartitionSession session = NewIdentity();
  PartitionAppender* const appender = partitions_[partition].get();
  if (!options_.exact_retries) {
    timer_.RunAfter(absl::ZeroDuration(),
                    [appender, session] { appender->OnSession(session); });
    return;
  }
  if (!anew && !options_.name.empty()) {
    for (const v1::ProducerPosition& position : opened_.positions()) {
      if (position.partition() != partition) continue;
      session.last_sequence = position.last_sequence();
      timer_.RunAfter(absl::ZeroDuration(),
                      [appender, session] { appender->OnSession(session); });
      return;
    }
  }
  opener_.Open(partition, std::move(session),
               [appender](absl::StatusOr<PartitionSession> opened) {
                 appender->OnSession(std::move(opened));
               });
}

void ProducerSession::OnSent() {
  if (silence_.limit() == absl::InfiniteDuration()) return;
  if (watching_.exchange(true)) return;
  timer_.RunAfter(silence_.limit() / kLooksPerLimit,
                  [this] { WatchStreams(); });
}

void ProducerSession::WatchStreams() {
  // Before it looks: what is sent later makes it look again.
  watching_ = false;
  const absl::Duration limit = silence_.limit();
  const absl::Time now = absl::Now();
  bool awaited = false;
  bool given_up = false;
  {
    MutexLock lock(&streams_mutex_);
    for (const auto& [address, stream] : streams_) {
      awaited |= stream->unanswered() > 0;
      const absl::Duration silence = stream->Silence(now);
      if (silence < limit) continue;
      given_up = true;
      stream->GiveUp(absl::UnavailableError(absl::StrCat(
          address, " has answered nothing for ",
          absl::FormatDuration(absl::Trunc(silence, absl::Milliseconds(1))))));
    }
  }
  if (given_up) silence_.OnSilence();
  if (awaited) OnSent();
}

void ProducerSession::RunAfter(absl::Duration delay,
                               std::function<void()> task) {
  timer_.RunAfter(delay, std::move(task));
}

absl::Duration ProducerSession::RetryDelay(uint32_t partition,
                                           uint32_t failures,
                                           bool last_was_zero,
                                           const absl::Status& cause) {
  const v1::ErrorReason reason = ReasonOf(cause);
  if (reason == v1::ERROR_REASON_SEQUENCE_GAP && failures <= 1) {
    return absl::ZeroDuration();
  }
  // OnAnswer passed it to NoteError: the leader that it names is worth going to
  // if that is remembered. Two nodes that name each other are not asked faster
  // for that.
  if (reason == v1::ERROR_REASON_NOT_LEADER &&
      (failures <= 1 || !last_was_zero) &&
      MetadataOf(cause, "leader") ==
          client_->AddressOf(topic_.name(), partition)) {
    return absl::ZeroDuration();
  }
  Backoff backoff(client_->options().backoff_min,
                  client_->options().backoff_max);
  return std::max(backoff.At(failures, cause), RetryAfter(cause));
}

void ProducerSession::Finish(uint32_t partition,
                             std::vector<FinishedBatch> finished) {
  for (FinishedBatch& done : finished) {
    SealedBatch& batch = *done.batch;
    memory_.Return(batch.record_bytes);
    BatchOutcome outcome;
    outcome.partition = partition;
    outcome.record_count = batch.record_count;
    outcome.bytes = batch.record_bytes;
    outcome.latency = absl::Now() - batch.sealed_at;
    outcome.result = std::move(done.result);
    if (outcome.result.ok()) {
      outcome.result->partition = partition;
    } else {
      MutexLock lock(&error_mutex_);
      if (first_error_.ok()) first_error_ = outcome.result.status();
    }
    if (options_.on_batch) options_.on_batch(outcome);
    for (RecordCallback& callback : batch.callbacks) {
      absl::StatusOr<AppendResult> result = outcome.result;
      if (result.ok() && result->offset.has_value()) {
        result->offset = *result->offset + callback.record;
      }
      callback.done(result);
    }
    batch.callbacks.clear();
  }
}

}  // namespace kappa::client

#include "client/cpp/partition_reader.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/cpp/error.h"

namespace kappa::client {
namespace {

using Kind = ReplayPosition::Kind;

// A stream that shows no life for so many heartbeats is given up.
constexpr int kHeartbeatsMissedMax = 3;

void SetPosition(const ReplayPosition& position, v1::ReadStart* start) {
  switch (position.kind) {
    case Kind::kBeginning:
    case Kind::kNever:
      start->set_beginning(true);
      break;
    case Kind::kOffset:
      start->set_offset(position.offset);
      break;
    case Kind::kAppendTime:
      start->set_append_time_us(position.append_time_us);
      break;
    case Kind::kEnd:
      start->set_end(true);
      break;
  }
}

void SetPosition(const ReplayPosition& position, v1::ReadStop* stop) {
  switch (position.kind) {
    case Kind::kBeginning:
      stop->set_offset(0);
      break;
    case Kind::kNever:
      stop->set_never(true);
      break;
    case Kind::kOffset:
      stop->set_offset(position.offset);
      break;
    case Kind::kAppendTime:
      stop->set_append_time_us(position.append_time_us);
      break;
    case Kind::kEnd:
      stop->set_end(true);
      break;
  }
}

}  // namespace

PartitionReader::PartitionReader(std::shared_ptr<Client> client,
                                 ReplayOptions options, ReadySignal* ready)
    : client_(std::move(client)),
      options_(std::move(options)),
      ready_(*ready),
      whole_batches_(!options_.filter.has_value()),
      backoff_(client_->options().backoff_min, client_->options().backoff_max),
      last_life_(absl::Now()) {
  if (options_.start.has_value() && options_.start->kind == Kind::kOffset) {
    next_offset_ = options_.start->offset;
    if (!options_.backwards) resume_offset_ = options_.start->offset;
  }
}

PartitionReader::~PartitionReader() = default;

void PartitionReader::SetRecord() {
  const RecordView& view = records_.record();
  const uint64_t offset = records_.offset();
  record_.partition = options_.partition;
  record_.offset = Offset(offset);
  record_.append_time_us = records_.append_time_us();
  record_.key = view.key;
  record_.value = view.value;
  record_.headers = view.headers;
  record_.event_time_us = view.event_time_us;
  // Backwards a place inside of a batch cannot be named.
  if (!options_.backwards) {
    next_offset_.store(offset + 1, std::memory_order_relaxed);
  }
}

PartitionReader::Step PartitionReader::NextBatch() {
  while (!ended_) {
    if (!records_.status().ok()) {
      OnDamage(records_.status());
      continue;
    }
    if (message_.has_value()) {
      if (absl::Status adjoins = CheckAdjoins(); !adjoins.ok()) {
        OnDamage(adjoins);
        continue;
      }
      if (!LoadBatch()) {
        FinishMessage();
        continue;
      }
      if (records_.Next()) {
        SetRecord();
        return Step::kRecord;
      }
      continue;
    }
    const Step step = Receive();
    if (step != Step::kRecord) return step;
  }
  return Step::kEnd;
}

absl::Status PartitionReader::CheckAdjoins() const {
  if (!whole_batches_ || options_.backwards) return absl::OkStatus();
  uint64_t expected = next_offset_;
  bool known = next_batch_ > 0 || resume_offset_.has_value();
  if (next_batch_ == 0 && message_->gap.has_value()) {
    const v1::Gap& gap = *message_->gap;
    if (known && gap.first_offset() != expected) {
      return Skipped(gap.first_offset(), expected);
    }
    expected = gap.next_offset();
    known = true;
  }
  uint64_t offset = message_->next_offset;
  if (next_batch_ < message_->batches.size()) {
    const DeliveredBatchView& batch = message_->batches[next_batch_];
    offset = batch.base_offset + batch.first_record;
  }
  return !known || offset == expected ? absl::OkStatus()
                                      : Skipped(offset, expected);
}

absl::Status PartitionReader::Skipped(uint64_t offset,
                                      uint64_t expected) const {
  return absl::DataLossError(absl::StrCat(
      "replay of ", options_.topic, "/", options_.partition,
      ": it goes on at offset ", offset, " where ", expected, " was expected"));
}

bool PartitionReader::LimitReached() const {
  return (options_.records_max > 0 && records_begun_ >= options_.records_max) ||
         (options_.bytes_max > 0 && payload_bytes_ >= options_.bytes_max);
}

bool PartitionReader::LoadBatch() {
  if (next_batch_ == message_->batches.size()) return false;
  DeliveredBatchView& batch = message_->batches[next_batch_++];
  if (options_.backwards) {
    // Should it be damaged: where to read it again.
    next_offset_ = batch.base_offset + (whole_batches_ ? batch.last_record + 1
                                                       : batch.record_count);
  } else {
    next_offset_ =
        batch.base_offset + (whole_batches_ ? batch.first_record : 0);
  }
  payload_bytes_ += batch.payload.bytes();
  ++batches_;
  if (records_.Load(std::move(batch), whole_batches_).ok()) {
    records_begun_ += records_.record_count();
  }
  return true;
}

void PartitionReader::BeginMessage(ReplayMessage message) {
  message_ = std::move(message);
  next_batch_ = 0;
  backoff_.Reset();
  again_at_once_ = false;
  if (topic_uuid_.empty()) topic_uuid_ = message_->topic_uuid;
  end_offset_ = message_->end_offset;
  if (message_->gap.has_value()) Emit(ReplayEvent::Kind::kGap);
}

void PartitionReader::FinishMessage() {
  const ReplayMessage message = *std::exchange(message_, std::nullopt);
  resume_offset_ = message.next_offset;
  next_offset_ = message.next_offset;
  if (message.heartbeat) Emit(ReplayEvent::Kind::kHeartbeat);
  if (message.progress == v1::REPLAY_PROGRESS_CAUGHT_UP) {
    Emit(ReplayEvent::Kind::kCaughtUp);
  } else if (message.progress == v1::REPLAY_PROGRESS_FELL_BEHIND) {
    Emit(ReplayEvent::Kind::kFellBehind);
  }
}

PartitionReader::Step PartitionReader::Receive() {
  if (ready_.cancelled()) {
    return End(absl::CancelledError("the replay was cancelled"));
  }
  const absl::Time now = absl::Now();
  if (stream_ == nullptr) {
    if (now < retry_at_) {
      wake_time_ = retry_at_;
      return Step::kPending;
    }
    OpenStream();
  }
  if (std::optional<grpc::ByteBuffer> buffer = stream_->Pop()) {
    last_life_ = now;
    absl::StatusOr<ReplayMessage> message = ParseReplayMessage(*buffer);
    if (!message.ok()) return OnDamage(message.status());
    BeginMessage(*std::move(message));
    return Step::kRecord;
  }
  if (std::optional<absl::Status> end = stream_->End()) {
    return OnStreamEnd(*std::move(end));
  }
  wake_time_ =
      stream_->last_activity() + kHeartbeatsMissedMax * options_.heartbeat;
  if (now < wake_time_) return Step::kPending;
  return OnStreamEnd(absl::UnavailableError(
      absl::StrCat("no heartbeat of ", stream_->address(), " for ",
                   absl::FormatDuration(now - stream_->last_activity()))));
}

void PartitionReader::OpenStream() {
  const std::string address =
      client_->AddressOf(options_.topic, options_.partition);
  stream_ = std::make_unique<ReplayStream>(client_->ChannelTo(address), address,
                                           MakeRequest(),
                                           options_.read_ahead_bytes, &ready_);
}

v1::ReplayRequest PartitionReader::MakeRequest() const {
  v1::ReplayRequest request;
  request.set_topic(options_.topic);
  request.set_topic_uuid(topic_uuid_);
  request.set_partition(options_.partition);
  request.set_heartbeat_ms(
      static_cast<uint32_t>(absl::ToInt64Milliseconds(options_.heartbeat)));
  v1::ReadOptions& read = *request.mutable_options();
  if (resume_offset_.has_value()) {
    read.mutable_start()->set_offset(*resume_offset_);
  } else if (options_.start.has_value()) {
    SetPosition(*options_.start, read.mutable_start());
  }
  if (options_.stop.has_value()) {
    SetPosition(*options_.stop, read.mutable_stop());
  }
  if (options_.records_max > 0) {
    read.set_records_max(options_.records_max - records_begun_);
  }
  if (options_.bytes_max > 0) {
    read.set_bytes_max(options_.bytes_max - payload_bytes_);
  }
  read.set_backwards(options_.backwards);
  read.set_consistency(options_.consistency);
  if (whole_batches_) {
    read.set_delivery(v1::DELIVERY_WHOLE_BATCHES);
  } else {
    *read.mutable_filter() = *options_.filter;
    read.add_accepted_compressions(v1::COMPRESSION_ZSTD);
    read.add_accepted_compressions(v1::COMPRESSION_LZ4);
  }
  return request;
}

PartitionReader::Step PartitionReader::OnStreamEnd(absl::Status status) {
  const std::string address = stream_->address();
  stream_ = nullptr;
  if (status.ok()) return End(status);
  // A limit that was reached exactly when the connection broke.
  if (LimitReached()) return End(absl::OkStatus());
  const bool follow =
      client_->NoteError(options_.topic, options_.partition, address, status);
  if (!IsRetriable(status) && !IsLostConnection(status)) return End(status);
  const absl::Time now = absl::Now();
  again_at_once_ = follow && !again_at_once_;
  retry_at_ = now;
  if (!again_at_once_) {
    retry_at_ += std::max(backoff_.Next(status), RetryAfter(status));
  }
  if (retry_at_ - last_life_ > options_.retry_timeout) return End(status);
  Emit(ReplayEvent::Kind::kReconnecting, status);
  return Step::kRecord;
}

PartitionReader::Step PartitionReader::OnDamage(const absl::Status& status) {
  stream_ = nullptr;
  if (LimitReached()) return End(absl::OkStatus());
  const uint64_t place = next_offset_;
  if (damaged_offset_ == place) return End(status);
  damaged_offset_ = place;
  // Perhaps it was damaged on the way: once more from the same place.
  if (message_.has_value() || resume_offset_.has_value()) {
    resume_offset_ = place;
  }
  message_ = std::nullopt;
  records_.Clear();
  Emit(ReplayEvent::Kind::kReconnecting, status);
  return Step::kRecord;
}

PartitionReader::Step PartitionReader::End(absl::Status status) {
  ended_ = true;
  stream_ = nullptr;
  status_ = std::move(status);
  return Step::kEnd;
}

void PartitionReader::Emit(ReplayEvent::Kind kind, absl::Status cause) {
  if (!options_.on_event) return;
  ReplayEvent event;
  event.kind = kind;
  event.partition = options_.partition;
  event.next_offset = next_offset();
  event.end_offset = end_offset();
  if (kind == ReplayEvent::Kind::kGap) {
    event.gap_first = Offset(message_->gap->first_offset());
    event.gap_next = Offset(message_->gap->next_offset());
  }
  event.cause = std::move(cause);
  options_.on_event(event);
}

bool NeedsOffsets(const ReplayOptions& options) {
  if (options.backwards) return false;
  return (options.start.has_value() && options.start->kind == Kind::kEnd) ||
         (options.stop.has_value() && options.stop->kind == Kind::kEnd);
}

void ResolvePositions(const v1::GetOffsetsResponse& offsets,
                      ReplayOptions* options) {
  if (options->backwards) return;
  const ReplayPosition end = ReplayPosition::At(Offset(offsets.end_offset()));
  if (options->start.has_value() && options->start->kind == Kind::kEnd) {
    options->start = end;
  }
  if (options->stop.has_value() && options->stop->kind == Kind::kEnd) {
    options->stop = end;
  }
}

absl::Status CheckReplayOptions(const ReplayOptions& options) {
  if (options.heartbeat < absl::Milliseconds(100) ||
      options.heartbeat > absl::Minutes(1)) {
    return absl::InvalidArgumentError("heartbeat is not 100 ms to 60 s");
  }
  if (options.start.has_value() && options.start->kind == Kind::kNever) {
    return absl::InvalidArgumentError("a replay cannot start at `never`");
  }
  if (options.stop.has_value() && options.stop->kind == Kind::kBeginning &&
      !options.backwards) {
    return absl::InvalidArgumentError(
        "a replay cannot stop at the beginning unless it goes backwards");
  }
  return absl::OkStatus();
}

}  // namespace kappa::client

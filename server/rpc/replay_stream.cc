#include "server/rpc/replay_stream.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/wire/wire_format.h"
#include "server/errors.h"
#include "server/rpc/byte_buffers.h"
#include "server/rpc/grpc_status.h"

namespace kappa::server {
namespace {

constexpr uint32_t kHeartbeatDefaultMs = 5'000;
constexpr uint32_t kHeartbeatMinMs = 100;
constexpr uint32_t kHeartbeatMaxMs = 60'000;
// How soon, and how late, a stop time is looked at again.
constexpr int64_t kStopCheckMinUs = 250'000;
constexpr int64_t kStopCheckMaxUs = 60'000'000;

// Numbers of the fields of kappa.v1.ReplayResponse.
constexpr uint32_t kTopicUuidField = 1;
constexpr uint32_t kNextOffsetField = 3;
constexpr uint32_t kEndOffsetField = 4;
constexpr uint32_t kProgressField = 5;
constexpr uint32_t kHeartbeatField = 6;
constexpr uint32_t kGapField = 7;

absl::StatusOr<int64_t> HeartbeatUs(uint32_t heartbeat_ms) {
  if (heartbeat_ms == 0) return int64_t{kHeartbeatDefaultMs} * 1000;
  if (heartbeat_ms < kHeartbeatMinMs || heartbeat_ms > kHeartbeatMaxMs) {
    return MakeError(
        v1::ERROR_REASON_LIMIT_EXCEEDED,
        absl::StrCat("limit heartbeat_ms ", kHeartbeatMinMs, " to ",
                     kHeartbeatMaxMs, ": got ", heartbeat_ms),
        {{"limit", "heartbeat_ms"},
         {"min", absl::StrCat(kHeartbeatMinMs)},
         {"max", absl::StrCat(kHeartbeatMaxMs)},
         {"value", absl::StrCat(heartbeat_ms)}});
  }
  return int64_t{heartbeat_ms} * 1000;
}

}  // namespace

ReplayStream* ReplayStream::Start(const RpcContext& context,
                                  const grpc::ByteBuffer& request) {
  auto stream = std::make_shared<ReplayStream>(context);
  context.streams->Add(stream);
  absl::Status begun = stream->Begin(request);
  if (context.peers != nullptr && MayBeBehind(begun)) {
    context.node->SyncTopics([stream, request](const absl::Status& synced) {
      absl::Status begun = synced.ok() ? stream->Begin(request) : synced;
      if (!begun.ok()) stream->Idle(begun, /*complete=*/false);
    });
  } else if (!begun.ok()) {
    stream->Idle(begun, /*complete=*/false);
  }
  return stream.get();  // LiveStreams keeps it until OnDone
}

ReplayStream::ReplayStream(const RpcContext& context) : context_(context) {
  context_.stats->replays.fetch_add(1, std::memory_order_relaxed);
}

absl::Status ReplayStream::Begin(const grpc::ByteBuffer& bytes) {
  v1::ReplayRequest request;
  if (absl::Status legal = ParseRequest(bytes, &request); !legal.ok()) {
    return legal;
  }
  absl::StatusOr<FoundPartition> partition =
      FindPartition(*context_.node, request.topic(), request.topic_uuid(),
                    request.partition());
  if (!partition.ok()) return partition.status();
  absl::StatusOr<ReadPlan> plan =
      CheckReadOptions(request.options(), /*follows=*/true);
  if (!plan.ok()) return plan.status();
  absl::StatusOr<int64_t> heartbeat_us = HeartbeatUs(request.heartbeat_ms());
  if (!heartbeat_us.ok()) return heartbeat_us.status();
  partition_ = *std::move(partition);
  plan_ = std::make_shared<const ReadPlan>(*std::move(plan));
  heartbeat_us_ = *heartbeat_us;
  ResolveReadRange(
      context_.node, partition_.group, *plan_,
      [self = shared_from_this()](absl::StatusOr<ReadRange> range) {
        self->OnRange(std::move(range));
      });
  return absl::OkStatus();
}

void ReplayStream::OnRange(absl::StatusOr<ReadRange> range) {
  if (!range.ok()) return Idle(range.status(), /*complete=*/false);
  until_ = range->until;
  delivery_.emplace(plan_, *range);
  const int64_t now_us = context_.clock->MonotonicUs();
  {
    MutexLock lock(&mutex_);
    end_offset_ = range->end_offset;
    resume_offset_ = range->from;
    last_message_us_ = now_us;
  }
  at_tail_ = !plan_->backwards && range->from == range->end_offset;
  if (at_tail_ || delivery_->complete()) {
    Send(Draft(), at_tail_ ? v1::REPLAY_PROGRESS_CAUGHT_UP
                           : v1::REPLAY_PROGRESS_UNSPECIFIED);
  }
  ScheduleHeartbeat(now_us + heartbeat_us_);
  if (range->stop_time_us.has_value()) ScheduleStopCheck(*range->stop_time_us);
  Idle(absl::OkStatus(), delivery_->complete());
}

void ReplayStream::Continue() {
  bool at_end;
  {
    MutexLock lock(&mutex_);
    at_end = !plan_->backwards && delivery_->next_offset() >= end_offset_;
  }
  if (at_end) {
    WaitAtEnd();
  } else if (at_tail_) {
    ReadChunkNow();
  } else {
    ReadChunkInTurn();
  }
}

size_t ReplayStream::ChunkBytes() const {
  const auto replays = static_cast<size_t>(std::max<int64_t>(
      1, context_.stats->replays.load(std::memory_order_relaxed)));
  // Two chunks that wait or are being written, one that is read.
  const size_t share = std::clamp(kReplayMemoryBytes / (3 * replays),
                                  kChunkBytesMin, kChunkBytesMax);
  return static_cast<size_t>(std::min<uint64_t>(share, plan_->bytes_max));
}

void ReplayStream::ReadChunkInTurn() {
  if (!behind_.has_value()) behind_.emplace(*context_.replay_pace);
  const int64_t now_us = context_.clock->MonotonicUs();
  const ReplayPace::Turn turn =
      context_.replay_pace->Take(now_us, chunk_bytes_);
  turn_ = turn;
  context_.stats->replay_bytes_per_s.store(
      static_cast<uint64_t>(turn.bytes_per_s()), std::memory_order_relaxed);
  if (turn.at_us <= now_us) return ReadChunkNow();
  bool ended;
  {
    MutexLock lock(&mutex_);
    ended = end_.has_value();
    if (!ended) paused_ = turn;
  }
  if (ended) {
    SettleTurn(0);
    return Idle(absl::OkStatus(), /*complete=*/false);
  }
  context_.stats->replay_pauses.fetch_add(1, std::memory_order_relaxed);
  context_.pool->PostAt(turn.at_us,
                        [self = shared_from_this()] { self->OnTurn(); });
}

void ReplayStream::OnTurn() {
  bool ended;
  {
    MutexLock lock(&mutex_);
    ended = !paused_.has_value();
    paused_.reset();
  }
  if (!ended) return ReadChunkNow();
  turn_.reset();  // EndWith has settled it
  Idle(absl::OkStatus(), /*complete=*/false);
}

void ReplayStream::ReadChunkNow() {
  ReadCommand command;
  command.group = partition_.group;
  command.from = delivery_->next_offset();
  command.until = until_;
  command.bytes_max = ChunkBytes();
  command.backwards = plan_->backwards;
  command.read_class = storage::ReadClass::kReplay;
  context_.node->Read(std::move(command), [self = shared_from_this()](
                                              absl::StatusOr<ReadChunk> chunk) {
    self->context_.pool->Post([self, chunk = std::move(chunk)]() mutable {
      self->OnChunk(std::move(chunk));
    });
  });
}

void ReplayStream::WaitAtEnd() {
  {
    MutexLock lock(&mutex_);
    waiting_ = true;
    wait_offset_ = delivery_->next_offset();
  }
  const uint64_t token = context_.node->WaitForEnd(
      partition_.group, delivery_->next_offset(),
      [self = shared_from_this()](absl::StatusOr<Offset> end) {
        self->OnWaited(std::move(end));
      });
  bool cancel;
  {
    MutexLock lock(&mutex_);
    if (!waiting_) return;
    wait_token_ = token;
    cancel = end_.has_value();
  }
  if (cancel) context_.node->CancelWait(partition_.group, token);
}

void ReplayStream::OnWaited(absl::StatusOr<Offset> end) {
  bool ended;
  {
    MutexLock lock(&mutex_);
    waiting_ = false;
    wait_token_.reset();
    ended = end_.has_value();
    if (end.ok()) end_offset_ = std::max(end_offset_, *end);
  }
  if (!ended && end.ok()) return ReadChunkNow();
  Idle(end.status(), /*complete=*/false);
}

void ReplayStream::OnChunk(absl::StatusOr<ReadChunk> chunk) {
  if (!chunk.ok()) {
    SettleTurn(0);
    return Idle(chunk.status(), /*complete=*/false);
  }
  size_t bytes = 0;
  for (const storage::StoredEntry& entry : chunk->entries) {
    bytes += entry.payload.bytes();
  }
  SettleTurn(bytes);
  chunk_bytes_ = std::max(kChunkBytesMin, bytes);
  const Offset before = delivery_->next_offset();
  absl::Status delivered = DeliverChunk(*chunk);
  if (delivered.ok() && !delivery_->complete() &&
      delivery_->next_offset() == before && before < chunk->end_offset) {
    delivered =
        MakeError(v1::ERROR_REASON_INTERNAL,
                  absl::StrCat("replay stands still at offset ", before.value(),
                               " below the end ", chunk->end_offset.value()));
  }
  if (!delivered.ok() || delivery_->complete()) behind_.reset();
  Idle(delivered, delivery_->complete());
}

void ReplayStream::SettleTurn(size_t bytes) {
  if (!turn_.has_value()) return;
  context_.replay_pace->Settle(*turn_, bytes);
  turn_.reset();
}

absl::Status ReplayStream::DeliverChunk(const ReadChunk& chunk) {
  const int64_t now_us = context_.clock->MonotonicUs();
  bool quiet;
  {
    MutexLock lock(&mutex_);
    end_offset_ = std::max(end_offset_, chunk.end_offset);
    quiet = now_us - last_message_us_ >= heartbeat_us_;
  }
  Draft draft;
  if (at_tail_ && !chunk.from_window && !chunk.entries.empty()) {
    at_tail_ = false;
    Send(Draft(), v1::REPLAY_PROGRESS_FELL_BEHIND);
  }
  if (chunk.gap_until.has_value()) {
    v1::Gap gap;
    gap.set_first_offset(delivery_->next_offset().value());
    gap.set_next_offset(chunk.gap_until->value());
    AppendBytesField(draft.message.text(), kGapField, gap.SerializeAsString());
    draft.tells = true;
    delivery_->SkipTo(*chunk.gap_until);
  }
  absl::Status status;
  for (const storage::StoredEntry& entry : chunk.entries) {
    if (delivery_->complete()) break;
    status = DeliverEntry(entry, &draft);
    if (!status.ok()) break;
  }
  if (status.ok() && !delivery_->complete()) {
    delivery_->SkipTo(chunk.next_offset);
  }
  v1::ReplayProgress progress = v1::REPLAY_PROGRESS_UNSPECIFIED;
  if (!plan_->backwards && !at_tail_ &&
      delivery_->next_offset() == chunk.end_offset) {
    at_tail_ = true;
    behind_.reset();
    progress = v1::REPLAY_PROGRESS_CAUGHT_UP;
  }
  if (draft.batch_bytes > 0 || draft.tells || quiet || delivery_->complete() ||
      progress != v1::REPLAY_PROGRESS_UNSPECIFIED) {
    Send(std::move(draft), progress);
  }
  return status;
}

absl::Status ReplayStream::DeliverEntry(const storage::StoredEntry& entry,
                                        Draft* draft) {
  absl::StatusOr<DeliveryStep> step = delivery_->Next(entry);
  if (!step.ok()) return step.status();
  if (step->batch.has_value()) {
    const size_t bytes = BytesFieldSize(2, step->batch->bytes());
    if (draft->batch_bytes > 0 &&
        draft->batch_bytes + bytes > kMessageBytesMax) {
      Send(std::exchange(*draft, Draft()), v1::REPLAY_PROGRESS_UNSPECIFIED);
    }
    draft->batch_bytes += bytes;
    AppendBatchField(*step->batch, kCopiedBytesMax, &draft->message);
    RpcStats& stats = *context_.stats;
    stats.delivered_batches.fetch_add(1, std::memory_order_relaxed);
    stats.delivered_records.fetch_add(step->records, std::memory_order_relaxed);
    stats.delivered_bytes.fetch_add(step->payload_bytes,
                                    std::memory_order_relaxed);
  }
  delivery_->Take(*step);
  return absl::OkStatus();
}

void ReplayStream::Send(Draft draft, v1::ReplayProgress progress) {
  if (progress != v1::REPLAY_PROGRESS_UNSPECIFIED) {
    AppendVarintField(draft.message.text(), kProgressField, progress);
  }
  MutexLock lock(&mutex_);
  Queue(std::move(draft.message), delivery_->next_offset());
}

void ReplayStream::Queue(WireMessage message, Offset next_offset) {
  if (dropped_) return;
  std::string* text = message.text();
  if (!told_topic_) {
    AppendBytesField(text, kTopicUuidField, UuidBytes(partition_.topic->uuid));
    told_topic_ = true;
  }
  AppendVarintField(text, kNextOffsetField, next_offset.value());
  AppendVarintField(text, kEndOffsetField, end_offset_.value());
  resume_offset_ = next_offset;
  last_message_us_ = context_.clock->MonotonicUs();
  ready_.push_back(ByteBufferOf(std::move(message)));
  ready_bytes_ += ready_.back().Length();
}

void ReplayStream::ScheduleStopCheck(int64_t stop_time_us) {
  const int64_t ahead_us = stop_time_us - context_.clock->NowUs();
  const int64_t delay_us =
      std::clamp(ahead_us, kStopCheckMinUs, kStopCheckMaxUs);
  context_.pool->PostAt(context_.clock->MonotonicUs() + delay_us,
                        [weak = weak_from_this(), stop_time_us] {
                          if (auto self = weak.lock()) {
                            self->CheckStopTime(stop_time_us);
                          }
                        });
}

void ReplayStream::CheckStopTime(int64_t stop_time_us) {
  {
    MutexLock lock(&mutex_);
    if (end_.has_value()) return;
    if (!waiting_) return ScheduleStopCheck(stop_time_us);
  }
  Node* const node = context_.node;
  const GroupId group = partition_.group;
  node->GetEnd(group, v1::CONSISTENCY_UNSPECIFIED,
               [self = shared_from_this(), node, group,
                stop_time_us](absl::StatusOr<PartitionEnd> end) {
                 if (!end.ok() || end->settled_time_us < stop_time_us) {
                   // Only the leader can tell that nothing older comes.
                   if (end.ok() && !end->leadership.ok()) {
                     self->context_.stats->CountError(end->leadership);
                     return self->EndWith(ToGrpcStatus(end->leadership),
                                          /*drop_ready=*/false);
                   }
                   return self->ScheduleStopCheck(stop_time_us);
                 }
                 node->FindTime(
                     group, stop_time_us,
                     [self, stop_time_us](absl::StatusOr<Offset> stop) {
                       self->OnStopOffset(stop_time_us, std::move(stop));
                     });
               });
}

void ReplayStream::OnStopOffset(int64_t stop_time_us,
                                absl::StatusOr<Offset> stop) {
  {
    MutexLock lock(&mutex_);
    if (!stop.ok() || !waiting_ || wait_offset_ < *stop) {
      return ScheduleStopCheck(stop_time_us);
    }
  }
  EndWith(grpc::Status::OK, /*drop_ready=*/false);
}

void ReplayStream::ScheduleHeartbeat(int64_t at_us) {
  context_.pool->PostAt(at_us, [weak = weak_from_this()] {
    if (auto self = weak.lock()) self->OnHeartbeatTime();
  });
}

void ReplayStream::OnHeartbeatTime() {
  const int64_t now_us = context_.clock->MonotonicUs();
  int64_t next_us;
  {
    MutexLock lock(&mutex_);
    if (end_.has_value()) return;
    // A reader that takes nothing holds up nobody.
    if (!busy_ && now_us >= last_message_us_ + heartbeat_us_) behind_.reset();
    const bool idle = !writing_ && ready_.empty();
    if (idle && now_us >= last_message_us_ + heartbeat_us_) {
      WireMessage message;
      AppendVarintField(message.text(), kHeartbeatField, 1);
      Queue(std::move(message), resume_offset_);
      context_.stats->heartbeats.fetch_add(1, std::memory_order_relaxed);
    }
    next_us = (idle ? last_message_us_ : now_us) + heartbeat_us_;
  }
  ScheduleHeartbeat(next_us);
  Pump();
}

void ReplayStream::Idle(const absl::Status& status, bool complete) {
  {
    MutexLock lock(&mutex_);
    busy_ = false;
    if (!end_.has_value() && (complete || !status.ok())) {
      if (!status.ok()) context_.stats->CountError(status);
      end_ = ToGrpcStatus(status);
    }
  }
  Pump();
}

void ReplayStream::EndWith(grpc::Status status, bool drop_ready) {
  std::optional<uint64_t> token;
  std::optional<ReplayPace::Turn> paused;
  std::deque<grpc::ByteBuffer> dropped;
  {
    MutexLock lock(&mutex_);
    paused = std::exchange(paused_, std::nullopt);
    if (!end_.has_value()) end_ = std::move(status);
    if (drop_ready) {
      dropped_ = true;
      dropped.swap(ready_);
      ready_bytes_ = 0;
    }
    token = wait_token_;
  }
  // Others need not wait for a turn that is not taken.
  if (paused.has_value()) context_.replay_pace->Settle(*paused, 0);
  if (token.has_value()) context_.node->CancelWait(partition_.group, *token);
  Pump();
}

void ReplayStream::StartOperations() {
  bool write = false;
  bool read = false;
  std::optional<grpc::Status> finish;
  {
    MutexLock lock(&mutex_);
    if (finished_) return;
    if (!writing_ && !ready_.empty()) {
      write_ = std::move(ready_.front());
      ready_.pop_front();
      ready_bytes_ -= write_.Length();
      writing_ = write = true;
    }
    if (!busy_ && !end_.has_value() &&
        (ready_.empty() || ready_bytes_ < ChunkBytes())) {
      busy_ = read = true;
    }
    if (end_.has_value() && !writing_ && ready_.empty()) {
      finished_ = true;
      finish = *end_;
    }
  }
  if (write) StartWrite(&write_);
  if (read) Continue();
  if (finish.has_value()) Finish(*finish);
}

void ReplayStream::OnWriteDone(bool ok) {
  {
    MutexLock lock(&mutex_);
    writing_ = false;
    write_.Clear();
  }
  if (ok) return Pump();
  EndWith(grpc::Status::CANCELLED, /*drop_ready=*/true);
}

void ReplayStream::OnCancel() {
  EndWith(grpc::Status::CANCELLED, /*drop_ready=*/true);
}

void ReplayStream::BeginShutdown() {
  EndWith(ToGrpcStatus(MakeError(v1::ERROR_REASON_SHUTTING_DOWN,
                                 "replay: the node is shutting down")),
          /*drop_ready=*/true);
}

void ReplayStream::OnDone() {
  context_.stats->replays.fetch_sub(1, std::memory_order_relaxed);
  context_.streams->Remove(this);
}

}  // namespace kappa::server

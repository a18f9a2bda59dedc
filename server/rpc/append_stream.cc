#include "server/rpc/append_stream.h"

#include <string>
#include <utility>

#include "absl/hash/hash.h"
#include "server/errors.h"
#include "server/rpc/append_submission.h"
#include "server/rpc/byte_buffers.h"
#include "server/rpc/grpc_status.h"

namespace kappa::server {
namespace {

grpc::ByteBuffer AnswerOf(uint64_t correlation_id,
                          absl::StatusOr<v1::AppendResponse> result) {
  v1::AppendStreamResponse response;
  response.set_correlation_id(correlation_id);
  if (result.ok()) {
    *response.mutable_ack() = *std::move(result);
  } else {
    *response.mutable_error() = ToStatusMessage(result.status());
  }
  return ByteBufferOf(response);
}

}  // namespace

AppendStream* AppendStream::Start(const RpcContext& context) {
  auto stream = std::make_shared<AppendStream>(context);
  context.streams->Add(stream);
  stream->Pump();
  return stream.get();  // LiveStreams keeps it until OnDone
}

AppendStream::AppendStream(const RpcContext& context) : context_(context) {
  context_.stats->append_streams.fetch_add(1, std::memory_order_relaxed);
}

void AppendStream::BeginShutdown() {
  EndWith(MakeError(v1::ERROR_REASON_SHUTTING_DOWN,
                    "append stream: the node is shutting down"));
}

void AppendStream::EndWith(const absl::Status& status) {
  {
    MutexLock lock(&mutex_);
    reads_ended_ = true;
    if (end_.ok()) end_ = status;
  }
  Pump();
}

void AppendStream::OnReadDone(bool ok) {
  {
    MutexLock lock(&mutex_);
    if (!ok) reads_ended_ = true;
    ok = ok && !reads_ended_;
  }
  if (!ok || Accept()) EndRead();
}

void AppendStream::EndRead() {
  {
    MutexLock lock(&mutex_);
    reading_ = false;
  }
  Pump();
}

bool AppendStream::Accept() {
  context_.stats->append_requests.fetch_add(1, std::memory_order_relaxed);
  const size_t bytes = read_.Length();
  absl::StatusOr<ScannedStreamAppend> request =
      ScanAppendStreamRequest(PayloadOf(read_));
  read_.Clear();
  if (!request.ok()) {
    // Without a correlation id there is nothing to answer to.
    context_.stats->CountError(request.status());
    context_.stats->CountAppendRefusal(request.status());
    EndWith(request.status());
    return true;
  }
  const uint64_t correlation_id = request->correlation_id;
  absl::StatusOr<ScannedAppend> append = ScanAppendRequest(request->append);
  if (!append.ok()) {
    context_.stats->CountAppendRefusal(append.status());
    // Names no partition, so it waits for none: a lane of its own.
    Answer(OpenSlot(absl::HashOf(correlation_id), bytes), correlation_id,
           append.status());
    return true;
  }
  const LaneKey lane = absl::HashOf(append->topic, append->partition);
  return Route(correlation_id, *std::move(append), OpenSlot(lane, bytes));
}

bool AppendStream::Route(uint64_t correlation_id, ScannedAppend append,
                         const std::shared_ptr<Slot>& slot) {
  absl::StatusOr<FoundPartition> partition =
      PartitionOf(*context_.node, append);
  if (context_.peers == nullptr || !MayBeBehind(partition.status())) {
    Submit(correlation_id, append, std::move(partition), slot);
    return true;
  }
  // Nothing is read meanwhile, so nothing overtakes it.
  context_.node->SyncTopics(
      [self = shared_from_this(), correlation_id, slot,
       append = std::move(append)](const absl::Status& synced) {
        absl::StatusOr<FoundPartition> found =
            synced.ok() ? PartitionOf(*self->context_.node, append)
                        : absl::StatusOr<FoundPartition>(synced);
        self->Submit(correlation_id, append, std::move(found), slot);
        self->EndRead();
      });
  return false;
}

void AppendStream::Submit(uint64_t correlation_id, const ScannedAppend& append,
                          absl::StatusOr<FoundPartition> partition,
                          std::shared_ptr<Slot> slot) {
  SubmitAppend(context_.node, append, std::move(partition), context_.stats,
               [self = shared_from_this(), slot = std::move(slot),
                correlation_id](absl::StatusOr<v1::AppendResponse> result) {
                 self->Answer(slot, correlation_id, std::move(result));
                 self->Pump();
               });
}

std::shared_ptr<AppendStream::Slot> AppendStream::OpenSlot(LaneKey lane,
                                                           size_t bytes) {
  auto slot = std::make_shared<Slot>();
  slot->lane = lane;
  slot->bytes = bytes;
  MutexLock lock(&mutex_);
  lanes_[lane].push_back(slot);
  ++open_requests_;
  open_bytes_ += bytes;
  return slot;
}

void AppendStream::Answer(const std::shared_ptr<Slot>& slot,
                          uint64_t correlation_id,
                          absl::StatusOr<v1::AppendResponse> result) {
  if (!result.ok()) context_.stats->CountError(result.status());
  grpc::ByteBuffer answer = AnswerOf(correlation_id, std::move(result));
  MutexLock lock(&mutex_);
  slot->answer = std::move(answer);
  open_bytes_ -= slot->bytes;
  auto lane = lanes_.find(slot->lane);
  if (lane == lanes_.end()) return;
  while (!lane->second.empty() && lane->second.front()->answer.has_value()) {
    answers_.push_back(*std::move(lane->second.front()->answer));
    lane->second.pop_front();
  }
  if (lane->second.empty()) lanes_.erase(lane);
}

void AppendStream::StartOperations() {
  bool read = false;
  bool write = false;
  bool more_answers = false;
  std::optional<grpc::Status> finish;
  {
    MutexLock lock(&mutex_);
    if (finished_) return;
    if (!writing_ && !answers_.empty() && !cancelled_) {
      write_ = std::move(answers_.front());
      answers_.pop_front();
      writing_ = write = true;
      // gRPC holds a hinted first write back together with the initial
      // metadata, and then never reports it done.
      more_answers = !answers_.empty() && wrote_once_;
    }
    if (!reading_ && !reads_ended_ && open_bytes_ < kWindowBytes &&
        open_requests_ < kWindowRequests) {
      reading_ = read = true;
    }
    const bool owed = open_requests_ > 0 && !cancelled_;
    if (reads_ended_ && !writing_ && !owed) {
      finished_ = true;
      finish = cancelled_ ? grpc::Status::CANCELLED : ToGrpcStatus(end_);
    }
  }
  if (write) {
    grpc::WriteOptions options;
    if (more_answers) options.set_buffer_hint();
    StartWrite(&write_, options);
  }
  if (read) StartRead(&read_);
  if (finish.has_value()) Finish(*finish);
}

void AppendStream::OnWriteDone(bool ok) {
  {
    MutexLock lock(&mutex_);
    writing_ = false;
    wrote_once_ = true;
    --open_requests_;
    if (!ok) reads_ended_ = cancelled_ = true;
  }
  Pump();
}

void AppendStream::OnCancel() {
  {
    MutexLock lock(&mutex_);
    reads_ended_ = cancelled_ = true;
  }
  Pump();
}

void AppendStream::OnDone() {
  context_.stats->append_streams.fetch_sub(1, std::memory_order_relaxed);
  context_.streams->Remove(this);
}

}  // namespace kappa::server

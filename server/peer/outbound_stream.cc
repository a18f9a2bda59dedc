#include "server/peer/outbound_stream.h"

#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kappa/raft/v1/peer_service.grpc.pb.h"
#include "server/peer/hello.h"
#include "server/peer/peer_channel.h"
#include "server/peer/peer_limits.h"
#include "server/rpc/byte_buffers.h"

namespace kappa::server {
namespace {

constexpr size_t kAnswerBytesMax = size_t{64} << 10;

std::string ConnectMethod() {
  return absl::StrCat("/", raft::v1::PeerService::service_full_name(),
                      "/Connect");
}

}  // namespace

std::shared_ptr<PeerStream> OutboundStream::Start(
    std::shared_ptr<PeerContext> context, const std::string& address,
    std::shared_ptr<PeerLink> link, uint64_t attempt,
    int64_t connect_timeout_us) {
  auto stream = std::make_shared<OutboundStream>(std::move(context),
                                                 std::move(link), attempt);
  // Of its own for each attempt, so that bulk delays nothing else.
  stream->channel_ =
      MakePeerChannel({.address = address,
                       .credentials = stream->peer_context_->credentials(),
                       .connect_timeout_us = connect_timeout_us,
                       .receive_bytes_max = kAnswerBytesMax});
  stream->stub_ = std::make_unique<grpc::GenericStub>(stream->channel_);
  stream->self_ = stream;
  stream->peer_context_->live.Add();
  stream->stub_->PrepareBidiStreamingCall(&stream->context_, ConnectMethod(),
                                          grpc::StubOptions(), stream.get());
  // Operations are started from any thread, until StartOperations releases it.
  stream->AddHold();
  stream->StartCall();
  stream->Pump();
  return stream;
}

OutboundStream::OutboundStream(std::shared_ptr<PeerContext> context,
                               std::shared_ptr<PeerLink> link, uint64_t attempt)
    : peer_context_(std::move(context)),
      link_(std::move(link)),
      attempt_(attempt) {}

void OutboundStream::Pump() {
  gate_.Run([this] { StartOperations(); });
}

int64_t OutboundStream::Beat(int64_t quiet_since_us) {
  {
    MutexLock lock(&mutex_);
    if (last_sent_us_ > quiet_since_us) return last_sent_us_;
    beat_wanted_ = true;
  }
  Pump();
  return peer_context_->clock->MonotonicUs();
}

void OutboundStream::Cancel(absl::Status reason) {
  {
    MutexLock lock(&mutex_);
    if (reason_.ok()) reason_ = std::move(reason);
  }
  context_.TryCancel();  // the read fails, and OnReadDone goes on
}

bool OutboundStream::TakeFrame() {
  batch_.clear();
  const size_t bytes_max = link_->peer_class() == PeerClass::kControl
                               ? kPeerControlFrameBytesMax
                               : kPeerFrameBytesMax;
  if (link_->queue()->Take(bytes_max, &batch_) > 0) return true;
  return beat_wanted_;
}

void OutboundStream::StartOperations() {
  bool read = false;
  bool hello = false;
  bool frame = false;
  bool release = false;
  {
    MutexLock lock(&mutex_);
    if (released_) return;
    if (ended_) {
      release = released_ = !reading_ && !writing_;
    } else {
      read = !std::exchange(reading_, true);
      if (!writing_) {
        hello = !std::exchange(hello_sent_, true);
        frame = !hello && connected_ && TakeFrame();
        writing_ = hello || frame;
        if (frame) {
          beat_wanted_ = false;
          last_sent_us_ = peer_context_->clock->MonotonicUs();
        }
      }
    }
  }
  if (hello) {
    raft::v1::ConnectRequest request;
    *request.mutable_hello() = peer_context_->HelloTo(
        link_->node(), link_->peer_class(), /*answer=*/false);
    write_ = ByteBufferOf(request);
  } else if (frame) {
    const bool control = link_->peer_class() == PeerClass::kControl;
    write_ = ByteBufferOf(
        writer_.Write(batch_, control ? peer_context_->clock->NowUs() : 0,
                      peer_context_->OwnCycle()));
    link_->CountFrame(batch_.size(), write_.Length());
    batch_.clear();
  }
  if (read) StartRead(&read_);
  if (hello || frame) StartWrite(&write_);
  if (release) RemoveHold();
}

absl::Status OutboundStream::TakeAnswer() {
  raft::v1::ConnectResponse response;
  if (!ParseMessage(read_, &response) || !response.has_hello()) {
    return absl::InvalidArgumentError("hello: the answer is none");
  }
  read_.Clear();
  absl::Status legal = CheckAnswer(response.hello(), peer_context_->self,
                                   link_->node(), link_->peer_class());
  if (legal.ok()) legal = peer_context_->Judge(response.hello());
  return legal;
}

void OutboundStream::OnReadDone(bool ok) {
  bool first;
  {
    MutexLock lock(&mutex_);
    reading_ = false;
    ended_ = ended_ || !ok;
    first = ok && !connected_;
  }
  absl::Status legal;
  if (first) {
    legal = TakeAnswer();
  } else if (ok) {
    legal = absl::InvalidArgumentError("hello: a second answer");
  }
  if (ok && !legal.ok()) Cancel(std::move(legal));
  if (first && legal.ok()) {
    {
      MutexLock lock(&mutex_);
      connected_ = true;
    }
    link_->OnConnected(attempt_);
  }
  Pump();
}

void OutboundStream::OnWriteDone(bool ok) {
  {
    MutexLock lock(&mutex_);
    writing_ = false;
    write_.Clear();
    ended_ = ended_ || !ok;
  }
  Pump();
}

void OutboundStream::OnDone(const grpc::Status& status) {
  const std::shared_ptr<PeerContext> context = peer_context_;
  absl::Status reason;
  {
    MutexLock lock(&mutex_);
    reason = reason_;
  }
  if (reason.ok()) reason = FromGrpcStatus(status);
  if (reason.ok()) reason = absl::UnavailableError("the node ended the stream");
  link_->OnDone(attempt_, reason);
  context->retired.Add(std::move(self_));  // this may be gone from here on
  context->live.Remove();
}

}  // namespace kappa::server

#include "server/peer/inbound_stream.h"

#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/wire/string_view.h"
#include "server/logging.h"
#include "server/peer/hello.h"
#include "server/random_uuid.h"
#include "server/rpc/byte_buffers.h"

namespace kappa::server {
namespace {

constexpr size_t kHelloBytesMax = size_t{64} << 10;

}  // namespace

InboundStream* InboundStream::Start(std::shared_ptr<PeerContext> context,
                                    std::string from) {
  auto stream =
      std::make_shared<InboundStream>(std::move(context), std::move(from));
  stream->self_ = stream;
  PeerContext& shared = *stream->context_;
  shared.live.Add();
  shared.hellos.Add(stream, shared.clock->MonotonicUs());
  stream->Pump();
  return stream.get();
}

InboundStream::InboundStream(std::shared_ptr<PeerContext> context,
                             std::string from)
    : context_(std::move(context)), from_(std::move(from)) {}

void InboundStream::End(absl::Status status) {
  {
    MutexLock lock(&mutex_);
    if (!std::exchange(ended_, true)) end_ = std::move(status);
  }
  Pump();
}

void InboundStream::EndUnlessHeard() {
  {
    MutexLock lock(&mutex_);
    if (window_ != nullptr || std::exchange(ended_, true)) return;
    end_ = absl::DeadlineExceededError("hello: it did not come in time");
  }
  Pump();
}

absl::Status InboundStream::TakeHello() {
  if (!context_->serving.load(std::memory_order_acquire)) {
    return absl::UnavailableError(
        absl::StrCat("node ", context_->self.node.value(), " is starting"));
  }
  raft::v1::ConnectRequest request;
  if (read_.Length() > kHelloBytesMax || !ParseMessage(read_, &request) ||
      !request.has_hello() || request.messages_size() > 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "hello: the first message, of ", read_.Length(), " bytes, is none"));
  }
  read_.Clear();
  const raft::v1::Hello& hello = request.hello();
  const PeerIdentity& self = context_->self;
  if (absl::Status legal = CheckHello(hello, self); !legal.ok()) return legal;
  if (absl::Status legal = context_->Judge(hello); !legal.ok()) return legal;
  Hearing::Caller caller;
  caller.node = NodeId(hello.greeting().from_node());
  caller.peer_class = ClassOf(hello);
  caller.address = hello.address();
  caller.disk_id = UuidOf(hello.greeting().disk_id());
  caller.open_id = hello.greeting().open_id();
  reader_.emplace(caller.node, self.node);
  // Known before another stream can end this one.
  caller_ = caller;
  auto place = context_->hearing.Admit(caller, shared_from_this(),
                                       context_->clock->MonotonicUs());
  if (!place.ok()) {
    caller_.reset();
    return place.status();
  }
  counters_ = place->counters;
  raft::v1::ConnectResponse response;
  *response.mutable_hello() =
      context_->HelloTo(caller.node, caller.peer_class, /*answer=*/true);
  write_ = ByteBufferOf(response);
  {
    MutexLock lock(&mutex_);
    window_ = place->window;
    answer_ready_ = true;
  }
  context_->on_caller(caller.node);
  return absl::OkStatus();
}

absl::Status InboundStream::TakeFrame() {
  std::shared_ptr<ReceiveWindow> window;
  {
    MutexLock lock(&mutex_);
    window = window_;
  }
  counters_->last_heard_us.store(context_->clock->MonotonicUs(),
                                 std::memory_order_relaxed);
  counters_->frames.fetch_add(1, std::memory_order_relaxed);
  counters_->bytes.fetch_add(read_.Length(), std::memory_order_relaxed);
  const Payload frame = PayloadOf(read_);
  read_.Clear();
  bool noted = false;
  absl::Status welcome;
  const auto note = [&] {
    if (!std::exchange(noted, true)) {
      welcome = context_->Note(*caller_, reader_->cycle());
    }
    return welcome.ok();
  };
  absl::Status read = reader_->Read(frame, [&](PeerMessage message) {
    if (!note()) return;
    counters_->messages.fetch_add(1, std::memory_order_relaxed);
    ReceiveCredit credit = window->Take(CostOf(message));
    context_->callbacks.deliver(
        PeerDelivery{std::move(message), std::move(credit),
                     context_->callbacks.delivered != nullptr});
  });
  if (context_->callbacks.delivered) context_->callbacks.delivered();
  if (read.ok() && !note()) read = welcome;
  // Kept by the clock that does not jump.
  if (reader_->clock_us() > 0) {
    counters_->clock_ahead_us.store(
        reader_->clock_us() - context_->clock->MonotonicUs(),
        std::memory_order_relaxed);
    counters_->clock_told.store(true, std::memory_order_release);
  }
  return read;
}

void InboundStream::LogRefusal(const absl::Status& why) const {
  const std::string reason(ToStd(why.message()));
  if (!context_->refusals.ShallLog(reason, context_->clock->MonotonicUs())) {
    return;
  }
  LogWarning("peer refused",
             {{"from", from_},
              {"node", caller_ ? absl::StrCat(caller_->node.value())
                               : std::string("?")},
              {"reason", reason}});
}

void InboundStream::OnReadDone(bool ok) {
  {
    MutexLock lock(&mutex_);
    if (!ok) {
      if (!std::exchange(ended_, true)) {
        end_ = absl::CancelledError("the caller ended the stream");
      }
    }
    ok = ok && !ended_;
  }
  if (ok) {
    absl::Status taken = caller_.has_value() ? TakeFrame() : TakeHello();
    if (!taken.ok()) {
      LogRefusal(taken);
      End(std::move(taken));
    }
  }
  {
    MutexLock lock(&mutex_);
    reading_ = false;
  }
  Pump();
}

void InboundStream::StartOperations() {
  bool read = false;
  bool write = false;
  std::optional<grpc::Status> finish;
  {
    MutexLock lock(&mutex_);
    if (finished_) return;
    if (ended_) {
      if (!writing_) {
        finished_ = true;
        finish = ToPlainGrpcStatus(end_);
      }
    } else {
      if (answer_ready_) {
        answer_ready_ = false;
        writing_ = write = true;
      }
      if (!reading_ && (window_ == nullptr || window_->open())) {
        reading_ = read = true;
      }
    }
  }
  if (write) StartWrite(&write_);
  if (read) StartRead(&read_);
  if (finish.has_value()) Finish(*finish);
}

void InboundStream::OnWriteDone(bool ok) {
  {
    MutexLock lock(&mutex_);
    writing_ = false;
    if (!ok && !std::exchange(ended_, true)) {
      end_ = absl::CancelledError("the caller is gone");
    }
  }
  Pump();
}

void InboundStream::OnCancel() {
  End(absl::CancelledError("the caller is gone"));
}

void InboundStream::OnDone() {
  const std::shared_ptr<InboundStream> last = std::move(self_);
  if (caller_.has_value()) {
    context_->hearing.Remove(caller_->node, caller_->peer_class, this);
  }
  const std::shared_ptr<PeerContext> context = context_;
  context->live.Remove();
}

}  // namespace kappa::server

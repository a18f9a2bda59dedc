#include "client/cpp/session_opener.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/time/clock.h"
#include "client/cpp/backoff.h"
#include "client/cpp/error.h"
#include "grpcpp/client_context.h"
#include "kappa/v1/log_service.grpc.pb.h"

namespace kappa::client {
namespace {

// Of the first attempt; doubles for each that took longer, up to the maximum.
constexpr absl::Duration kAttemptTimeoutMin = absl::Seconds(1);
constexpr absl::Duration kAttemptTimeoutMax = absl::Seconds(16);

}  // namespace

// One opening with all its attempts.
//
// Thread safety: used by one thread at a time: that of gRPC while an attempt is
// on its way, else the timer's.
struct SessionOpener::Call {
  Call(uint32_t partition_in, PartitionSession session_in, Done done_in,
       const ClientOptions& options)
      : partition(partition_in),
        session(std::move(session_in)),
        done(std::move(done_in)),
        backoff(options.backoff_min, options.backoff_max) {}

  const uint32_t partition;
  PartitionSession session;
  Done done;
  Backoff backoff;
  absl::Duration timeout = kAttemptTimeoutMin;
  bool again_at_once = false;

  // Of the present attempt.
  std::string address;
  std::unique_ptr<v1::LogService::Stub> stub;
  std::unique_ptr<grpc::ClientContext> context;
  v1::GetOffsetsRequest offsets_request;
  v1::GetOffsetsResponse offsets;
  v1::GetProducerRequest producer_request;
  v1::GetProducerResponse producer;
};

SessionOpener::SessionOpener(std::shared_ptr<Client> client, Timer* timer,
                             std::string topic, std::string topic_uuid,
                             std::string name)
    : client_(std::move(client)),
      timer_(*timer),
      topic_(std::move(topic)),
      topic_uuid_(std::move(topic_uuid)),
      name_(std::move(name)) {}

SessionOpener::~SessionOpener() { Stop(); }

void SessionOpener::Open(uint32_t partition, PartitionSession identity,
                         Done done) {
  auto owned = std::make_unique<Call>(partition, std::move(identity),
                                      std::move(done), client_->options());
  Call* const call = owned.get();
  {
    MutexLock lock(&mutex_);
    if (stopping_) return;
    calls_[call] = std::move(owned);
  }
  Start(call);
}

void SessionOpener::Start(Call* call) {
  MutexLock lock(&mutex_);
  if (stopping_) return;
  ++active_;
  call->address = client_->AddressOf(topic_, call->partition);
  call->stub = v1::LogService::NewStub(client_->ChannelTo(call->address));
  call->context = std::make_unique<grpc::ClientContext>();
  call->context->set_deadline(absl::ToChronoTime(absl::Now() + call->timeout));
  auto on_done = [this, call](const grpc::Status& status) {
    OnDone(call, StatusFromGrpc(status));
  };
  if (name_.empty()) {
    call->offsets_request.set_topic(topic_);
    call->offsets_request.set_topic_uuid(topic_uuid_);
    call->offsets_request.set_partition(call->partition);
    call->stub->async()->GetOffsets(call->context.get(), &call->offsets_request,
                                    &call->offsets, std::move(on_done));
  } else {
    call->producer_request.set_name(name_);
    call->producer_request.set_topic(topic_);
    call->producer_request.set_topic_uuid(topic_uuid_);
    call->producer_request.clear_partitions();
    call->producer_request.add_partitions(call->partition);
    call->stub->async()->GetProducer(call->context.get(),
                                     &call->producer_request, &call->producer,
                                     std::move(on_done));
  }
}

void SessionOpener::OnDone(Call* call, const absl::Status& status) {
  const bool follow =
      client_->NoteError(topic_, call->partition, call->address, status);
  const bool again = IsRetriable(status) || IsLostConnection(status);
  if (status.code() == absl::StatusCode::kDeadlineExceeded) {
    call->timeout = std::min(call->timeout * 2, kAttemptTimeoutMax);
  }
  if (!again) {
    if (status.ok()) {
      call->session.start_offset = call->offsets.end_offset();
      if (call->producer.positions_size() > 0) {
        call->session.last_sequence =
            call->producer.positions(0).last_sequence();
      }
      call->done(call->session);
    } else {
      call->done(status);
    }
  }
  MutexLock lock(&mutex_);
  if (again && !stopping_) {
    call->again_at_once = follow && !call->again_at_once;
    const absl::Duration wait =
        call->again_at_once
            ? absl::ZeroDuration()
            : std::max(call->backoff.Next(status), RetryAfter(status));
    timer_.RunAfter(wait, [this, call] { Start(call); });
  } else {
    const auto found = calls_.find(call);
    finished_.push_back(std::move(found->second));
    calls_.erase(found);
    timer_.RunAfter(absl::ZeroDuration(), [this] { DestroyFinished(); });
  }
  // Last: Stop waits for this.
  --active_;
  changed_.SignalAll();
}

void SessionOpener::DestroyFinished() {
  std::vector<std::unique_ptr<Call>> finished;
  MutexLock lock(&mutex_);
  finished.swap(finished_);
}

void SessionOpener::Stop() {
  MutexLock lock(&mutex_);
  stopping_ = true;
  for (const auto& [call, owner] : calls_) {
    if (call->context != nullptr) call->context->TryCancel();
  }
  while (active_ > 0) changed_.Wait(&mutex_);
}

}  // namespace kappa::client

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

constexpr absl::Duration kAttemptTimeout = absl::Seconds(10);

}  // namespace

// One opening with all its attempts.
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
  Start(std::make_shared<Call>(partition, std::move(identity), std::move(done),
                               client_->options()));
}

void SessionOpener::Start(std::shared_ptr<Call> call) {
  call->address = client_->AddressOf(topic_, call->partition);
  call->stub = v1::LogService::NewStub(client_->ChannelTo(call->address));
  call->context = std::make_unique<grpc::ClientContext>();
  call->context->set_deadline(
      absl::ToChronoTime(absl::Now() + kAttemptTimeout));
  auto on_done = [this, call](const grpc::Status& status) {
    OnDone(call, StatusFromGrpc(status));
  };
  MutexLock lock(&mutex_);
  if (stopping_) return;
  calls_.insert(call);
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

void SessionOpener::OnDone(const std::shared_ptr<Call>& call,
                           const absl::Status& status) {
  client_->NoteError(topic_, call->partition, call->address, status);
  const bool again = IsRetriable(status) ||
                     status.code() == absl::StatusCode::kDeadlineExceeded;
  if (again) {
    MutexLock lock(&mutex_);
    // From here on the call belongs to the timer.
    calls_.erase(call);
    changed_.SignalAll();
    if (stopping_) return;
    timer_.RunAfter(std::max(call->backoff.Next(), RetryAfter(status)),
                    [this, call] { Start(call); });
    return;
  }
  if (!status.ok()) {
    call->done(status);
  } else {
    call->session.start_offset = call->offsets.end_offset();
    if (call->producer.positions_size() > 0) {
      call->session.last_sequence = call->producer.positions(0).last_sequence();
    }
    call->done(call->session);
  }
  // Last: Stop waits for this.
  MutexLock lock(&mutex_);
  calls_.erase(call);
  changed_.SignalAll();
}

void SessionOpener::Stop() {
  MutexLock lock(&mutex_);
  stopping_ = true;
  for (const std::shared_ptr<Call>& call : calls_) call->context->TryCancel();
  while (!calls_.empty()) changed_.Wait(&mutex_);
}

}  // namespace kappa::client

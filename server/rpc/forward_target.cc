#include "server/rpc/forward_target.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "grpcpp/support/byte_buffer.h"
#include "server/errors.h"
#include "server/rpc/byte_buffers.h"
#include "server/rpc/grpc_status.h"

namespace kappa::server {
namespace {

raft::v1::ForwardResponse ResponseOf(absl::StatusOr<grpc::ByteBuffer> result) {
  raft::v1::ForwardResponse response;
  if (result.ok()) {
    response.set_response(BytesOf(*result));
  } else {
    *response.mutable_error() = ToStatusMessage(result.status());
  }
  return response;
}

}  // namespace

void ForwardTarget::Bind(const UnaryMethods* methods) {
  MutexLock lock(&mutex_);
  methods_ = methods;
  was_bound_ = true;
}

void ForwardTarget::Unbind() {
  MutexLock lock(&mutex_);
  methods_ = nullptr;
  while (running_ > 0) changed_.Wait(&mutex_);
}

absl::StatusOr<const UnaryMethods*> ForwardTarget::BeginCall() {
  MutexLock lock(&mutex_);
  if (methods_ != nullptr) {
    ++running_;
    return methods_;
  }
  if (was_bound_) {
    return MakeError(v1::ERROR_REASON_SHUTTING_DOWN,
                     "the node is shutting down");
  }
  return MakeError(v1::ERROR_REASON_NOT_LEADER, "the node is starting");
}

void ForwardTarget::EndCall() {
  MutexLock lock(&mutex_);
  --running_;
  changed_.SignalAll();
}

void ForwardTarget::Run(raft::v1::ForwardRequest request, Done done) {
  absl::StatusOr<const UnaryMethods*> methods = BeginCall();
  if (!methods.ok()) return done(ResponseOf(methods.status()));
  const UnaryMethod* const method = (*methods)->Find(request.method());
  if (method == nullptr) {
    done(absl::InvalidArgumentError(absl::StrCat(
        "no method \"", request.method().substr(0, 200), "\" is passed on")));
    return EndCall();
  }
  const grpc::ByteBuffer bytes =
      ByteBufferOf(std::move(*request.mutable_request()));
  method->run(bytes, [this, done = std::move(done)](
                         absl::StatusOr<grpc::ByteBuffer> result) mutable {
    done(ResponseOf(std::move(result)));
    EndCall();
  });
}

}  // namespace kappa::server

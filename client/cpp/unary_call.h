// CallUnary: a call of a method with one answer, whose caller waits for it.
#ifndef KAPPA_CLIENT_CPP_UNARY_CALL_H_
#define KAPPA_CLIENT_CPP_UNARY_CALL_H_

#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "proto/wire/mutex.h"

namespace kappa::client {

// How a call ended, which one thread waits for.
//
// Thread safety: thread-safe. Shared by both sides: who sets it may still be on
// its way out when the other has gone on.
class CallEnd {
 public:
  // Requires: not called before.
  void Set(grpc::Status status) {
    MutexLock lock(&mutex_);
    status_ = std::move(status);
    known_.Signal();
  }
  grpc::Status Wait() {
    MutexLock lock(&mutex_);
    while (!status_.has_value()) known_.Wait(&mutex_);
    return *status_;
  }

 private:
  Mutex mutex_;
  CondVar known_;
  std::optional<grpc::Status> status_ ABSL_GUARDED_BY(mutex_);
};

// The callback interface of a service's stub, of which methods are called.
template <typename Service>
using CallsOf = typename Service::StubInterface::async_interface;

template <typename Service, typename Request, typename Response>
using UnaryMethod =
    void (CallsOf<Service>::*)(grpc::ClientContext*, const Request*, Response*,
                               std::function<void(grpc::Status)>);

// Calls `method` and waits for the answer, or for the deadline in `context`.
//
// gRPC's threads wait for the answer, and from a channel's first such call on
// they look at its connection for as long as it lives. A blocking call of gRPC
// looks only while it lasts; calls to a node that is away fail at once, and so
// nobody would see for up to 5 s that it is back.
//
// Requires: not called on a thread of gRPC's callbacks.
template <typename Service, typename Request, typename Response>
grpc::Status CallUnary(const std::shared_ptr<grpc::Channel>& channel,
                       UnaryMethod<Service, Request, Response> method,
                       grpc::ClientContext* context, const Request& request,
                       Response* response) {
  const auto end = std::make_shared<CallEnd>();
  typename Service::Stub stub(channel);
  (stub.async()->*method)(
      context, &request, response,
      [end](grpc::Status status) { end->Set(std::move(status)); });
  return end->Wait();
}

}  // namespace kappa::client

#endif  // KAPPA_CLIENT_CPP_UNARY_CALL_H_

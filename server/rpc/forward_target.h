// ForwardTarget: runs the calls that other nodes pass on to this one.
#ifndef KAPPA_SERVER_RPC_FORWARD_TARGET_H_
#define KAPPA_SERVER_RPC_FORWARD_TARGET_H_

#include <cstddef>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kappa/raft/v1/peer_service.pb.h"
#include "proto/wire/mutex.h"
#include "server/rpc/unary_methods.h"

namespace kappa::server {

// Other nodes may call before there is anything to run, and after.
//
// Thread safety: thread-safe.
class ForwardTarget {
 public:
  using Done =
      absl::AnyInvocable<void(absl::StatusOr<raft::v1::ForwardResponse>)>;

  // Runs calls by `methods` from now on, which live until Unbind.
  void Bind(const UnaryMethods* methods);
  // Refuses calls with SHUTTING_DOWN from now on, and waits for those that run.
  // Must not be called within one. No-op when nothing is bound.
  void Unbind();

  // Runs a call; it is not passed on again. `done` is called once, on any
  // thread; refusals are in the response, until Bind a definite UNAVAILABLE.
  // Errors: INVALID_ARGUMENT: there is no such method.
  void Run(raft::v1::ForwardRequest request, Done done);

 private:
  // The methods, or why there are none; a call runs then, until EndCall.
  absl::StatusOr<const UnaryMethods*> BeginCall();
  void EndCall();

  Mutex mutex_;
  CondVar changed_;
  const UnaryMethods* methods_ ABSL_GUARDED_BY(mutex_) = nullptr;
  bool was_bound_ ABSL_GUARDED_BY(mutex_) = false;
  size_t running_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_RPC_FORWARD_TARGET_H_

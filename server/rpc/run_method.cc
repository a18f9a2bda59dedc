#include "server/rpc/run_method.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "proto/wire/check.h"
#include "server/not_leader.h"
#include "server/rpc/call_forward.h"
#include "server/rpc/partition_lookup.h"
#include "server/rpc/unary_call.h"

namespace kappa::server {
namespace {

using SystemTime = std::chrono::system_clock::time_point;

// What is left until `deadline`, at most kForwardTimeoutMaxUs.
int64_t TimeLeftUs(SystemTime deadline) {
  const SystemTime now = std::chrono::system_clock::now();
  const SystemTime latest =
      now + std::chrono::microseconds(kForwardTimeoutMaxUs);
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::min(deadline, latest) - now)
      .count();
}

// One call of a client, over all of its steps.
//
// Thread safety: its steps follow one another, each on any thread.
class ClientCall : public std::enable_shared_from_this<ClientCall> {
 public:
  ClientCall(const RpcContext& rpc, UnaryCall call, const UnaryMethod& method,
             const grpc::ByteBuffer& request, SystemTime deadline)
      : rpc_(rpc),
        call_(call),
        method_(method),
        request_(request),
        deadline_(deadline) {}

  void Run() {
    method_.run(request_, [self = shared_from_this()](Result result) {
      self->OnResult(std::move(result));
    });
  }

 private:
  using Result = absl::StatusOr<grpc::ByteBuffer>;

  void OnResult(Result result) {
    if (rpc_.peers == nullptr || result.ok()) return Answer(std::move(result));
    if (!synced_ && MayBeBehind(result.status())) return RunOnceSynced();
    const std::optional<NodeId> leader = LeaderNamedBy(result.status());
    const int64_t left_us = leader.has_value() ? TimeLeftUs(deadline_) : 0;
    if (left_us <= 0) return Answer(std::move(result));
    // The request is copied, which is no work for the node's thread.
    rpc_.pool->Post([self = shared_from_this(), leader = *leader, left_us] {
      ForwardCall(self->rpc_.peers, leader, self->method_, self->request_,
                  left_us, [self](Result forwarded) {
                    self->OnForwarded(std::move(forwarded));
                  });
    });
  }

  // The topic may have been made a moment ago.
  void RunOnceSynced() {
    synced_ = true;
    rpc_.node->SyncTopics(
        [self = shared_from_this()](const absl::Status& synced) {
          // Not with the metadata group's leader: the call may be about a
          // partition.
          if (!synced.ok()) {
            return self->Answer(NotLeaderError(std::nullopt, nullptr));
          }
          self->rpc_.pool->Post([self] { self->Run(); });
        });
  }

  void OnForwarded(Result result) {
    if (!result.ok() || method_.effect != UnaryMethod::Effect::kChangesTopics) {
      return Answer(std::move(result));
    }
    // The client may ask this node about the topic next.
    rpc_.node->SyncTopics(
        [self = shared_from_this(), result = std::move(result)](
            const absl::Status&) mutable { self->Answer(std::move(result)); });
  }

  void Answer(Result result) {
    if (!result.ok()) return call_.Refuse(result.status());
    call_.Answer(*std::move(result));
  }

  const RpcContext& rpc_;
  const UnaryCall call_;
  const UnaryMethod& method_;
  // Lives until the call is answered.
  const grpc::ByteBuffer& request_;
  const SystemTime deadline_;
  bool synced_ = false;
};

}  // namespace

grpc::ServerUnaryReactor* RunMethod(const RpcContext& rpc,
                                    std::string_view name,
                                    grpc::CallbackServerContext* context,
                                    const grpc::ByteBuffer* request,
                                    grpc::ByteBuffer* response) {
  const UnaryCall call(context, response, rpc.stats);
  const UnaryMethod* const method = rpc.methods->Find(name);
  KAPPA_CHECK(method != nullptr, "a method that was not added");
  std::make_shared<ClientCall>(rpc, call, *method, *request,
                               context->deadline())
      ->Run();
  return call.reactor();
}

}  // namespace kappa::server

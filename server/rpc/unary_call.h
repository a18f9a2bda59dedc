// UnaryCall: the frame of every unary method: parse, call, answer or refuse.
#ifndef KAPPA_SERVER_RPC_UNARY_CALL_H_
#define KAPPA_SERVER_RPC_UNARY_CALL_H_

#include <string>
#include <string_view>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "proto/wire/string_view.h"
#include "server/errors.h"
#include "server/rpc/byte_buffers.h"
#include "server/rpc/grpc_status.h"
#include "server/rpc/rpc_stats.h"

namespace kappa::server {

// One running unary call; copies are the same call. Exactly one of the
// functions is called once, on any thread.
class UnaryCall {
 public:
  UnaryCall(grpc::CallbackServerContext* context, grpc::ByteBuffer* response,
            RpcStats* stats)
      : reactor_(context->DefaultReactor()),
        response_(response),
        stats_(stats) {}

  grpc::ServerUnaryReactor* reactor() const { return reactor_; }

  void Answer(grpc::ByteBuffer response) const {
    response_->Swap(&response);
    reactor_->Finish(grpc::Status::OK);
  }

  void Refuse(const absl::Status& error) const {
    stats_->CountError(error);
    reactor_->Finish(ToGrpcStatus(error));
  }

 private:
  grpc::ServerUnaryReactor* reactor_;
  grpc::ByteBuffer* response_;
  RpcStats* stats_;
};

// Runs `call(request, done)`, where done takes StatusOr<Response> once. The
// bytes are parsed here and not by gRPC, which would answer a malformed message
// with UNIMPLEMENTED.
template <typename Request, typename Response, typename Call>
grpc::ServerUnaryReactor* RunUnary(UnaryCall unary,
                                   const grpc::ByteBuffer& bytes, Call call) {
  Request request;
  if (absl::Status parsed = ParseRequest(bytes, &request); !parsed.ok()) {
    unary.Refuse(parsed);
    return unary.reactor();
  }
  call(std::move(request), [unary](absl::StatusOr<Response> response) {
    if (!response.ok()) return unary.Refuse(response.status());
    unary.Answer(ByteBufferOf(*response));
  });
  return unary.reactor();
}

}  // namespace kappa::server

#endif  // KAPPA_SERVER_RPC_UNARY_CALL_H_

#include "server/rpc/log_service.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/strings/str_cat.h"
#include "server/errors.h"
#include "server/rpc/append_request_scan.h"
#include "server/rpc/append_stream.h"
#include "server/rpc/append_submission.h"
#include "server/rpc/byte_buffers.h"
#include "server/rpc/partition_lookup.h"
#include "server/rpc/read_call.h"
#include "server/rpc/replay_stream.h"
#include "server/rpc/unary_call.h"

namespace kappa::server {
namespace {

using OffsetsDone =
    absl::AnyInvocable<void(absl::StatusOr<v1::GetOffsetsResponse>)>;

v1::GetOffsetsResponse ResponseOf(const Uuid& topic_uuid,
                                  const PartitionEnd& end) {
  v1::GetOffsetsResponse response;
  response.set_topic_uuid(std::string(UuidBytes(topic_uuid)));
  response.set_first_offset(end.first_offset.value());
  response.set_end_offset(end.end_offset.value());
  response.set_chain_digest(std::string(DigestBytes(end.chain)));
  response.set_last_append_time_us(end.last_append_time_us);
  return response;
}

void AskOffsets(Node* node, const v1::GetOffsetsRequest& request,
                OffsetsDone done) {
  absl::StatusOr<FoundPartition> partition = FindPartition(
      *node, request.topic(), request.topic_uuid(), request.partition());
  if (!partition.ok()) return done(partition.status());
  if (request.append_time_us() < 0 ||
      !v1::Consistency_IsValid(request.consistency())) {
    return done(MakeError(
        v1::ERROR_REASON_MALFORMED_REQUEST,
        absl::StrCat("append_time_us ", request.append_time_us(),
                     " must be at least 0, consistency ", request.consistency(),
                     " one of the known ones")));
  }
  std::optional<int64_t> time_us;
  if (request.has_append_time_us()) time_us = request.append_time_us();
  node->GetEnd(
      partition->group, request.consistency(),
      [node, time_us, partition = *partition,
       done = std::move(done)](absl::StatusOr<PartitionEnd> end) mutable {
        if (!end.ok()) return done(end.status());
        v1::GetOffsetsResponse response =
            ResponseOf(partition.topic->uuid, *end);
        if (!time_us.has_value()) return done(std::move(response));
        node->FindTime(partition.group, *time_us,
                       [response = std::move(response), done = std::move(done)](
                           absl::StatusOr<Offset> offset) mutable {
                         if (!offset.ok()) return done(offset.status());
                         // As of the same moment as the end.
                         response.set_offset_at_time(
                             std::min(offset->value(), response.end_offset()));
                         done(std::move(response));
                       });
      });
}

}  // namespace

grpc::ServerUnaryReactor* LogService::Append(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  const UnaryCall call(context, response, context_.stats);
  context_.stats->append_requests.fetch_add(1, std::memory_order_relaxed);
  absl::StatusOr<ScannedAppend> append = ScanAppendRequest(PayloadOf(*request));
  if (!append.ok()) {
    context_.stats->CountAppendRefusal(append.status());
    call.Refuse(append.status());
    return call.reactor();
  }
  SubmitAppend(context_.node, *append, context_.stats,
               [call](absl::StatusOr<v1::AppendResponse> result) {
                 if (!result.ok()) return call.Refuse(result.status());
                 call.Answer(ByteBufferOf(*result));
               });
  return call.reactor();
}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>*
LogService::AppendStream(grpc::CallbackServerContext*) {
  return server::AppendStream::Start(context_);
}

grpc::ServerUnaryReactor* LogService::Read(grpc::CallbackServerContext* context,
                                           const grpc::ByteBuffer* request,
                                           grpc::ByteBuffer* response) {
  const UnaryCall call(context, response, context_.stats);
  v1::ReadRequest parsed;
  if (absl::Status legal = ParseRequest(*request, &parsed); legal.ok()) {
    ReadCall::Run(context_, call, parsed);
  } else {
    call.Refuse(legal);
  }
  return call.reactor();
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* LogService::Replay(
    grpc::CallbackServerContext*, const grpc::ByteBuffer* request) {
  return ReplayStream::Start(context_, *request);
}

grpc::ServerUnaryReactor* LogService::GetOffsets(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  return RunUnary<v1::GetOffsetsRequest, v1::GetOffsetsResponse>(
      UnaryCall(context, response, context_.stats), *request,
      [this](const v1::GetOffsetsRequest& parsed, auto done) {
        AskOffsets(context_.node, parsed, std::move(done));
      });
}

grpc::ServerUnaryReactor* LogService::OpenProducer(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  return RunUnary<v1::OpenProducerRequest, v1::OpenProducerResponse>(
      UnaryCall(context, response, context_.stats), *request,
      [this](v1::OpenProducerRequest parsed, auto done) {
        context_.node->OpenProducer(std::move(parsed), std::move(done));
      });
}

grpc::ServerUnaryReactor* LogService::GetProducer(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  return RunUnary<v1::GetProducerRequest, v1::GetProducerResponse>(
      UnaryCall(context, response, context_.stats), *request,
      [this](v1::GetProducerRequest parsed, auto done) {
        context_.node->GetProducer(std::move(parsed), std::move(done));
      });
}

}  // namespace kappa::server

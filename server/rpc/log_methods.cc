#include "server/rpc/log_methods.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kappa/v1/log_service.pb.h"
#include "server/errors.h"
#include "server/rpc/append_request_scan.h"
#include "server/rpc/append_submission.h"
#include "server/rpc/byte_buffers.h"
#include "server/rpc/partition_lookup.h"
#include "server/rpc/read_call.h"

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

constexpr char kService[] = "kappa.v1.LogService";

void Append(const RpcContext& context, const grpc::ByteBuffer& request,
            UnaryMethod::Done done) {
  context.stats->append_requests.fetch_add(1, std::memory_order_relaxed);
  absl::StatusOr<ScannedAppend> append = ScanAppendRequest(PayloadOf(request));
  if (!append.ok()) {
    context.stats->CountAppendRefusal(append.status());
    return done(append.status());
  }
  SubmitAppend(
      context.node, *append, PartitionOf(*context.node, *append), context.stats,
      [done =
           std::move(done)](absl::StatusOr<v1::AppendResponse> result) mutable {
        if (!result.ok()) return done(result.status());
        done(ByteBufferOf(*result));
      });
}

void Read(const RpcContext& context, const grpc::ByteBuffer& request,
          UnaryMethod::Done done) {
  v1::ReadRequest parsed;
  if (absl::Status legal = ParseRequest(request, &parsed); !legal.ok()) {
    return done(std::move(legal));
  }
  ReadCall::Run(context, parsed, std::move(done));
}

}  // namespace

void AddLogMethods(const RpcContext& context, UnaryMethods* methods) {
  using Effect = UnaryMethod::Effect;
  methods->Add(
      kService, "Append", Effect::kChanges,
      [context](const grpc::ByteBuffer& request, UnaryMethod::Done done) {
        Append(context, request, std::move(done));
      });
  methods->Add(
      kService, "Read", Effect::kReads,
      [context](const grpc::ByteBuffer& request, UnaryMethod::Done done) {
        Read(context, request, std::move(done));
      });
  Node* const node = context.node;
  methods->AddParsed<v1::GetOffsetsRequest, v1::GetOffsetsResponse>(
      kService, "GetOffsets", Effect::kReads,
      [node](const v1::GetOffsetsRequest& request, OffsetsDone done) {
        AskOffsets(node, request, std::move(done));
      });
  methods->AddParsed<v1::OpenProducerRequest, v1::OpenProducerResponse>(
      kService, "OpenProducer", Effect::kChanges,
      [node](v1::OpenProducerRequest request,
             Node::Callback<v1::OpenProducerResponse> done) {
        node->OpenProducer(std::move(request), std::move(done));
      });
  methods->AddParsed<v1::GetProducerRequest, v1::GetProducerResponse>(
      kService, "GetProducer", Effect::kReads,
      [node](v1::GetProducerRequest request,
             Node::Callback<v1::GetProducerResponse> done) {
        node->GetProducer(std::move(request), std::move(done));
      });
}

}  // namespace kappa::server

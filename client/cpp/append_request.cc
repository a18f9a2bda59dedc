#include "client/cpp/append_request.h"

#include <utility>

#include "grpcpp/support/slice.h"
#include "kappa/v1/log_service.pb.h"
#include "proto/wire/wire_format.h"

namespace kappa::client {
namespace {

using v1::AppendRequest;
using v1::AppendStreamRequest;
using v1::Batch;
using v1::ProducerSequence;

std::string EncodeProducer(const AppendEnvelope& envelope,
                           const SealedBatch& batch) {
  std::string out;
  AppendBytesField(&out, ProducerSequence::kIdFieldNumber,
                   envelope.producer_id);
  if (envelope.epoch != 0) {
    AppendVarintField(&out, ProducerSequence::kEpochFieldNumber,
                      envelope.epoch);
  }
  AppendVarintField(&out, ProducerSequence::kSequenceFieldNumber,
                    envelope.sequence);
  if (envelope.previous_sequence + 1 != envelope.sequence) {
    AppendVarintField(&out, ProducerSequence::kPreviousSequenceFieldNumber,
                      envelope.previous_sequence);
  }
  if (batch.state.has_value()) {
    AppendBytesField(&out, ProducerSequence::kStateFieldNumber, *batch.state);
  }
  if (envelope.session_start_offset != 0) {
    AppendVarintField(&out, ProducerSequence::kSessionStartOffsetFieldNumber,
                      envelope.session_start_offset);
  }
  return out;
}

// Everything of the Batch but the bytes of its payload, which follow.
std::string EncodeBatchHead(const SealedBatch& batch) {
  std::string out;
  if (batch.codec != Codec::kNone) {
    AppendVarintField(&out, Batch::kCompressionFieldNumber,
                      static_cast<uint64_t>(batch.codec));
  }
  AppendVarintField(&out, Batch::kRecordCountFieldNumber, batch.record_count);
  AppendFixed32Field(&out, Batch::kPayloadCrc32CFieldNumber,
                     batch.payload_crc32c);
  AppendBytesFieldPrefix(&out,
                         batch.codec == Codec::kNone
                             ? Batch::kRecordsFieldNumber
                             : Batch::kCompressedRecordsFieldNumber,
                         batch.payload.size());
  return out;
}

// Everything of the AppendRequest but the payload, which follows.
std::string EncodeRequestHead(const AppendEnvelope& envelope,
                              const SealedBatch& batch) {
  std::string out;
  AppendBytesField(&out, AppendRequest::kTopicFieldNumber, envelope.topic);
  if (!envelope.topic_uuid.empty()) {
    AppendBytesField(&out, AppendRequest::kTopicUuidFieldNumber,
                     envelope.topic_uuid);
  }
  if (envelope.partition != 0) {
    AppendVarintField(&out, AppendRequest::kPartitionFieldNumber,
                      envelope.partition);
  }
  if (!envelope.producer_id.empty()) {
    AppendBytesField(&out, AppendRequest::kProducerFieldNumber,
                     EncodeProducer(envelope, batch));
  }
  if (batch.expected_offset.has_value()) {
    AppendVarintField(&out, AppendRequest::kExpectedOffsetFieldNumber,
                      *batch.expected_offset);
  }
  const std::string batch_head = EncodeBatchHead(batch);
  AppendBytesFieldPrefix(&out, AppendRequest::kBatchFieldNumber,
                         batch_head.size() + batch.payload.size());
  out += batch_head;
  return out;
}

void DropReference(void* reference) {
  delete static_cast<std::shared_ptr<const SealedBatch>*>(reference);
}

}  // namespace

grpc::ByteBuffer EncodeAppendRequest(const AppendEnvelope& envelope,
                                     std::shared_ptr<const SealedBatch> batch) {
  const std::string request_head = EncodeRequestHead(envelope, *batch);
  std::string head;
  head.reserve(request_head.size() + 3 * kVarintBytesMax);
  AppendVarintField(&head, AppendStreamRequest::kCorrelationIdFieldNumber,
                    envelope.correlation_id);
  AppendBytesFieldPrefix(&head, AppendStreamRequest::kAppendFieldNumber,
                         request_head.size() + batch->payload.size());
  head += request_head;
  // gRPC declares the bytes mutable but only reads them.
  char* const payload = const_cast<char*>(batch->payload.data());
  const size_t payload_bytes = batch->payload.size();
  auto* const reference =
      new std::shared_ptr<const SealedBatch>(std::move(batch));
  const grpc::Slice slices[2] = {
      grpc::Slice(head),
      grpc::Slice(payload, payload_bytes, DropReference, reference)};
  return grpc::ByteBuffer(slices, 2);
}

}  // namespace kappa::client

// What the server does with a client's append before it is proposed, one
// thread: the message is scanned, its batch checked.
//   bazel run //tests/performance:append_check_benchmark
#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <utility>

#include "client/cpp/append_request.h"
#include "grpcpp/support/byte_buffer.h"
#include "proto/wire/check.h"
#include "proto/wire/codec.h"
#include "proto/wire/crc32c.h"
#include "proto/wire/payload.h"
#include "proto/wire/record_set.h"
#include "proto/wire/sha256.h"
#include "server/rpc/append_request_scan.h"
#include "server/rpc/batch_check.h"
#include "server/rpc/byte_buffers.h"
#include "server/topic_snapshot.h"
#include "tests/performance/beside_limit.h"
#include "tests/performance/sample_batches.h"

namespace kappa::performance {
namespace {

// As gRPC hands a large message over.
constexpr size_t kPieceBytes = 8192;

// Requires: the codec shrinks the batch.
std::shared_ptr<client::SealedBatch> Sealed(std::string records, Codec codec) {
  auto batch = std::make_shared<client::SealedBatch>();
  batch->payload = codec == Codec::kNone ? std::move(records)
                                         : Compress(codec, records).value();
  batch->codec = codec;
  batch->payload_crc32c = Crc32c(batch->payload);
  batch->ready = true;
  return batch;
}

Payload MessageOf(const std::shared_ptr<client::SealedBatch>& batch,
                  size_t records) {
  batch->record_count = static_cast<uint32_t>(records);
  const grpc::ByteBuffer message =
      client::EncodeAppendRequest({.correlation_id = 7,
                                   .topic = "orders",
                                   .topic_uuid = std::string(16, 'u'),
                                   .partition = 3,
                                   .producer_id = std::string(16, 'p'),
                                   .sequence = 12,
                                   .previous_sequence = 11},
                                  batch);
  auto bytes = std::make_shared<const std::string>(server::BytesOf(message));
  // Sized at once: growing it makes GCC 12 warn about Abseil's own storage.
  Payload::Pieces pieces((bytes->size() + kPieceBytes - 1) / kPieceBytes);
  for (size_t i = 0; i < pieces.size(); ++i) {
    pieces[i] = std::string_view(*bytes).substr(i * kPieceBytes, kPieceBytes);
  }
  return Payload(std::move(pieces), std::move(bytes));
}

server::TopicSnapshot Topic() {
  server::TopicSnapshot topic;
  topic.batch_bytes_max = 1 << 20;
  topic.batch_records_max = 100'000;
  return topic;
}

uint32_t CheckOnce(const Payload& message, const server::TopicSnapshot& topic) {
  const auto framed = server::ScanAppendStreamRequest(message);
  KAPPA_CHECK(framed.ok(), "the frame is malformed");
  const auto append = server::ScanAppendRequest(framed->append);
  KAPPA_CHECK(append.ok(), "the request is malformed");
  const auto checked = server::CheckBatch(append->batch, topic);
  KAPPA_CHECK(checked.ok(), "the batch was refused");
  return checked->record_count;
}

// A batch of 128 KiB with values of range(0) bytes.
void BM_CheckBatch(benchmark::State& state) {
  const auto batch = Sealed(EncodedBatch(state.range(0)), Codec::kNone);
  const server::TopicSnapshot topic = Topic();
  const size_t records = CheckOnce(MessageOf(batch, 0), topic);
  const Payload message = MessageOf(batch, records);
  RunBeside(
      state, {batch->payload.size(), records},
      "SHA-256 and CRC32C of the batch",
      [&] { benchmark::DoNotOptimize(CheckOnce(message, topic)); },
      [&] {
        benchmark::DoNotOptimize(Sha256(batch->payload));
        benchmark::DoNotOptimize(Crc32c(batch->payload));
      });
}
BENCHMARK(BM_CheckBatch)->Arg(100)->Arg(1 << 10)->Arg(100 << 10);

// 128 KiB of text, compressed by codec range(0).
void BM_CheckCompressed(benchmark::State& state) {
  const auto codec = static_cast<Codec>(state.range(0));
  const std::string value = TextBytes(1 << 10);
  RecordSetEncoder encoder;
  RecordView record;
  record.value = value;
  while (encoder.bytes() < kBatchBytes) encoder.Add(record);
  const size_t bytes = encoder.bytes();
  const size_t records = encoder.record_count();
  const auto batch = Sealed(encoder.Take(), codec);
  const server::TopicSnapshot topic = Topic();
  const Payload message = MessageOf(batch, records);
  const Payload compressed = Payload::FromString(batch->payload);
  RunBeside(
      state, {bytes, records}, "inflating, SHA-256 and CRC32C",
      [&] { benchmark::DoNotOptimize(CheckOnce(message, topic)); },
      [&] {
        benchmark::DoNotOptimize(Inflate(codec, compressed, 1 << 20));
        benchmark::DoNotOptimize(Sha256(batch->payload));
        benchmark::DoNotOptimize(Crc32c(batch->payload));
      });
}
BENCHMARK(BM_CheckCompressed)->Arg(1)->Arg(2);

}  // namespace
}  // namespace kappa::performance

BENCHMARK_MAIN();

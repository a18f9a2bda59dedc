// What the C++ client does for one batch of 128 KiB before it is sent, one
// thread: records encoded, compressed, checked in, framed.
//   bazel run //tests/performance:client_append_benchmark
#include <benchmark/benchmark.h>

#include <memory>
#include <string>

#include "client/cpp/append_request.h"
#include "client/cpp/partition_appender.h"
#include "client/cpp/sealed_batch.h"
#include "grpcpp/support/byte_buffer.h"
#include "proto/wire/codec.h"
#include "proto/wire/crc32c.h"
#include "proto/wire/record_set.h"
#include "tests/performance/beside_limit.h"
#include "tests/performance/sample_batches.h"

namespace kappa::performance {
namespace {

client::AppendEnvelope Envelope() {
  return {.correlation_id = 7,
          .topic = "orders",
          .topic_uuid = std::string(16, 'u'),
          .partition = 3,
          .producer_id = std::string(16, 'p'),
          .sequence = 12,
          .previous_sequence = 11};
}

// Makes one batch of records with `value`; returns its records.
size_t MakeBatch(const client::AppendEnvelope& envelope, Codec codec,
                 const std::string& value) {
  RecordView record;
  record.key = "user-123";
  record.value = value;
  record.event_time_us = 1'700'000'000'000'000;
  RecordSetEncoder encoder;
  encoder.Reserve(kBatchBytes + 2 * value.size());
  while (encoder.bytes() < kBatchBytes) encoder.Add(record);
  auto batch = std::make_shared<client::SealedBatch>();
  batch->record_count = static_cast<uint32_t>(encoder.record_count());
  batch->payload = encoder.Take();
  client::PrepareBatch(codec, batch.get());
  const size_t records = batch->record_count;
  const grpc::ByteBuffer message = client::EncodeAppendRequest(envelope, batch);
  benchmark::DoNotOptimize(message.Length());
  return records;
}

// Values of range(0) bytes.
void BM_MakeBatch(benchmark::State& state) {
  const std::string value = RandomBytes(state.range(0));
  const client::AppendEnvelope envelope = Envelope();
  const size_t records = MakeBatch(envelope, Codec::kNone, value);
  const std::string bytes = RandomBytes(kBatchBytes);
  CopyOf copy(bytes);
  RunBeside(
      state, {kBatchBytes, records}, "memcpy and CRC32C of the bytes",
      [&] { MakeBatch(envelope, Codec::kNone, value); },
      [&] {
        copy();
        benchmark::DoNotOptimize(Crc32c(bytes));
      });
}
BENCHMARK(BM_MakeBatch)->Arg(100)->Arg(1 << 10)->Arg(100 << 10);

// Values of 1 KiB of text, compressed by codec range(0).
void BM_MakeCompressed(benchmark::State& state) {
  const auto codec = static_cast<Codec>(state.range(0));
  const std::string value = TextBytes(1 << 10);
  const client::AppendEnvelope envelope = Envelope();
  const size_t records = MakeBatch(envelope, codec, value);
  std::string text;
  while (text.size() < kBatchBytes) text += value;
  RunBeside(
      state, {kBatchBytes, records}, "compressing the same bytes",
      [&] { MakeBatch(envelope, codec, value); },
      [&] { benchmark::DoNotOptimize(Compress(codec, text)); });
}
BENCHMARK(BM_MakeCompressed)->Arg(1)->Arg(2);

}  // namespace
}  // namespace kappa::performance

BENCHMARK_MAIN();

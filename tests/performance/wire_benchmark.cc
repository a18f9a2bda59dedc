// How fast the wire library is, one thread:
//   bazel run //tests/performance:wire_benchmark
//
// BM_LimitMemcpy is what no pass over the bytes goes below.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>

#include "proto/wire/codec.h"
#include "proto/wire/crc32c.h"
#include "proto/wire/payload.h"
#include "proto/wire/record_set.h"
#include "proto/wire/sha256.h"
#include "tests/performance/beside_limit.h"
#include "tests/performance/sample_batches.h"

namespace kappa::performance {
namespace {

void SetRates(benchmark::State& state, size_t bytes, size_t records) {
  state.SetBytesProcessed(state.iterations() * bytes);
  state.SetItemsProcessed(state.iterations() * records);
}

void BM_LimitMemcpy(benchmark::State& state) {
  CopyOf copy(RandomBytes(kBatchBytes));
  for (auto _ : state) copy();
  SetRates(state, kBatchBytes, 1);
}
BENCHMARK(BM_LimitMemcpy);

void BM_Crc32c(benchmark::State& state) {
  const std::string data = RandomBytes(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(Crc32c(data));
  SetRates(state, data.size(), 1);
}
BENCHMARK(BM_Crc32c)->Arg(100)->Arg(1024)->Arg(16 << 10)->Arg(kBatchBytes);

void BM_Crc32cPortable(benchmark::State& state) {
  const std::string data = RandomBytes(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(ExtendCrc32cPortable(0, data));
  SetRates(state, data.size(), 1);
}
BENCHMARK(BM_Crc32cPortable)->Arg(kBatchBytes);

void BM_Sha256(benchmark::State& state) {
  const std::string data = RandomBytes(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(Sha256(data));
  SetRates(state, data.size(), 1);
}
BENCHMARK(BM_Sha256)->Arg(100)->Arg(1024)->Arg(kBatchBytes);

void BM_ScanRecordSet(benchmark::State& state) {
  const Payload payload = Payload::FromString(EncodedBatch(state.range(0)));
  uint32_t records = 0;
  for (auto _ : state) records = ScanRecordSet(payload, {}).value();
  SetRates(state, payload.bytes(), records);
}
BENCHMARK(BM_ScanRecordSet)->Arg(10)->Arg(100)->Arg(1024)->Arg(16 << 10);

// In pieces of 8 KiB, as gRPC hands them over at worst.
void BM_ScanRecordSetInPieces(benchmark::State& state) {
  const std::string batch = EncodedBatch(state.range(0));
  Payload::Pieces pieces;
  for (size_t at = 0; at < batch.size(); at += 8192) {
    pieces.push_back(std::string_view(batch).substr(at, 8192));
  }
  const Payload payload(pieces, nullptr);
  uint32_t records = 0;
  for (auto _ : state) records = ScanRecordSet(payload, {}).value();
  SetRates(state, payload.bytes(), records);
}
BENCHMARK(BM_ScanRecordSetInPieces)->Arg(100)->Arg(1024);

void BM_ReadRecords(benchmark::State& state) {
  const std::string batch = EncodedBatch(state.range(0));
  size_t records = 0;
  for (auto _ : state) {
    RecordSetReader reader(batch);
    for (records = 0; reader.Next(); ++records) {
      benchmark::DoNotOptimize(reader.record().value->data());
    }
  }
  SetRates(state, batch.size(), records);
}
BENCHMARK(BM_ReadRecords)->Arg(100)->Arg(1024);

void BM_EncodeRecords(benchmark::State& state) {
  const std::string value = RandomBytes(state.range(0));
  RecordView record;
  record.key = "user-123";
  record.value = value;
  record.event_time_us = 1'700'000'000'000'000;
  size_t bytes = 0;
  size_t records = 0;
  for (auto _ : state) {
    RecordSetEncoder encoder;
    encoder.Reserve(kBatchBytes + 2 * value.size());
    while (encoder.bytes() < kBatchBytes) encoder.Add(record);
    bytes = encoder.bytes();
    records = encoder.record_count();
    benchmark::DoNotOptimize(encoder.Take());
  }
  SetRates(state, bytes, records);
}
BENCHMARK(BM_EncodeRecords)->Arg(100)->Arg(1024);

void BM_Compress(benchmark::State& state) {
  const Codec codec = static_cast<Codec>(state.range(0));
  const std::string text = TextBytes(kBatchBytes);
  size_t bytes = 0;
  for (auto _ : state) bytes = Compress(codec, text)->size();
  SetRates(state, text.size(), 1);
  state.SetLabel(std::string(CodecName(codec)) + " to " +
                 std::to_string(100 * bytes / text.size()) + " %");
}
BENCHMARK(BM_Compress)->Arg(1)->Arg(2);

void BM_Inflate(benchmark::State& state) {
  const Codec codec = static_cast<Codec>(state.range(0));
  const std::string text = TextBytes(kBatchBytes);
  const Payload frame = Payload::FromString(Compress(codec, text).value());
  for (auto _ : state) {
    benchmark::DoNotOptimize(Inflate(codec, frame, kBatchBytesDefault));
  }
  SetRates(state, text.size(), 1);
  state.SetLabel(std::string(CodecName(codec)));
}
BENCHMARK(BM_Inflate)->Arg(1)->Arg(2);

}  // namespace
}  // namespace kappa::performance

BENCHMARK_MAIN();

// What a replay does between the store and gRPC, one thread: stored batches
// become the slices of one message.
//   bazel run //tests/performance:delivery_benchmark
//
// 1 MiB of batches of range(0) bytes.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/slice.h"
#include "proto/wire/check.h"
#include "proto/wire/crc32c.h"
#include "proto/wire/record_set.h"
#include "server/rpc/byte_buffers.h"
#include "server/rpc/delivery.h"
#include "server/rpc/read_plan.h"
#include "server/rpc/wire_message.h"
#include "storage/log_store.h"
#include "tests/performance/beside_limit.h"
#include "tests/performance/sample_batches.h"

namespace kappa::performance {
namespace {

constexpr size_t kMessageBytes = size_t{1} << 20;
constexpr size_t kValueBytes = 100;

// Stored batches of about `batch_bytes` with real records, kMessageBytes of
// them.
std::vector<storage::StoredEntry> Stored(size_t batch_bytes) {
  const std::string value = RandomBytes(kValueBytes);
  RecordView record;
  record.key = "user-123";
  record.value = value;
  std::vector<storage::StoredEntry> entries;
  Offset next;
  for (size_t bytes = 0; bytes < kMessageBytes;) {
    RecordSetEncoder encoder;
    do {
      encoder.Add(record);
    } while (encoder.bytes() + 2 * kValueBytes < batch_bytes);
    storage::StoredEntry entry;
    entry.header.kind = raft::EntryKind::kRecords;
    entry.header.record_count = static_cast<uint32_t>(encoder.record_count());
    entry.header.base_offset = next;
    entry.header.append_time_us = 1'700'000'000'000'000;
    entry.payload = Payload::FromString(encoder.Take());
    entry.header.payload_bytes = static_cast<uint32_t>(entry.payload.bytes());
    entry.header.payload_crc32c = Crc32c(entry.payload);
    next = entry.header.next_offset();
    bytes += entry.payload.bytes();
    entries.push_back(std::move(entry));
  }
  return entries;
}

size_t BytesOf(const std::vector<storage::StoredEntry>& entries) {
  size_t bytes = 0;
  for (const storage::StoredEntry& entry : entries) {
    bytes += entry.payload.bytes();
  }
  return bytes;
}

size_t DeliverOnce(const std::shared_ptr<const server::ReadPlan>& plan,
                   const std::vector<storage::StoredEntry>& entries) {
  server::ReadRange range;
  range.until = server::kNoStop;
  server::Delivery delivery(plan, range);
  server::WireMessage message;
  for (const storage::StoredEntry& entry : entries) {
    const auto step = delivery.Next(entry);
    KAPPA_CHECK(step.ok(), "a batch cannot be delivered");
    delivery.Take(*step);
    if (!step->batch.has_value()) continue;
    server::AppendBatchField(*step->batch, server::kCopiedBytesMax, &message);
  }
  const grpc::ByteBuffer buffer = server::ByteBufferOf(std::move(message));
  return buffer.Length();
}

// A buffer of two slices for each batch: a head of 32 bytes, and the payload,
// referred to.
size_t BareSlices(const std::vector<storage::StoredEntry>& entries) {
  static constexpr char kHead[32] = {};
  std::vector<grpc::Slice> slices;
  slices.reserve(2 * entries.size());
  for (const storage::StoredEntry& entry : entries) {
    const std::string_view piece = entry.payload.pieces().front();
    slices.emplace_back(kHead, sizeof(kHead));
    slices.emplace_back(piece.data(), piece.size(), grpc::Slice::STATIC_SLICE);
  }
  return grpc::ByteBuffer(slices.data(), slices.size()).Length();
}

void BM_DeliverWhole(benchmark::State& state) {
  const auto entries = Stored(state.range(0));
  const auto plan = std::make_shared<const server::ReadPlan>();
  RunBeside(
      state, {BytesOf(entries), entries.size()}, "a buffer of as many slices",
      [&] { benchmark::DoNotOptimize(DeliverOnce(plan, entries)); },
      [&] { benchmark::DoNotOptimize(BareSlices(entries)); });
}
BENCHMARK(BM_DeliverWhole)->Arg(1 << 10)->Arg(16 << 10)->Arg(128 << 10);

// Every record passes the filter, so all of it is made anew.
void BM_DeliverFiltered(benchmark::State& state) {
  const auto entries = Stored(state.range(0));
  v1::ReadOptions options;
  options.mutable_filter()->set_key("user-123");
  auto checked = server::CheckReadOptions(options, /*follows=*/false);
  KAPPA_CHECK(checked.ok(), "the options were refused");
  const auto plan =
      std::make_shared<const server::ReadPlan>(*std::move(checked));
  const std::string bytes = RandomBytes(BytesOf(entries));
  CopyOf copy(bytes);
  RunBeside(
      state, {bytes.size(), entries.size()}, "memcpy and CRC32C of the bytes",
      [&] { benchmark::DoNotOptimize(DeliverOnce(plan, entries)); },
      [&] {
        copy();
        benchmark::DoNotOptimize(Crc32c(bytes));
      });
}
BENCHMARK(BM_DeliverFiltered)->Arg(16 << 10)->Arg(128 << 10);

}  // namespace
}  // namespace kappa::performance

BENCHMARK_MAIN();

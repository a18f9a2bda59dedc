// How fast messages between nodes are framed, one thread:
//   bazel run //tests/performance:frame_benchmark
//
// The limit beside it: a frame is written and read without touching content, so
// what is left is memcpy of the heads; received content is checked once by
// CRC32C (wire_benchmark).
#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "proto/wire/payload.h"
#include "proto/wire/types.h"
#include "server/peer/frame_reader.h"
#include "server/peer/frame_writer.h"
#include "tests/server/peer/peer_samples.h"

namespace kappa::server {
namespace {

// As many bytes as a loaded leader puts into one frame.
constexpr size_t kFrameBytes = size_t{1} << 20;

std::vector<PeerMessage> Appends(size_t content_bytes) {
  std::vector<PeerMessage> messages;
  for (size_t at = 0; at < kFrameBytes; at += content_bytes) {
    messages.push_back(
        EntryMessage(3, 9, 1, 5, Payload::FromString(Pattern(content_bytes))));
  }
  return messages;
}

void SetRates(benchmark::State& state, size_t bytes, size_t messages) {
  state.SetBytesProcessed(state.iterations() * bytes);
  state.SetItemsProcessed(state.iterations() * messages);
}

void BM_LimitMemcpy(benchmark::State& state) {
  const std::string from = Pattern(kFrameBytes);
  std::string to(kFrameBytes, '\0');
  for (auto _ : state) {
    std::memcpy(to.data(), from.data(), from.size());
    benchmark::DoNotOptimize(to.data());
    benchmark::ClobberMemory();
  }
  SetRates(state, kFrameBytes, 1);
}
BENCHMARK(BM_LimitMemcpy);

void BM_WriteFrame(benchmark::State& state) {
  const std::vector<PeerMessage> messages = Appends(state.range(0));
  FrameWriter writer;
  for (auto _ : state) benchmark::DoNotOptimize(writer.Write(messages));
  SetRates(state, kFrameBytes, messages.size());
}
BENCHMARK(BM_WriteFrame)->Arg(1 << 10)->Arg(16 << 10)->Arg(128 << 10);

// A content of less than 64 KiB is copied: it would keep the whole frame.
void BM_ReadFrame(benchmark::State& state) {
  const std::vector<PeerMessage> messages = Appends(state.range(0));
  FrameWriter writer;
  const Payload frame = Payload::FromString(writer.Write(messages).ToString());
  FrameReader reader(NodeId(3), NodeId(9));
  for (auto _ : state) {
    const absl::Status read = reader.Read(frame, [](PeerMessage message) {
      benchmark::DoNotOptimize(message.contents.data());
    });
    if (!read.ok()) state.SkipWithError("the frame was refused");
  }
  SetRates(state, frame.bytes(), messages.size());
}
BENCHMARK(BM_ReadFrame)->Arg(1 << 10)->Arg(16 << 10)->Arg(128 << 10);

}  // namespace
}  // namespace kappa::server

BENCHMARK_MAIN();

// How fast messages between nodes are framed, one thread:
//   bazel run //tests/performance:frame_benchmark
//
// A frame is written and read without touching large contents, so that it costs
// less than a copy of it; received content is checked once by CRC32C
// (wire_benchmark).
#include <benchmark/benchmark.h>

#include <cstddef>
#include <string>
#include <vector>

#include "proto/wire/check.h"
#include "proto/wire/payload.h"
#include "proto/wire/types.h"
#include "server/peer/frame_reader.h"
#include "server/peer/frame_writer.h"
#include "tests/performance/beside_limit.h"
#include "tests/server/peer/peer_samples.h"

namespace kappa::server {
namespace {

// As many bytes as a loaded leader puts into one frame.
constexpr size_t kFrameBytes = size_t{1} << 20;
constexpr const char* kLimit = "memcpy of the frame";

std::vector<PeerMessage> Appends(size_t content_bytes) {
  std::vector<PeerMessage> messages;
  for (size_t at = 0; at < kFrameBytes; at += content_bytes) {
    messages.push_back(
        EntryMessage(3, 9, 1, 5, Payload::FromString(Pattern(content_bytes))));
  }
  return messages;
}

void BM_WriteFrame(benchmark::State& state) {
  const std::vector<PeerMessage> messages = Appends(state.range(0));
  FrameWriter writer;
  performance::RunBeside(
      state, {kFrameBytes, messages.size()}, kLimit,
      [&] { benchmark::DoNotOptimize(writer.Write(messages)); },
      performance::CopyOf(Pattern(kFrameBytes)));
}
BENCHMARK(BM_WriteFrame)->Arg(1 << 10)->Arg(16 << 10)->Arg(128 << 10);

// A content of less than 64 KiB is copied: it would keep the whole frame.
void BM_ReadFrame(benchmark::State& state) {
  const std::vector<PeerMessage> messages = Appends(state.range(0));
  FrameWriter writer;
  const Payload frame = Payload::FromString(writer.Write(messages).ToString());
  FrameReader reader(NodeId(3), NodeId(9));
  performance::RunBeside(
      state, {frame.bytes(), messages.size()}, kLimit,
      [&] {
        const absl::Status read = reader.Read(frame, [](PeerMessage message) {
          benchmark::DoNotOptimize(message.contents.data());
        });
        KAPPA_CHECK(read.ok(), "the frame was refused");
      },
      performance::CopyOf(Pattern(kFrameBytes)));
}
BENCHMARK(BM_ReadFrame)->Arg(1 << 10)->Arg(16 << 10)->Arg(128 << 10);

}  // namespace
}  // namespace kappa::server

BENCHMARK_MAIN();

#include "tests/chaos/replayer.h"

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/cpp/client.h"
#include "client/cpp/client_options.h"
#include "tests/chaos/value_maker.h"

namespace kappa::chaos {
namespace {

using checker::Event;
using checker::EventBatch;
using checker::EventType;
using client::Client;
using client::Replay;
using client::ReplayEvent;
using client::ReplayPosition;

constexpr absl::Duration kStartAgain = absl::Milliseconds(200);

}  // namespace

Replayer::Replayer(RoleOptions options, uint32_t partition, Recorder& recorder,
                   StopSignal& stop)
    : options_(std::move(options)),
      partition_(partition),
      recorder_(recorder),
      stop_(stop) {}

void Replayer::Run() {
  Event invoke;
  invoke.kind = checker::OperationKind::kReplay;
  invoke.process = options_.process;
  invoke.partition = options_.NameOf(partition_);
  invoke.from = 0;
  invoke.committed = true;
  piece_.type = EventType::kPart;
  piece_.op = recorder_.Begin(invoke);
  const absl::StatusOr<std::shared_ptr<Client>> connection = Client::Create(
      {.seeds = options_.Seeds(), .backoff_max = absl::Milliseconds(500)});
  if (!connection.ok()) return;
  client::ReplayOptions replay_options;
  replay_options.topic = options_.topic;
  replay_options.partition = partition_;
  replay_options.start = ReplayPosition::At(Offset(0));
  replay_options.heartbeat = absl::Milliseconds(500);
  replay_options.on_event = [this](const ReplayEvent&) { WritePiece(); };
  absl::StatusOr<std::unique_ptr<Replay>> replay =
      Replay::Start(*connection, replay_options);
  while (!replay.ok()) {
    if (stop_.WaitFor(kStartAgain)) return;
    replay = Replay::Start(*connection, replay_options);
  }
  // Shared: Set may still be in Cancel when this thread is done.
  const std::shared_ptr<Replay> shared = *std::move(replay);
  stop_.OnSet([shared] { shared->Cancel(); });
  for (const client::ReplayRecord& record : *shared) Take(record);
  WritePiece();
  const absl::Status& status = shared->status();
  if (status.code() != absl::StatusCode::kCancelled) {
    std::fprintf(stderr, "replay of %s ended: %s\n", invoke.partition.c_str(),
                 status.ToString().c_str());
    recorder_.Tell(partition_, Outcome::kUnexpected, 0);
  }
  Event answer;
  answer.type = EventType::kOk;
  answer.op = piece_.op;
  recorder_.Add(answer);
}

void Replayer::Take(const client::ReplayRecord& record) {
  if (piece_.batches.empty() ||
      piece_.batches.back().append_time_us != record.append_time_us ||
      piece_.batches.back().offset + piece_.batches.back().values.size() !=
          record.offset.value()) {
    EventBatch batch;
    batch.offset = record.offset.value();
    batch.append_time_us = record.append_time_us;
    piece_.batches.push_back(std::move(batch));
  }
  const std::string_view value = record.value.value_or("");
  piece_.batches.back().values.push_back(ValueMaker::NameOf(value));
  piece_.batches.back().digests.push_back(ValueMaker::DigestOf(value));
  if (++piece_records_ == kPieceRecords) WritePiece();
}

void Replayer::WritePiece() {
  if (piece_records_ == 0) return;
  recorder_.End(piece_, partition_, Outcome::kRead,
                static_cast<uint16_t>(piece_records_));
  piece_.batches.clear();
  piece_records_ = 0;
}

}  // namespace kappa::chaos

#include "client/cpp/replay.h"

#include <utility>

#include "client/cpp/admin.h"
#include "client/cpp/partition_reader.h"
#include "client/cpp/ready_signal.h"

namespace kappa::client {

Replay::Replay() : ready_(std::make_unique<ReadySignal>()) {}

Replay::~Replay() = default;

absl::StatusOr<std::unique_ptr<Replay>> Replay::Start(
    std::shared_ptr<Client> client, ReplayOptions options) {
  const absl::Status status = CheckReplayOptions(options);
  if (!status.ok()) return status;
  if (NeedsOffsets(options)) {
    v1::GetOffsetsRequest request;
    request.set_topic(options.topic);
    request.set_partition(options.partition);
    request.set_consistency(options.consistency);
    absl::StatusOr<v1::GetOffsetsResponse> offsets =
        Admin(client).GetOffsets(request);
    if (!offsets.ok()) return offsets.status();
    ResolvePositions(*offsets, &options);
  }
  std::unique_ptr<Replay> replay(new Replay());
  replay->reader_ = std::make_unique<PartitionReader>(
      std::move(client), std::move(options), replay->ready_.get());
  return replay;
}

bool Replay::Next() {
  while (!ended_) {
    switch (reader_->Next()) {
      case PartitionReader::Step::kRecord:
        return true;
      case PartitionReader::Step::kPending:
        ready_->Wait(reader_->wake_time());
        break;
      case PartitionReader::Step::kEnd:
        ended_ = true;
        break;
    }
  }
  return false;
}

const ReplayRecord& Replay::record() const { return reader_->record(); }

absl::Status Replay::ForEach(
    const std::function<bool(const ReplayRecord&)>& on_record) {
  while (Next()) {
    if (!on_record(record())) break;
  }
  return status();
}

void Replay::Cancel() { ready_->Cancel(); }

const absl::Status& Replay::status() const { return reader_->status(); }

Offset Replay::next_offset() const { return reader_->next_offset(); }

Offset Replay::end_offset() const { return reader_->end_offset(); }

uint64_t Replay::payload_bytes() const { return reader_->payload_bytes(); }

}  // namespace kappa::client

#include "tests/chaos/poller.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>

#include "absl/status/status.h"
#include "client/cpp/error.h"
#include "kappa/v1/log_service.pb.h"
#include "tests/chaos/log_events.h"
#include "tests/chaos/pace.h"
#include "tests/checker/event.h"

namespace kappa::chaos {
namespace {

using checker::Event;

constexpr uint64_t kBytesMax = 256 * 1024;

uint16_t CountOf(uint64_t records) {
  return static_cast<uint16_t>(
      std::min<uint64_t>(records, std::numeric_limits<uint16_t>::max()));
}

}  // namespace

Poller::Poller(RoleOptions options, Recorder& recorder, StopSignal& stop)
    : options_(std::move(options)),
      recorder_(recorder),
      stop_(stop),
      nodes_(options_.nodes),
      draws_(options_.process, options_.seed),
      next_offsets_(options_.partitions) {}

void Poller::Run() {
  Pace pace(options_.rate, stop_);
  for (bool linearizable = false; pace.Next(); linearizable = !linearizable) {
    ReadOnce(draws_.Draw(options_.partitions), linearizable);
  }
}

void Poller::ReadOnce(uint32_t partition, bool linearizable) {
  const size_t node = draws_.Draw(static_cast<uint32_t>(nodes_.size()));
  Event invoke;
  invoke.kind = checker::OperationKind::kRead;
  invoke.process = options_.process;
  invoke.partition = options_.NameOf(partition);
  invoke.node = NodeStubs::NameOf(node);
  invoke.from = next_offsets_[partition];
  invoke.committed = !linearizable;
  v1::ReadRequest request;
  request.set_topic(options_.topic);
  request.set_partition(partition);
  v1::ReadOptions& read = *request.mutable_options();
  read.mutable_start()->set_offset(next_offsets_[partition]);
  read.set_bytes_max(kBytesMax);
  read.set_with_digests(true);
  if (!linearizable) read.set_consistency(v1::CONSISTENCY_COMMITTED);
  const uint64_t op = recorder_.Begin(invoke);
  v1::ReadResponse response;
  const absl::Status status = nodes_.Read(node, request, &response);
  if (!status.ok()) {
    recorder_.End(Failure(op, invoke.node, status), partition,
                  Outcome::kReadFailed, 0);
    return;
  }
  Event answer;
  answer.type = checker::EventType::kOk;
  answer.op = op;
  answer.node = invoke.node;
  answer.batches = DeliveredEvents(response.batches());
  answer.gaps = GapsOf(response);
  answer.end = response.end_offset();
  const uint64_t delivered = response.next_offset() - next_offsets_[partition];
  next_offsets_[partition] = response.next_offset();
  recorder_.End(answer, partition, Outcome::kRead, CountOf(delivered));
}

}  // namespace kappa::chaos

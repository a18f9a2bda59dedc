#include "tests/chaos/end_asker.h"

#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "kappa/v1/log_service.pb.h"
#include "tests/chaos/log_events.h"
#include "tests/chaos/pace.h"
#include "tests/checker/event.h"

namespace kappa::chaos {

using checker::Event;

EndAsker::EndAsker(RoleOptions options, Recorder& recorder, StopSignal& stop)
    : options_(std::move(options)),
      recorder_(recorder),
      stop_(stop),
      nodes_(options_.nodes),
      draws_(options_.process, options_.seed) {}

void EndAsker::Run() {
  Pace pace(options_.rate, stop_);
  for (bool linearizable = true; pace.Next(); linearizable = !linearizable) {
    AskOnce(draws_.Draw(options_.partitions), linearizable);
  }
}

void EndAsker::AskOnce(uint32_t partition, bool linearizable) {
  const size_t node = draws_.Draw(static_cast<uint32_t>(nodes_.size()));
  Event invoke;
  invoke.kind = checker::OperationKind::kEndOffset;
  invoke.process = options_.process;
  invoke.partition = options_.NameOf(partition);
  invoke.node = NodeStubs::NameOf(node);
  invoke.committed = !linearizable;
  v1::GetOffsetsRequest request;
  request.set_topic(options_.topic);
  request.set_partition(partition);
  if (!linearizable) request.set_consistency(v1::CONSISTENCY_COMMITTED);
  const uint64_t op = recorder_.Begin(invoke);
  v1::GetOffsetsResponse response;
  const absl::Status status = nodes_.GetOffsets(node, request, &response);
  if (!status.ok()) {
    recorder_.End(Failure(op, invoke.node, status), partition,
                  Outcome::kEndFailed, 0);
    return;
  }
  Event answer;
  answer.type = checker::EventType::kOk;
  answer.op = op;
  answer.node = invoke.node;
  answer.end = response.end_offset();
  answer.chain = Hex(response.chain_digest());
  recorder_.End(answer, partition, Outcome::kEndTold, 0);
}

}  // namespace kappa::chaos

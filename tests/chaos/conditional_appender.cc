#include "tests/chaos/conditional_appender.h"

#include <cstdint>
#include <cstdio>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "client/cpp/error.h"
#include "kappa/v1/error.pb.h"
#include "kappa/v1/log_service.pb.h"
#include "tests/chaos/log_events.h"
#include "tests/chaos/pace.h"
#include "tests/checker/event.h"

namespace kappa::chaos {

using checker::Event;
using checker::EventType;

ConditionalAppender::ConditionalAppender(RoleOptions options,
                                         Recorder& recorder, StopSignal& stop)
    : options_(std::move(options)),
      partition_(options_.conditional_partition()),
      recorder_(recorder),
      stop_(stop),
      nodes_(options_.nodes),
      values_(options_.process, options_.seed) {}

void ConditionalAppender::Run() {
  Pace pace(options_.rate, stop_);
  std::optional<uint64_t> end;
  while (pace.Next()) {
    end = end.has_value() ? AppendAt(*end) : AskEnd();
  }
}

std::optional<uint64_t> ConditionalAppender::AskEnd() {
  node_ = values_.Draw(static_cast<uint32_t>(nodes_.size()));
  Event invoke;
  invoke.kind = checker::OperationKind::kEndOffset;
  invoke.process = options_.process;
  invoke.partition = options_.NameOf(partition_);
  invoke.node = NodeStubs::NameOf(node_);
  const uint64_t op = recorder_.Begin(invoke);
  v1::GetOffsetsRequest request;
  request.set_topic(options_.topic);
  request.set_partition(partition_);
  v1::GetOffsetsResponse response;
  const absl::Status status = nodes_.GetOffsets(node_, request, &response);
  if (!status.ok()) {
    recorder_.End(Failure(op, invoke.node, status), partition_,
                  Outcome::kEndFailed, 0);
    return std::nullopt;
  }
  Event answer;
  answer.type = EventType::kOk;
  answer.op = op;
  answer.node = invoke.node;
  answer.end = response.end_offset();
  answer.chain = Hex(response.chain_digest());
  recorder_.End(answer, partition_, Outcome::kEndTold, 0);
  return response.end_offset();
}

std::optional<uint64_t> ConditionalAppender::AppendAt(uint64_t expected) {
  const MadeBatch batch = values_.Make();
  const auto records = static_cast<uint16_t>(batch.values.size());
  Event invoke =
      AppendInvocation(options_.process, options_.NameOf(partition_), batch);
  invoke.kind = checker::OperationKind::kConditionalAppend;
  invoke.node = NodeStubs::NameOf(node_);
  invoke.expected = expected;
  v1::AppendRequest request;
  request.set_topic(options_.topic);
  request.set_partition(partition_);
  *request.mutable_batch() = batch.ToProto();
  request.set_expected_offset(expected);
  const uint64_t op = recorder_.Begin(invoke);
  v1::AppendResponse response;
  const absl::Status status = nodes_.Append(node_, request, &response);
  if (status.ok()) {
    recorder_.End(AppendAnswer(op, invoke.node, response), partition_,
                  Outcome::kAcknowledged, records);
    recorder_.Tell(partition_, Outcome::kConditionMet, records);
    return response.next_offset();
  }
  Event failure = Failure(op, invoke.node, status);
  const v1::ErrorReason reason = client::ReasonOf(status);
  if (reason == v1::ERROR_REASON_EXPECTED_OFFSET_MISMATCH) {
    failure.end = client::NumberOf(status, "end_offset");
    recorder_.End(failure, partition_, Outcome::kConditionRefused, records);
    return failure.end;
  }
  const bool definite = client::IsDefinite(status);
  const bool explained = !definite || client::IsRetriable(status);
  recorder_.End(failure, partition_,
                !explained ? Outcome::kUnexpected
                : definite ? Outcome::kAppendFailed
                           : Outcome::kAppendUnknown,
                records);
  if (!explained) {
    std::fprintf(stderr, "conditional append: %s\n", status.ToString().c_str());
  }
  return std::nullopt;
}

}  // namespace kappa::chaos

#include "tests/chaos/stub_appender.h"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "client/cpp/error.h"
#include "kappa/v1/error.pb.h"
#include "tests/chaos/log_events.h"
#include "tests/chaos/pace.h"
#include "tests/checker/event.h"

namespace kappa::chaos {
namespace {

using checker::Event;

constexpr absl::Duration kAgain = absl::Milliseconds(30);
// How long a batch is still sent after the end of the run.
constexpr absl::Duration kAfterStop = absl::Seconds(20);

}  // namespace

StubAppender::StubAppender(RoleOptions options, std::string producer,
                           Recorder& recorder, StopSignal& stop)
    : options_(std::move(options)),
      producer_(std::move(producer)),
      recorder_(recorder),
      stop_(stop),
      nodes_(options_.nodes),
      values_(options_.process, options_.seed),
      last_sequences_(options_.shared_partitions()) {}

void StubAppender::Run() {
  if (!Open()) return;
  Pace pace(options_.rate, stop_);
  while (pace.Next()) {
    const uint32_t partition = values_.Draw(options_.shared_partitions());
    if (!Store(partition, values_.Make())) return;
  }
}

bool StubAppender::Open() {
  while (!OpenAt(AnyNode())) {
    if (stop_.WaitFor(kAgain)) return false;
  }
  return true;
}

bool StubAppender::OpenAt(size_t node) {
  v1::OpenProducerRequest request;
  request.set_name(producer_);
  request.set_topic(options_.topic);
  Event invoke;
  invoke.kind = checker::OperationKind::kOpenProducer;
  invoke.process = options_.process;
  invoke.producer = producer_;
  for (uint32_t p = 0; p < options_.shared_partitions(); ++p) {
    request.add_partitions(p);
    invoke.partitions.push_back(options_.NameOf(p));
  }
  const uint64_t op = recorder_.Begin(invoke);
  v1::OpenProducerResponse response;
  const absl::Status status = nodes_.OpenProducer(node, request, &response);
  if (!status.ok()) {
    recorder_.Add(Failure(op, NodeStubs::NameOf(node), status));
    return false;
  }
  Event answer;
  answer.type = checker::EventType::kOk;
  answer.op = op;
  answer.node = NodeStubs::NameOf(node);
  answer.epoch = response.epoch();
  recorder_.Add(answer);
  producer_id_ = response.producer_id();
  epoch_ = response.epoch();
  for (const v1::ProducerPosition& position : response.positions()) {
    last_sequences_[position.partition()] = position.last_sequence();
  }
  return true;
}

v1::AppendRequest StubAppender::RequestFor(uint32_t partition,
                                           const MadeBatch& batch) {
  v1::AppendRequest request;
  request.set_topic(options_.topic);
  request.set_partition(partition);
  *request.mutable_batch() = batch.ToProto();
  request.mutable_producer()->set_id(producer_id_);
  request.mutable_producer()->set_epoch(epoch_);
  request.mutable_producer()->set_sequence(last_sequences_[partition] + 1);
  return request;
}

bool StubAppender::Store(uint32_t partition, const MadeBatch& batch) {
  const v1::AppendRequest request = RequestFor(partition, batch);
  absl::Time give_up = absl::InfiniteFuture();
  size_t node = AnyNode();
  bool stored = false;
  for (bool repeated = false; absl::Now() < give_up; repeated = true) {
    if (!Attempt(&node, request, batch, repeated, &stored)) return false;
    if (stored) {
      ++last_sequences_[partition];
      return true;
    }
    if (give_up == absl::InfiniteFuture() && stop_.is_set()) {
      give_up = absl::Now() + kAfterStop;
    }
    // After the end of the run too; it is not set again, so wait by hand.
    if (stop_.WaitFor(kAgain)) absl::SleepFor(kAgain);
  }
  return false;
}

bool StubAppender::Attempt(size_t* node, const v1::AppendRequest& request,
                           const MadeBatch& batch, bool repeated,
                           bool* stored) {
  Event invoke = AppendInvocation(options_.process,
                                  options_.NameOf(request.partition()), batch);
  invoke.node = NodeStubs::NameOf(*node);
  invoke.producer = producer_;
  invoke.epoch = epoch_;
  invoke.sequence = request.producer().sequence();
  const auto records = static_cast<uint16_t>(batch.values.size());
  const uint64_t op = recorder_.Begin(invoke);
  v1::AppendResponse response;
  const absl::Status status = nodes_.Append(*node, request, &response);
  const std::string name = NodeStubs::NameOf(*node);
  const bool forgotten =
      client::ReasonOf(status) == v1::ERROR_REASON_SEQUENCE_STORED;
  if (status.ok() || forgotten) {
    Event answer = AppendAnswer(op, name, response);
    if (forgotten) {
      answer.offset.reset();
      answer.append_time_us.reset();
      answer.chain.reset();
    }
    recorder_.End(answer, request.partition(), Outcome::kAcknowledged, records);
    if (repeated && (forgotten || response.duplicate())) {
      recorder_.Tell(request.partition(), Outcome::kResolved, records);
    }
    *stored = true;
    return true;
  }
  const bool definite = client::IsDefinite(status);
  const bool expected = !definite || client::IsRetriable(status);
  recorder_.End(Failure(op, name, status), request.partition(),
                !expected  ? Outcome::kUnexpected
                : definite ? Outcome::kAppendFailed
                           : Outcome::kAppendUnknown,
                records);
  if (!expected) {
    std::fprintf(stderr, "%s at %s, sequence %llu: %s\n", producer_.c_str(),
                 name.c_str(),
                 static_cast<unsigned long long>(request.producer().sequence()),
                 status.ToString().c_str());
  }
  *node = nodes_.LeaderIn(status, AnyNode());
  return expected;
}

}  // namespace kappa::chaos

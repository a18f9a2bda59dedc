#include "tests/chaos/final_reader.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "client/cpp/error.h"
#include "grpcpp/client_context.h"
#include "grpcpp/support/sync_stream.h"
#include "kappa/v1/log_service.pb.h"
#include "tests/chaos/log_events.h"
#include "tests/checker/event.h"

namespace kappa::chaos {
namespace {

using checker::Event;
using checker::EventType;

// Between two questions.
constexpr absl::Duration kAgain = absl::Milliseconds(50);
constexpr std::chrono::seconds kReplayMax(60);

bool Equal(const v1::GetOffsetsResponse& a, const v1::GetOffsetsResponse& b) {
  return a.end_offset() == b.end_offset() &&
         a.chain_digest() == b.chain_digest();
}

}  // namespace

FinalReader::FinalReader(RoleOptions options, Recorder& recorder)
    : options_(std::move(options)),
      recorder_(recorder),
      nodes_(options_.nodes) {}

absl::Status FinalReader::Run(absl::Duration patience) {
  const absl::Time deadline = absl::Now() + patience;
  const absl::StatusOr<Ends> ends = WaitUntilEqual(deadline);
  if (!ends.ok()) return ends.status();
  for (size_t node = 0; node < nodes_.size(); ++node) {
    for (uint32_t p = 0; p < options_.partitions; ++p) {
      const absl::Status status =
          ReadAll(node, p, (*ends)[node][p], deadline + patience);
      if (!status.ok()) return status;
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<FinalReader::Ends> FinalReader::AskAll() {
  Ends ends(nodes_.size());
  for (size_t node = 0; node < nodes_.size(); ++node) {
    for (uint32_t p = 0; p < options_.partitions; ++p) {
      v1::GetOffsetsRequest request;
      request.set_topic(options_.topic);
      request.set_partition(p);
      request.set_consistency(v1::CONSISTENCY_COMMITTED);
      const absl::Status status =
          nodes_.GetOffsets(node, request, &ends[node].emplace_back());
      if (!status.ok()) {
        return absl::DeadlineExceededError(
            absl::StrCat(options_.NameOf(p), " at ", NodeStubs::NameOf(node),
                         ": ", status.ToString()));
      }
    }
  }
  return ends;
}

absl::StatusOr<FinalReader::Ends> FinalReader::WaitUntilEqual(
    absl::Time deadline) {
  while (true) {
    absl::StatusOr<Ends> ends = AskAll();
    bool equal = ends.ok();
    for (size_t node = 1; equal && node < nodes_.size(); ++node) {
      for (uint32_t p = 0; equal && p < options_.partitions; ++p) {
        equal = Equal((*ends)[0][p], (*ends)[node][p]);
      }
    }
    if (equal || absl::Now() >= deadline) return ends;
    absl::SleepFor(kAgain);
  }
}

absl::Status FinalReader::ReadAll(size_t node, uint32_t partition,
                                  const v1::GetOffsetsResponse& end,
                                  absl::Time deadline) {
  uint64_t next = 0;
  while (next < end.end_offset()) {
    const absl::Status status =
        ReadOn(node, partition, end.end_offset(), &next);
    if (status.ok()) continue;
    if (absl::Now() >= deadline || !client::IsRetriable(status)) {
      return absl::Status(
          status.code(),
          absl::StrCat("final read of ", options_.NameOf(partition), " at ",
                       NodeStubs::NameOf(node), " from ", next, ": ",
                       status.ToString()));
    }
    absl::SleepFor(kAgain);
  }
  Event last;
  last.type = EventType::kFinal;
  last.node = NodeStubs::NameOf(node);
  last.partition = options_.NameOf(partition);
  last.end = end.end_offset();
  last.chain = Hex(end.chain_digest());
  recorder_.Add(last);
  return absl::OkStatus();
}

absl::Status FinalReader::ReadOn(size_t node, uint32_t partition, uint64_t end,
                                 uint64_t* next) {
  v1::ReplayRequest request;
  request.set_topic(options_.topic);
  request.set_partition(partition);
  v1::ReadOptions& read = *request.mutable_options();
  read.mutable_start()->set_offset(*next);
  read.mutable_stop()->set_offset(end);
  read.set_consistency(v1::CONSISTENCY_COMMITTED);
  read.set_with_digests(true);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kReplayMax);
  const std::unique_ptr<grpc::ClientReader<v1::ReplayResponse>> stream =
      nodes_.stub(node).Replay(&context, request);
  v1::ReplayResponse response;
  while (stream->Read(&response)) {
    Event piece;
    piece.type = EventType::kFinal;
    piece.node = NodeStubs::NameOf(node);
    piece.partition = options_.NameOf(partition);
    piece.batches = DeliveredEvents(response.batches());
    piece.gaps = GapsOf(response);
    *next = response.next_offset();
    if (!piece.batches.empty() || !piece.gaps.empty()) recorder_.Add(piece);
  }
  return client::StatusFromGrpc(stream->Finish());
}

}  // namespace kappa::chaos

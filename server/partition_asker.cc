#include "server/partition_asker.h"

#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "proto/wire/string_view.h"
#include "server/errors.h"
#include "server/random_uuid.h"
#include "server/status_message.h"

namespace kappa::server {
namespace {

using raft::v1::PartitionRequest;
using raft::v1::PartitionResponse;

constexpr int64_t kTimeoutUs = 3'000'000;

absl::Status CheckRequest(const PartitionRequest& request) {
  switch (request.ask_case()) {
    case PartitionRequest::kFence:
    case PartitionRequest::kLookUp: {
      const std::string& id = request.has_fence()
                                  ? request.fence().producer_id()
                                  : request.look_up().producer_id();
      if (id.size() == Uuid().size()) return absl::OkStatus();
      return absl::InvalidArgumentError(
          absl::StrCat("producer_id has ", id.size(), " bytes, not 16"));
    }
    case PartitionRequest::kEnd:
      return absl::OkStatus();
    default:
      return absl::InvalidArgumentError("the request asks for nothing");
  }
}

PartitionResponse ResponseOf(absl::StatusOr<v1::ProducerPosition> position) {
  PartitionResponse response;
  if (position.ok()) {
    response.mutable_position()->set_position(position->SerializeAsString());
  } else {
    *response.mutable_error() = ToStatusMessage(position.status());
  }
  return response;
}

PartitionResponse ResponseOf(const absl::StatusOr<PartitionEnd>& end) {
  PartitionResponse response;
  if (end.ok()) {
    response.set_end_offset(end->end_offset.value());
  } else {
    *response.mutable_error() = ToStatusMessage(end.status());
  }
  return response;
}

// Without a node: whoever asks for something bigger must not be sent there.
absl::Status NoLeader(const PartitionRequest& request, std::string_view cause) {
  return MakeError(v1::ERROR_REASON_NOT_LEADER,
                   absl::StrCat("no leader of partition ", request.partition(),
                                " was found: ", ToAbsl(cause)),
                   {{"partition", absl::StrCat(request.partition())},
                    {"retry_after_ms", "50"}});
}

// Whether a node that answered so did not do what it was asked for.
bool WasNotDone(const absl::Status& failure) {
  return absl::IsFailedPrecondition(failure) ||
         absl::IsInvalidArgument(failure) || absl::IsUnimplemented(failure);
}

absl::Status FailureOf(const PartitionRequest& request,
                       const absl::Status& failure) {
  const std::string_view cause = ToStd(failure.message());
  if (!request.has_fence() || WasNotDone(failure)) {
    return NoLeader(request, cause);
  }
  return MakeError(
      v1::ERROR_REASON_OUTCOME_UNKNOWN,
      absl::StrCat("the producer may be fenced in partition ",
                   request.partition(), " or not: ", ToAbsl(cause)));
}

}  // namespace

std::optional<NodeId> LeaderNodeOf(const absl::Status& refusal) {
  if (!absl::IsUnavailable(refusal)) return std::nullopt;
  const v1::ErrorInfo info = ErrorInfoOf(refusal);
  const auto found = info.metadata().find("leader_node");
  uint64_t node = 0;
  if (info.reason() != "NOT_LEADER" || found == info.metadata().end() ||
      !absl::SimpleAtoi(found->second, &node) || node == 0) {
    return std::nullopt;
  }
  return NodeId(node);
}

void AnswerPartitionRequest(const PartitionRouter& router,
                            const PartitionRequest& request,
                            Node::Callback<PartitionResponse> done) {
  const absl::Status legal = CheckRequest(request);
  if (!legal.ok()) return done(legal);
  const GroupId group(request.group_id());
  if (request.ask_case() == PartitionRequest::kEnd) {
    return router.Route<PartitionEnd>(
        group,
        [done = std::move(done)](absl::StatusOr<PartitionEnd> end) mutable {
          done(ResponseOf(end));
        },
        [](Partition& partition, Node::Callback<PartitionEnd> answer) {
          partition.GetEnd(v1::CONSISTENCY_UNSPECIFIED, std::move(answer));
        });
  }
  router.Route<v1::ProducerPosition>(
      group,
      [done = std::move(done)](
          absl::StatusOr<v1::ProducerPosition> position) mutable {
        done(ResponseOf(std::move(position)));
      },
      [request](Partition& partition,
                Node::Callback<v1::ProducerPosition> answer) {
        if (request.has_fence()) {
          partition.Fence(UuidOf(request.fence().producer_id()),
                          request.fence().epoch(), request.partition(),
                          std::move(answer));
        } else {
          partition.LookUpProducer(UuidOf(request.look_up().producer_id()),
                                   request.partition(), std::move(answer));
        }
      });
}

void PartitionAsker::Ask(const PartitionRequest& request, Done done) const {
  AnswerPartitionRequest(*router_, request,
                         [this, request, done = std::move(done)](
                             absl::StatusOr<PartitionResponse> answer) mutable {
                           FollowAnswer(request, 0, std::move(answer),
                                        std::move(done));
                         });
}

void PartitionAsker::FollowAnswer(const PartitionRequest& request, int hops,
                                  absl::StatusOr<PartitionResponse> answer,
                                  Done done) const {
  if (!answer.ok()) {
    return done(hops == 0 ? answer.status()
                          : FailureOf(request, answer.status()));
  }
  if (!answer->has_error()) {
    if (answer->result_case() != PartitionResponse::RESULT_NOT_SET) {
      return done(std::move(answer));
    }
    return done(FailureOf(request, absl::InternalError("it has no result")));
  }
  const absl::Status refusal = FromStatusMessage(answer->error());
  if (ErrorInfoOf(refusal).reason() != "NOT_LEADER") return done(refusal);
  const std::optional<NodeId> leader = LeaderNodeOf(refusal);
  PeerNetwork* const peers = peers_ ? peers_() : nullptr;
  if (!leader.has_value() || peers == nullptr || hops == kHopsMax) {
    return done(NoLeader(request, ToStd(refusal.message())));
  }
  peers->AskPartition(*leader, request, kTimeoutUs,
                      [this, request, hops, done = std::move(done)](
                          absl::StatusOr<PartitionResponse> answer) mutable {
                        FollowAnswer(request, hops + 1, std::move(answer),
                                     std::move(done));
                      });
}

}  // namespace kappa::server

#include "server/rpc/append_submission.h"

#include <string>
#include <utility>

#include "server/rpc/batch_check.h"

namespace kappa::server {
namespace {

v1::AppendResponse ResponseOf(const Uuid& topic_uuid,
                              const AppendResult& result) {
  v1::AppendResponse response;
  response.set_topic_uuid(std::string(UuidBytes(topic_uuid)));
  response.set_base_offset(result.base_offset.value());
  response.set_next_offset(result.next_offset.value());
  response.set_append_time_us(result.append_time_us);
  response.set_chain_digest(std::string(DigestBytes(result.chain)));
  response.set_duplicate(result.duplicate);
  return response;
}

}  // namespace

void SubmitAppend(
    Node* node, const ScannedAppend& append,
    absl::StatusOr<FoundPartition> partition, RpcStats* stats,
    absl::AnyInvocable<void(absl::StatusOr<v1::AppendResponse>)> done) {
  if (!partition.ok()) {
    stats->CountAppendRefusal(partition.status());
    return done(partition.status());
  }
  absl::StatusOr<CheckedBatch> batch =
      CheckBatch(append.batch, *partition->topic);
  if (!batch.ok()) {
    stats->CountAppendRefusal(batch.status());
    return done(batch.status());
  }
  AppendCommand command;
  command.group = partition->group;
  command.batch = *std::move(batch);
  command.producer = append.producer;
  if (append.expected_offset.has_value()) {
    command.expected_offset = Offset(*append.expected_offset);
  }
  node->Append(std::move(command),
               [uuid = partition->topic->uuid, done = std::move(done)](
                   absl::StatusOr<AppendResult> result) mutable {
                 if (!result.ok()) return done(result.status());
                 done(ResponseOf(uuid, *result));
               });
}

}  // namespace kappa::server

#include "server/partition_router.h"

#include "server/errors.h"

namespace kappa::server {

absl::Status PartitionGone() {
  return MakeError(v1::ERROR_REASON_TOPIC_NOT_FOUND,
                   "the topic does not exist any more");
}

absl::Status QueueFull() {
  return MakeError(v1::ERROR_REASON_OVERLOADED, "the shard's queue is full",
                   {{"retry_after_ms", "50"}});
}

}  // namespace kappa::server

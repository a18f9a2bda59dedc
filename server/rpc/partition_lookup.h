// From the names in a request to the partition's group.
#ifndef KAPPA_SERVER_RPC_PARTITION_LOOKUP_H_
#define KAPPA_SERVER_RPC_PARTITION_LOOKUP_H_

#include <cstdint>
#include <memory>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/wire/types.h"
#include "server/node.h"
#include "server/topic_snapshot.h"

namespace kappa::server {

struct FoundPartition {
  std::shared_ptr<const TopicSnapshot> topic;
  GroupId group;
};

// `topic_uuid` is empty or must be the topic's.
// Errors: NOT_FOUND (TOPIC_NOT_FOUND, PARTITION_NOT_FOUND), FAILED_PRECONDITION
// (TOPIC_UUID_MISMATCH), INVALID_ARGUMENT (MALFORMED_REQUEST: a UUID that is
// not 16 bytes).
absl::StatusOr<FoundPartition> FindPartition(const Node& node,
                                             std::string_view topic,
                                             std::string_view topic_uuid,
                                             uint32_t partition);

// Only the topic. Errors: as above.
absl::StatusOr<std::shared_ptr<const TopicSnapshot>> FindTopic(
    const Node& node, std::string_view topic, std::string_view topic_uuid);

// True for errors of these that come true only once the node has heard of every
// change of topics: see Node::SyncTopics.
bool MayBeBehind(const absl::Status& error);

// The 16 bytes as the API's `bytes`.
inline std::string_view UuidBytes(const Uuid& uuid) {
  return std::string_view(reinterpret_cast<const char*>(uuid.data()),
                          uuid.size());
}
inline std::string_view DigestBytes(const Digest& digest) {
  return std::string_view(reinterpret_cast<const char*>(digest.data()),
                          digest.size());
}

}  // namespace kappa::server

#endif  // KAPPA_SERVER_RPC_PARTITION_LOOKUP_H_

// TopicSnapshot: a topic as the metadata group has committed it; what the
// append path needs of it, without a lock.
#ifndef KAPPA_SERVER_TOPIC_SNAPSHOT_H_
#define KAPPA_SERVER_TOPIC_SNAPSHOT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "kappa/v1/topic_service.pb.h"
#include "proto/wire/codec.h"
#include "proto/wire/types.h"

namespace kappa::server {

// A list of replicas for each partition.
struct ReplicaLists {
  std::vector<ReplicaId> ids;  // of one partition after the other
  std::vector<uint32_t> ends;  // by partition: where its list ends

  void Add(absl::Span<const ReplicaId> list) {
    ids.insert(ids.end(), list.begin(), list.end());
    ends.push_back(static_cast<uint32_t>(ids.size()));
  }
  // Empty when there is none.
  absl::Span<const ReplicaId> Of(uint32_t partition) const {
    if (partition >= ends.size()) return {};
    const uint32_t begin = partition == 0 ? 0 : ends[partition - 1];
    return absl::MakeConstSpan(ids).subspan(begin, ends[partition] - begin);
  }
  friend bool operator==(const ReplicaLists&, const ReplicaLists&) = default;
};

// Immutable.
struct TopicSnapshot {
  Uuid uuid{};
  uint32_t batch_bytes_max = 0;
  uint32_t batch_records_max = 0;
  bool accepts_zstd = true;
  bool accepts_lz4 = true;
  // The group of each partition, by partition number.
  std::vector<GroupId> groups;
  ReplicaLists voters;        // see VotersOf
  ReplicaLists first_voters;  // see FirstVotersOf
  // The public form; `topic.name()` is the name.
  v1::Topic topic;

  // Who shall vote in the partition's group, the one that shall lead first.
  absl::Span<const ReplicaId> VotersOf(uint32_t partition) const {
    return voters.Of(partition);
  }
  // Who voted when the group was made, sorted: the configuration that each of
  // its replicas begins with.
  absl::Span<const ReplicaId> FirstVotersOf(uint32_t partition) const {
    return first_voters.Of(partition);
  }

  bool Accepts(Codec codec) const {
    return codec == Codec::kNone || (codec == Codec::kZstd && accepts_zstd) ||
           (codec == Codec::kLz4 && accepts_lz4);
  }
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_TOPIC_SNAPSHOT_H_

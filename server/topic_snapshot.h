// TopicSnapshot: a topic as the metadata group has committed it; what the
// append path needs of it, without a lock.
#ifndef KAPPA_SERVER_TOPIC_SNAPSHOT_H_
#define KAPPA_SERVER_TOPIC_SNAPSHOT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "kappa/v1/topic_service.pb.h"
#include "proto/wire/codec.h"
#include "proto/wire/types.h"

namespace kappa::server {

// Immutable.
struct TopicSnapshot {
  Uuid uuid{};
  uint32_t batch_bytes_max = 0;
  uint32_t batch_records_max = 0;
  bool accepts_zstd = true;
  bool accepts_lz4 = true;
  // The group of each partition, by partition number.
  std::vector<GroupId> groups;
  // The public form; `topic.name()` is the name.
  v1::Topic topic;

  bool Accepts(Codec codec) const {
    return codec == Codec::kNone || (codec == Codec::kZstd && accepts_zstd) ||
           (codec == Codec::kLz4 && accepts_lz4);
  }
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_TOPIC_SNAPSHOT_H_

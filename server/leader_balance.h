// LeaderBalance: gives leadership back to the nodes that shall have it.
#ifndef KAPPA_SERVER_LEADER_BALANCE_H_
#define KAPPA_SERVER_LEADER_BALANCE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "proto/wire/types.h"
#include "server/look_pace.h"
#include "server/partition_router.h"
#include "server/topic_map.h"

namespace kappa::server {

// Each partition names who shall lead it (TopicSnapshot::VotersOf), evenly over
// the nodes. A node that was away leads nothing when it returns; this gives it
// its share back, a few partitions at a time, once it has caught up.
//
// Thread safety: thread-compatible.
class LeaderBalance {
 public:
  // Everything outlives this.
  LeaderBalance(const TopicMap* topics, const PartitionRouter* router,
                NodeId self)
      : topics_(topics), router_(router), self_(self) {}

  // Has the shards hand over what another node shall lead that `steady` says is
  // there to stay. To be called once a second; `changes`: see
  // LookPace::IsTime, and another number whenever `steady` says something else.
  void Run(uint64_t changes, const std::function<bool(NodeId)>& steady);

 private:
  const TopicMap* const topics_;
  const PartitionRouter* const router_;
  const NodeId self_;
  const std::shared_ptr<LookPace> pace_ = std::make_shared<LookPace>();
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_LEADER_BALANCE_H_

// The health of a node and of its groups.
#ifndef KAPPA_SERVER_HEALTH_CHECK_H_
#define KAPPA_SERVER_HEALTH_CHECK_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "kappa/v1/cluster_service.pb.h"
#include "proto/wire/types.h"
#include "server/disk_state.h"
#include "server/group_survey.h"
#include "server/lag_tracker.h"
#include "server/set_aside_list.h"
#include "server/topic_snapshot.h"
#include "server/waiting_nodes.h"
#include "storage/scrub_state.h"

namespace kappa::server {

// What is known when the health is asked for. Times in microseconds since
// 1970-01-01T00:00:00Z.
struct HealthFacts {
  NodeId self;
  int64_t now_us = 0;
  const DiskState* disk = nullptr;  // absent: there is room
  // Other nodes of the cluster that are not heard, and when they last were; 0:
  // never.
  std::map<NodeId, int64_t> silent;
  // Which disk of a node is its present one, as far as nodes are known.
  std::map<NodeId, Incarnation> incarnations;
  std::vector<WaitingNodes::Waiting> waiting;
  GroupSurvey groups;
  std::vector<std::shared_ptr<const TopicSnapshot>> topics;  // by name
  std::vector<SetAsideCopy> set_aside;
  std::vector<storage::ScrubRange> damage;  // whoever found it
};

// See GetHealthResponse. `lags` remembers from one check to the next.
v1::GetHealthResponse CheckHealth(const HealthFacts& facts, LagTracker* lags);

// What the leader says about a replica, whether or not that is healthy.
// `silent`: its node is not heard.
v1::ReplicaActivity ActivityOf(const raft::PeerStatus& peer, bool quiescent,
                               bool silent);

}  // namespace kappa::server

#endif  // KAPPA_SERVER_HEALTH_CHECK_H_

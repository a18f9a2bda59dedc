// GroupState: what a run knows of one group, across its nodes.
#ifndef KAPPA_TESTS_SIMULATION_GROUP_STATE_H_
#define KAPPA_TESTS_SIMULATION_GROUP_STATE_H_

#include <cstdint>
#include <vector>

#include "proto/wire/types.h"
#include "raft/configuration.h"
#include "tests/simulation/group_checker.h"
#include "tests/simulation/run_counts.h"

namespace kappa::simulation {

// The metadata group's part: which replica of the group a node has, or is to
// have. An incarnation that was destroyed or has forgotten never comes back.
struct Placement {
  Incarnation incarnation{1};
  bool exists = false;
};

// What one node's core shows of its role, for the table of situations.
struct ReplicaView {
  bool leads = false;
  bool stands = false;
  bool tail = false;
  bool joint = false;
  bool transfers = false;
  friend bool operator==(const ReplicaView&, const ReplicaView&) = default;
};

// Thread safety: thread-compatible.
class GroupState {
 public:
  GroupState(uint32_t number, size_t nodes,
             raft::Configuration first_configuration, const DurableLogs& logs,
             Breach* breach)
      : checker(number, logs, breach),
        first(std::move(first_configuration)),
        placements(nodes),
        views_(nodes) {}

  // A core of the group changed, or its process ended.
  void SetView(size_t node, const ReplicaView& view) {
    views_[node] = view;
    ReplicaView any;
    for (const ReplicaView& each : views_) {
      any.leads |= each.leads;
      any.stands |= each.stands;
      any.tail |= each.leads && each.tail;
      any.joint |= each.leads && each.joint;
      any.transfers |= each.transfers;
    }
    situations_ = 0;
    if (any.stands || !any.leads) Add(Situation::kElection);
    if (any.tail) Add(Situation::kUncommittedTail);
    if (any.joint) Add(Situation::kJoint);
    if (any.transfers) Add(Situation::kTransfer);
  }
  // A base or old entries are on their way.
  void OnCatchUp(int64_t now_us) { catch_up_until_us_ = now_us + 200'000; }

  Situations SituationsAt(int64_t now_us) const {
    return now_us < catch_up_until_us_
               ? situations_ | BitOf(Situation::kCatchUp)
               : situations_;
  }

  GroupChecker checker;
  const raft::Configuration first;
  std::vector<Placement> placements;  // by node

 private:
  void Add(Situation situation) { situations_ |= BitOf(situation); }

  std::vector<ReplicaView> views_;  // by node
  Situations situations_ = BitOf(Situation::kElection);
  int64_t catch_up_until_us_ = 0;
};

}  // namespace kappa::simulation

#endif  // KAPPA_TESTS_SIMULATION_GROUP_STATE_H_

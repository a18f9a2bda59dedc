#include "tests/simulation/nodes/durable_watch.h"

#include "absl/strings/str_cat.h"

namespace kappa::node_simulation {

GroupId DurableWatch::GroupOf(NodeId node, const storage::LogStore& store,
                              ReplicaNumber replica) {
  const auto known = groups_.find({node, replica});
  if (known != groups_.end()) return known->second;
  for (const storage::ReplicaInfo& info : store.Replicas()) {
    groups_[{node, info.number}] = info.spec.group;
  }
  return groups_[{node, replica}];
}

void DurableWatch::OnCommitted(NodeId node, const storage::LogStore& store,
                               absl::Span<const storage::GroupWrite> writes) {
  world_->Trace(1, node.value());
  for (const storage::GroupWrite& write : writes) {
    const GroupId group = GroupOf(node, store, write.replica);
    world_->Trace(group.value(), write.entries.size());
    for (const storage::EntryWrite& entry : write.entries) {
      const storage::EntryHeader& header = entry.header;
      const auto [known, added] =
          chains_.try_emplace({group, header.index, header.term}, header.chain);
      if (added || known->second == header.chain) continue;
      world_->Fail(absl::StrCat("node ", node.value(), " stores group ",
                                group.value(), " index ", header.index.value(),
                                " term ", header.term.value(),
                                " otherwise than another node"));
    }
    if (write.hard_state.has_value()) {
      CheckPromise(node, group, write.replica, *write.hard_state);
    }
  }
}

void DurableWatch::CheckPromise(NodeId node, GroupId group,
                                ReplicaNumber replica,
                                const raft::HardState& state) {
  world_->Trace(group.value(), state.term.value());
  raft::HardState& known = promises_[{node, replica}];
  if (state.term < known.term) {
    world_->Fail(absl::StrCat("the term of group ", group.value(), " at node ",
                              node.value(), " falls"));
  }
  if (state.term == known.term && known.vote.has_value() &&
      state.vote != known.vote) {
    world_->Fail(absl::StrCat("node ", node.value(), " votes twice in group ",
                              group.value(), " term ", state.term.value()));
  }
  known = state;
}

void DurableWatch::OnWiped(NodeId node) {
  OnPutBack(node);
  std::erase_if(promises_, [node](const auto& promise) {
    return promise.first.first == node;
  });
}

void DurableWatch::OnPutBack(NodeId node) {
  std::erase_if(
      groups_, [node](const auto& group) { return group.first.first == node; });
}

void DurableWatch::OnLeader(NodeId node, GroupId group, Term term) {
  const auto [known, added] = leaders_.try_emplace({group, term}, node);
  if (added) ++world_->counts.leader_changes;
  if (added || known->second == node) return;
  world_->Fail(absl::StrCat("nodes ", known->second.value(), " and ",
                            node.value(), " lead group ", group.value(),
                            " in term ", term.value()));
}

}  // namespace kappa::node_simulation

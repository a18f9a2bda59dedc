// GroupLog: who can lead, and who has room.
#include <algorithm>

#include "raft/peer_status.h"
#include "server/group_log.h"

namespace kappa::server {
namespace {

using Replicas = std::vector<ReplicaId>;

bool Contains(const Replicas& replicas, ReplicaId replica) {
  return std::find(replicas.begin(), replicas.end(), replica) != replicas.end();
}

// Whether those of `voters` that are not in `full` are no majority.
bool MajorityMissing(const Replicas& voters, const Replicas& full) {
  const auto missing = static_cast<size_t>(
      std::count_if(voters.begin(), voters.end(),
                    [&](ReplicaId voter) { return Contains(full, voter); }));
  return !voters.empty() && voters.size() - missing < voters.size() / 2 + 1;
}

}  // namespace

bool GroupLog::DiskLeadsWell() const {
  return disk_health_ == raft::DiskHealth::kHealthy ||
         disk_health_ == raft::DiskHealth::kStalled;
}

void GroupLog::TellFitness() {
  core_.OnDiskHealth(unfit_ && DiskLeadsWell() ? raft::DiskHealth::kSlow
                                               : disk_health_);
}

void GroupLog::SetDiskHealth(raft::DiskHealth health) {
  disk_health_ = health;
  TellFitness();
}

void GroupLog::SetUnfit(bool unfit) {
  unfit_ = unfit;
  TellFitness();
}

void GroupLog::NoteAnswer(const raft::Message& message) {
  if (message.type != raft::MessageType::kAppendResponse) return;
  if (message.full) may_lack_room_ = true;
  if (!message.unfit) {
    std::erase(unfit_voters_, message.from);
  } else if (Contains(core_.configuration().voters, message.from) &&
             !Contains(unfit_voters_, message.from)) {
    unfit_voters_.push_back(message.from);
  }
}

bool GroupLog::IsUnfit(ReplicaId replica) const {
  return Contains(unfit_voters_, replica);
}

bool GroupLog::LacksRoom() {
  if (!may_lack_room_) return false;
  Replicas full;
  for (const raft::PeerStatus& peer : core_.peers()) {
    if (peer.full) full.push_back(peer.id);
  }
  may_lack_room_ = !full.empty();
  return MajorityMissing(configuration().voters, full) ||
         MajorityMissing(configuration().outgoing_voters, full);
}

}  // namespace kappa::server

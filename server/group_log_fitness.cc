// GroupLog: who can lead, what is damaged, and who has room.
#include <algorithm>

#include "raft/peer_status.h"
#include "server/group_log.h"

namespace kappa::server {
namespace {

// One keeps a replica from leading; the core knows them by their index each.
constexpr size_t kDamageToldMax = 256;
// Ranges that wait for a place among those; what is beyond is found again.
constexpr size_t kDamageUntoldMax = 1024;

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

void GroupLog::TellFitness() {
  const bool leads_well = disk_health_ == raft::DiskHealth::kHealthy ||
                          disk_health_ == raft::DiskHealth::kStalled;
  core_.OnDiskHealth(unfit_ && leads_well ? raft::DiskHealth::kSlow
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

void GroupLog::OnEntriesDamaged(LogIndex first, LogIndex last) {
  first = std::max(first, base_.id.index.Next());
  last = std::min(last, tail_.last.index);
  if (first <= last && damage_untold_.size() < kDamageUntoldMax) {
    damage_untold_.emplace_back(first, last);
  }
  TellDamage();
  // At once: the core waits for an election time first, for a repair.
  if (leads() && !damage_told_.empty()) {
    core_.TransferLeadership(std::nullopt).IgnoreError();
  }
}

// Above the commit index the core may cut the log at the damage, and where the
// cut log ends only the store could say.
void GroupLog::TellDamage() {
  for (auto& [first, last] : damage_untold_) {
    for (; first <= std::min(last, core_.committed()); first = first.Next()) {
      if (damage_told_.size() == kDamageToldMax) break;
      if (!damage_told_.insert(first).second) continue;
      core_.OnEntryDamaged(first, Digest());
    }
  }
  std::erase_if(damage_untold_,
                [](const auto& range) { return range.first > range.second; });
}

void GroupLog::NoteRepaired() {
  const std::vector<LogIndex> left = core_.damaged();
  if (left.size() == damage_told_.size()) return;
  for (auto at = damage_told_.begin(); at != damage_told_.end();) {
    if (std::binary_search(left.begin(), left.end(), *at)) {
      ++at;
    } else {
      progress_.repaired.push_back(*at);
      at = damage_told_.erase(at);
    }
  }
  // What a running check ends with must not be taken for another's end.
  if (!repairing() && repairs_ != nullptr && !repairs_->checking()) {
    repairs_.reset();
  }
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

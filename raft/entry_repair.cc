#include "raft/entry_repair.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "raft/mutant.h"
#include "raft/quorum.h"

namespace kappa::raft {
namespace {

constexpr ReplicaId kNobody{};

// The member after `replica` in their order, round and round; not self. The
// leader is one of them, also where this log is too short to know it.
ReplicaId NextMember(const Context& context, ReplicaId replica) {
  std::vector<ReplicaId> members = Members(context.configuration());
  const std::optional<ReplicaId> leader = context.leader();
  if (leader &&
      std::find(members.begin(), members.end(), *leader) == members.end()) {
    members.insert(std::upper_bound(members.begin(), members.end(), *leader),
                   *leader);
  }
  std::erase(members, context.self());
  if (members.empty()) return kNobody;
  auto next = std::upper_bound(members.begin(), members.end(), replica);
  return next == members.end() ? members.front() : *next;
}

}  // namespace

void EntryRepair::AskNext(ReplicaId replica) {
  preferred_ = replica;
  ticks_to_next_ = 0;
}

void EntryRepair::Tick(Context& context,
                       absl::FunctionRef<bool(ReplicaId, LogIndex)> may_hold) {
  if (context.damaged().empty()) {
    *this = EntryRepair();
    return;
  }
  ++waited_ticks_;
  if (context.disk_full()) return;
  if (ticks_to_next_ > 0 && --ticks_to_next_ > 0) return;
  ticks_to_next_ = kHeartbeatsPerReplica * context.options().heartbeat_ticks;
  ReplicaId replica = std::exchange(preferred_, kNobody);
  if (replica == kNobody) {
    const bool first = asked_ == kNobody && context.leader() &&
                       !context.IsSelf(*context.leader());
    replica = first ? *context.leader() : NextMember(context, asked_);
  }
  if (replica == kNobody) return;
  asked_ = replica;
  Ask(context, replica, may_hold);
}

void EntryRepair::Ask(Context& context, ReplicaId replica,
                      absl::FunctionRef<bool(ReplicaId, LogIndex)> may_hold) {
  size_t asked = 0;
  for (const DamagedEntry& damaged : context.damaged().entries()) {
    if (asked == kEntriesMax) return;
    if (damaged.repair_sequence != 0 || !may_hold(replica, damaged.id.index)) {
      continue;
    }
    Message request = context.NewMessage(MessageType::kRepairRequest, replica);
    request.last = damaged.id;
    request.chain = damaged.chain;
    context.Send(std::move(request));
    ++asked;
  }
}

void EntryRepair::OnRepairResponse(Context& context, const Message& response) {
  if (response.entries.size() != 1 || context.disk_full()) return;
  const EntryMeta& entry = response.entries.front();
  const DamagedEntry* damaged = context.damaged().Find(entry.id.index);
  if (damaged == nullptr ||
      ((damaged->id != entry.id || response.chain != damaged->chain) &&
       !KAPPA_MUTANT(kRepairUnchecked)) ||
      (entry.kind == EntryKind::kConfiguration) !=
          (entry.configuration != nullptr)) {
    return;
  }
  if (context.Repair(entry)) waited_ticks_ = 0;
}

}  // namespace kappa::raft

#include "tests/raft/scenarios/runner/scripted_cluster.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "proto/wire/check.h"
#include "tests/raft/scenarios/runner/core_option.h"

namespace kappa::raft {
namespace {

// More than any scenario needs; a group that talks for ever ends here.
constexpr size_t kDeliveriesMax = 200000;

bool CarriesEntries(MessageType type) {
  return type == MessageType::kAppendRequest ||
         type == MessageType::kFetchResponse ||
         type == MessageType::kRepairResponse;
}

// What the owner of a receiving core verifies before it hands a repair on: when
// the message is sent, so that the log may change until the core gets it.
bool RepairFits(const LogImage& image, const Message& message) {
  if (message.entries.empty()) return true;
  const EntryMeta& entry = message.entries.front();
  const EntryMeta* own = image.Find(entry.id.index);
  return own != nullptr && own->id == entry.id &&
         message.chain == image.ChainAt(entry.id.index);
}

}  // namespace

absl::Status ScriptedCluster::SetOption(std::optional<ReplicaId> replica,
                                        absl::string_view assignment) {
  if (!replica) return SetCoreOption(options_, assignment);
  CoreOptions scratch;
  absl::Status status = SetCoreOption(scratch, assignment);
  if (status.ok()) own_options_.emplace_back(*replica, assignment);
  return status;
}

CoreOptions ScriptedCluster::OptionsOf(ReplicaId replica) const {
  CoreOptions options = options_;
  for (const auto& [owner, assignment] : own_options_) {
    if (owner != replica) continue;
    // Outside the check, which the build with mutants leaves out.
    const absl::Status set = SetCoreOption(options, assignment);
    KAPPA_CHECK(set.ok(), "checked before");
  }
  options.self = replica;
  options.instance = starts_;
  options.random_seed =
      options.random_seed * 1000 + starts_ * 10 + replica.node.value();
  return options;
}

void ScriptedCluster::Create(const Configuration& first) {
  first_ = first;
  checker_.emplace();
  for (const auto* list :
       {&first.voters, &first.outgoing_voters, &first.learners}) {
    for (ReplicaId replica : *list) {
      if (Find(replica) == nullptr) Join(replica);
    }
  }
}

void ScriptedCluster::Join(ReplicaId replica) {
  auto [place, added] = replicas_.emplace(
      replica, std::make_unique<ScriptedReplica>(replica, first_));
  KAPPA_CHECK(added, "a replica joins once");
  disks_[replica] = &place->second->disk.durable();
  Start(*place->second);
}

void ScriptedCluster::SetLog(ReplicaId replica, const LogImage& image) {
  ScriptedReplica& found = *Find(replica);
  found.core.reset();
  found.disk.Load(image);
  checker_->OnLoad(image);
  Start(found);
}

void ScriptedCluster::Start(ScriptedReplica& replica) {
  ++starts_;
  checker_->OnRestart(replica.id, replica.disk.durable());
  replica.core.emplace(OptionsOf(replica.id), replica.disk.Restore());
  for (LogIndex index : replica.disk.durable().damaged) {
    replica.core->OnEntryDamaged(index, replica.disk.durable().ChainAt(index));
  }
  FinishInput(replica.id);
}

ScriptedReplica* ScriptedCluster::Find(ReplicaId replica) {
  auto found = replicas_.find(replica);
  return found == replicas_.end() ? nullptr : found->second.get();
}

const ScriptedReplica* ScriptedCluster::Find(ReplicaId replica) const {
  auto found = replicas_.find(replica);
  return found == replicas_.end() ? nullptr : found->second.get();
}

std::vector<ReplicaId> ScriptedCluster::All() const {
  std::vector<ReplicaId> all;
  for (const auto& [id, replica] : replicas_) all.push_back(id);
  return all;
}

std::vector<ReplicaId> ScriptedCluster::Living() const {
  std::vector<ReplicaId> living;
  for (const auto& [id, replica] : replicas_) {
    if (replica->core) living.push_back(id);
  }
  return living;
}

std::optional<ReplicaId> ScriptedCluster::Leader() const {
  std::optional<ReplicaId> leader;
  Term term;
  for (const auto& [id, replica] : replicas_) {
    if (!replica->core || replica->core->role() != Role::kLeader) continue;
    if (leader && replica->core->term() < term) continue;
    leader = id;
    term = replica->core->term();
  }
  return leader;
}

const std::string& ScriptedCluster::breach() const {
  return !breach_.empty() || !checker_ ? breach_ : checker_->breach();
}

void ScriptedCluster::FinishInput(ReplicaId id) {
  ScriptedReplica& replica = *Find(id);
  CheckInvariants(replica);
  while (replica.core->HasOutput()) {
    Handle(replica, replica.core->TakeOutput());
    CheckInvariants(replica);
    if (replica.disk_held) continue;
    while (Sync(id)) continue;
    while (!replica.completions.empty()) {
      replica.core->OnPersisted(replica.completions.front());
      replica.completions.erase(replica.completions.begin());
      CheckInvariants(replica);
    }
  }
}

void ScriptedCluster::CheckInvariants(const ScriptedReplica& replica) {
  replica.core->CheckInvariants();
}

void ScriptedCluster::Handle(ScriptedReplica& replica, const Output& output) {
  for (const Persist& persist : output.persists) Write(replica, persist);
  for (const Message& message : output.messages) Send(replica, message);
  const auto tell = [&](Event::Kind kind, std::string text) {
    replica.events.push_back({kind, std::move(text)});
  };
  if (output.committed) {
    tell(Event::Kind::kCommit,
         absl::StrCat(output.committed->after.value(), "..",
                      output.committed->last.value()));
    checker_->OnCommit(replica.id, replica.core->term(), *output.committed,
                       replica.disk.written(), disks_);
  }
  for (const ReadConfirmed& read : output.reads_confirmed) {
    tell(Event::Kind::kRead, absl::StrCat(read.id, "@", read.index.value()));
    checker_->OnReadConfirmed(read);
  }
  for (uint64_t id : output.reads_refused) {
    tell(Event::Kind::kRead, absl::StrCat(id, "=refused"));
    checker_->OnReadRefused(id);
  }
  if (output.transfer_ended) {
    tell(Event::Kind::kTransfer, std::string(Format(*output.transfer_ended)));
  }
  if (output.role_changed && replica.core->role() == Role::kLeader) {
    checker_->OnLeader(replica.id, *replica.core, replica.disk.written());
  }
  checker_->OnState(replica.id, *replica.core, replica.disk);
}

void ScriptedCluster::Write(ScriptedReplica& replica, const Persist& persist) {
  replica.disk.Write(persist);
  checker_->OnWrite(replica.id, persist, replica.disk.written());
}

void ScriptedCluster::Send(ScriptedReplica& replica, const Message& message) {
  checker_->OnMessage(message, replica.disk.durable());
  Message sent = message;
  FillEntries(replica, sent);
  const ScriptedReplica* to = Find(sent.to);
  if (sent.type == MessageType::kRepairResponse && to != nullptr &&
      !RepairFits(to->disk.written(), sent)) {
    return;
  }
  network_.Send(std::move(sent));
}

void ScriptedCluster::FillEntries(const ScriptedReplica& replica,
                                  Message& message) {
  if (!CarriesEntries(message.type)) return;
  const LogImage& image = replica.disk.written();
  for (EntryMeta& entry : message.entries) {
    const EntryMeta* stored = image.Find(entry.id.index);
    if (stored == nullptr || stored->id != entry.id) {
      breach_ = absl::StrCat(Format(replica.id), " sends ", Format(entry.id),
                             ", which its log does not hold");
      return;
    }
    if (image.damaged.contains(entry.id.index)) {
      breach_ = absl::StrCat(Format(replica.id), " sends the damaged entry ",
                             Format(entry.id));
      return;
    }
    entry = *stored;
    if (message.type == MessageType::kRepairResponse) {
      message.chain = image.ChainAt(entry.id.index);
    }
  }
}

void ScriptedCluster::Read(ReplicaId replica, uint64_t id) {
  checker_->OnReadRequested(id);
  Apply(replica, [&](Core& core) { core.OnReadRequested(id); });
}

void ScriptedCluster::Damage(ReplicaId id, LogIndex index) {
  ScriptedReplica& replica = *Find(id);
  replica.disk.Damage(index);
  if (!replica.core) return;
  const Digest chain = replica.disk.written().ChainAt(index);
  Apply(id, [&](Core& core) { core.OnEntryDamaged(index, chain); });
}

void ScriptedCluster::TellLiveness(ReplicaId replica, NodeId node, bool alive) {
  if (alive) {
    told_silent_.erase({replica, node});
  } else {
    told_silent_.insert({replica, node});
  }
  Apply(replica, [&](Core& core) { core.OnNodeLiveness(node, alive); });
}

void ScriptedCluster::TellHealth(ReplicaId replica, DiskHealth health) {
  if (health == DiskHealth::kHealthy) {
    told_unhealthy_.erase(replica);
  } else {
    told_unhealthy_.insert(replica);
  }
  Apply(replica, [&](Core& core) { core.OnDiskHealth(health); });
}

void ScriptedCluster::EndTold() {
  for (const auto& [replica, node] : std::exchange(told_silent_, {})) {
    if (Find(replica)->core) TellLiveness(replica, node, true);
  }
  for (ReplicaId replica : std::exchange(told_unhealthy_, {})) {
    if (Find(replica)->core) TellHealth(replica, DiskHealth::kHealthy);
  }
}

absl::Status ScriptedCluster::RecoverAlone(ReplicaId id) {
  const LogImage& image = Find(id)->disk.written();
  return Apply(id, [&](Core& core) {
    absl::Status status = core.RecoverAlone();
    if (status.ok()) checker_->OnRecoverAlone(image);
    return status;
  });
}

absl::Status ScriptedCluster::Trim(ReplicaId id, LogIndex index,
                                   uint64_t state_bytes) {
  LogBase base = Find(id)->disk.written().BaseAt(index);
  base.state_bytes = state_bytes;
  return Apply(id, [&](Core& core) { return core.TrimTo(base); });
}

absl::Status ScriptedCluster::InstallBase(ReplicaId id, const LogBase& base) {
  return Apply(id, [&](Core& core) { return core.InstallBase(base); });
}

bool ScriptedCluster::Sync(ReplicaId id) {
  ScriptedReplica& replica = *Find(id);
  if (replica.disk.unsynced() == 0) return false;
  const Persist persist = replica.disk.SyncNext();
  replica.newest_durable = persist.token;
  replica.completions.push_back(persist.token);
  for (const Message& message : persist.messages_after) Send(replica, message);
  return true;
}

void ScriptedCluster::Complete(ReplicaId id, size_t position, bool keep) {
  std::vector<PersistToken>& completions = Find(id)->completions;
  const PersistToken token = completions.at(position);
  if (!keep) {
    completions.erase(completions.begin() + static_cast<ptrdiff_t>(position));
  }
  Apply(id, [&](Core& core) { core.OnPersisted(token); });
}

void ScriptedCluster::FreeDisk(ReplicaId id) {
  ScriptedReplica& replica = *Find(id);
  replica.disk_held = false;
  while (Sync(id)) continue;
  if (!replica.core) return;
  // A lost completion may have been the last one.
  if (replica.completions.empty() && replica.newest_durable) {
    replica.completions.push_back(*replica.newest_durable);
  }
  while (!replica.completions.empty()) Complete(id, 0, false);
}

void ScriptedCluster::FailWrites(ReplicaId id) {
  ScriptedReplica& replica = *Find(id);
  replica.disk_held = true;
  replica.disk.LoseUnsynced();
  Apply(id, [](Core& core) { core.Halt(); });
}

void ScriptedCluster::Crash(ReplicaId id, size_t synced_first) {
  ScriptedReplica& replica = *Find(id);
  for (size_t n = 0; n < synced_first && replica.disk.unsynced() > 0; ++n) {
    replica.disk.SyncNext();
  }
  replica.disk.Crash();
  replica.core.reset();
  replica.completions.clear();
  replica.newest_durable.reset();
}

void ScriptedCluster::Restart(ReplicaId id) {
  ScriptedReplica& replica = *Find(id);
  KAPPA_CHECK(!replica.core && !replica.destroyed, "only the dead restart");
  replica.disk_held = false;
  Start(replica);
}

void ScriptedCluster::Destroy(ReplicaId id) {
  if (Find(id)->core) Crash(id, 0);
  Find(id)->destroyed = true;
  disks_.erase(id);
}

void ScriptedCluster::Deliver(const Message& message) {
  // A node has one replica of a group, and gives it whatever is for the group.
  ScriptedReplica* to = Find(message.to);
  for (const auto& [id, replica] : replicas_) {
    const bool lives = to != nullptr && to->core;
    if (!lives && id.node == message.to.node) to = replica.get();
  }
  if (to == nullptr || !to->core) return;
  Apply(to->id, [&](Core& core) { core.Step(message); });
}

bool ScriptedCluster::Settle(const std::set<ReplicaId>& only) {
  for (size_t n = 0; n < kDeliveriesMax; ++n) {
    const std::optional<Message> message = network_.TakeNext();
    if (!message || !breach().empty()) return true;
    if (only.empty() || only.contains(message->to)) Deliver(*message);
  }
  return false;
}

}  // namespace kappa::raft

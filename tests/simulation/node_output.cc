// Node: what its cores put out, and its disk.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/simulation/node.h"

namespace kappa::simulation {

void Node::OnWork() {
  work_planned_ = false;
  const std::vector<uint32_t> dirty = std::move(dirty_);
  dirty_.clear();
  for (uint32_t group : dirty) {
    if (replicas_[group].core) Drain(group);
  }
  StartCycle();
}

void Node::Drain(uint32_t group) {
  Replica& replica = replicas_[group];
  raft::Core& core = *replica.core;
  replica.dirty = false;
  while (core.HasOutput()) {
    raft::Output output = core.TakeOutput();
    core.CheckInvariants();
    TakeWrites(group, &output);
    if (output.role_changed) {
      world_.Trace(core.term().value() << 3 |
                   static_cast<uint64_t>(core.role()));
      LogRole(group);
      if (core.role() == raft::Role::kLeader) {
        world_.groups[group].checker.OnLeader(replica.id, core.term(),
                                              WrittenLog(group));
      }
    }
    for (raft::Message& message : output.messages) Send(group, &message);
    TakeCommits(group, output);
    world_.groups[group].checker.OnStepEnd();
    TakeReads(group, output);
    if (output.transfer_ended == raft::TransferResult::kDone) {
      ++world_.counts.transfers_done;
    }
    replica.last_before = WrittenLog(group).last_index();
  }
  CheckPositions(group);
  UpdateView(group);
}

void Node::LogRole(uint32_t group) const {
  if (!world_.options.verbose) return;
  static constexpr const char* kRoles[] = {
      "learner", "follower", "pre-candidate", "candidate", "leader"};
  const raft::Core& core = *replicas_[group].core;
  world_.Log(absl::StrCat("group ", group, " node ", index_ + 1, ".",
                          replicas_[group].id.incarnation.value(), " is ",
                          kRoles[static_cast<size_t>(core.role())], " in term ",
                          core.term().value(), ", log to ",
                          core.last().index.value(), ", committed ",
                          core.committed().value()));
}

void Node::TakeWrites(uint32_t group, raft::Output* output) {
  Replica& replica = replicas_[group];
  for (raft::Persist& persist : output->persists) {
    world_.Trace(persist.token.sequence);
    if (persist.install_base) ++world_.counts.bases_installed;
    world_.counts.entries_repaired += persist.repairs.size();
    if (world_.IsMutant(OwnerMutant::kPromiseBeforeSync)) {
      for (raft::Message& message : persist.messages_after) {
        Send(group, &message);
      }
      persist.messages_after.clear();
    }
    const raft::PersistToken token = persist.token;
    const std::string misfit = disk_.Write(group, std::move(persist));
    if (!misfit.empty()) {
      world_.breach.Report(
          absl::StrCat("group ", group, ", node ", index_ + 1, ": ", misfit));
      return;
    }
    const bool leads = replica.core->role() == raft::Role::kLeader &&
                       replica.core->term() == token.term;
    world_.groups[group].checker.OnWrite(
        replica.id, leads, disk_.newest_write(), WrittenLog(group));
    if (world_.IsMutant(OwnerMutant::kAcknowledgeBeforeSync)) {
      Complete(group, token);
    }
    if (world_.IsMutant(OwnerMutant::kStaleCompletion)) ReportFormer(group);
  }
}

void Node::ReportFormer(uint32_t group) {
  for (const LateCompletion& former : former_) {
    if (former.group == group && former.replica == replicas_[group].id) {
      Complete(group, former.token);
    }
  }
}

void Node::TakeCommits(uint32_t group, const raft::Output& output) {
  if (!output.committed) return;
  const Replica& replica = replicas_[group];
  world_.Trace(output.committed->last.value());
  world_.groups[group].checker.OnCommit(replica.id, replica.core->term(),
                                        *output.committed, WrittenLog(group),
                                        replica.last_before);
}

void Node::TakeReads(uint32_t group, const raft::Output& output) {
  for (const raft::ReadConfirmed& read : output.reads_confirmed) {
    ++world_.counts.reads_confirmed;
    if (replicas_[group].core->holds_lease()) ++world_.counts.leases_used;
    world_.Trace(read.id);
    world_.groups[group].checker.OnReadConfirmed(read);
  }
  world_.counts.reads_refused += output.reads_refused.size();
}

// last >= committed >= readable, last >= durable; readable only grows; what the
// core calls durable is on the disk as the log stands now (RAFT.md: Shape).
void Node::CheckPositions(uint32_t group) {
  Replica& replica = replicas_[group];
  const raft::Core& core = *replica.core;
  const ReplicaLog& written = WrittenLog(group);
  const ReplicaLog& durable = DurableLog(group);
  const auto report = [&](absl::string_view text) {
    world_.breach.Report(
        absl::StrCat("group ", group, ", node ", index_ + 1, ": ", text));
  };
  if (core.last() != written.last()) report("the core's end is not the log's");
  if (core.committed() > core.last().index) report("committed beyond the end");
  if (core.durable() > core.last().index) report("durable beyond the end");
  if (core.readable() > core.committed()) report("readable, not committed");
  if (core.readable() < replica.readable) report("readable falls");
  replica.readable = core.readable();
  const LogIndex index = core.durable();
  if (index <= written.base_index() && index <= durable.base_index()) return;
  if (index > durable.last_index() ||
      (index >= durable.base_index() && index >= written.base_index() &&
       durable.ChainAt(index) != written.ChainAt(index))) {
    report(
        absl::StrCat("index ", index.value(), " is called durable and is not"));
  }
}

void Node::UpdateView(uint32_t group) {
  Replica& replica = replicas_[group];
  const raft::Core& core = *replica.core;
  ReplicaView view;
  view.leads = core.role() == raft::Role::kLeader;
  view.stands = core.role() == raft::Role::kCandidate ||
                core.role() == raft::Role::kPreCandidate;
  view.tail = core.last().index > core.committed();
  view.joint = core.configuration().joint();
  view.transfers = core.transferring();
  if (replica.quiescent && !core.quiescent()) ++world_.counts.wakes;
  replica.quiescent = core.quiescent();
  if (view == replica.view) return;
  replica.view = view;
  world_.groups[group].SetView(index_, view);
}

// --- disk ---

void Node::StartCycle() {
  while (disk_.has_pending() &&
         disk_.in_flight() < world_.options.cycles_in_flight_max) {
    disk_.StartCycle();
    ++world_.counts.cycles;
    const int64_t latency_us = random_.Between(world_.options.sync_us_min,
                                               world_.options.sync_us_max) +
                               sync_delay_us_;
    newest_sync_us_ = std::max(newest_sync_us_, world_.now_us() + latency_us);
    world_.queue.Add(newest_sync_us_, EventKind::kSync,
                     static_cast<uint8_t>(index_), process_);
  }
}

void Node::OnSync() {
  std::string misfit;
  Cycle cycle;
  if (fail_next_sync_) {
    fail_next_sync_ = false;
    if (!world_.IsMutant(OwnerMutant::kSyncRetried)) {
      // The process ends, and what the disk kept of it nobody knows.
      Crash(random_.Below(disk_.in_flight() + 1));
      world_.queue.Add(world_.now_us() + 300'000, EventKind::kRestart,
                       static_cast<uint8_t>(index_), process_);
      return;
    }
    cycle = disk_.FinishLostCycle();
  } else {
    if (world_.IsMutant(OwnerMutant::kDiskFullAsSuccess) &&
        health_ == raft::DiskHealth::kFull) {
      disk_.LoseEntries();
    }
    cycle = disk_.FinishCycle(&misfit);
  }
  if (!misfit.empty()) {
    world_.breach.Report(
        absl::StrCat("node ", index_ + 1, ", durable: ", misfit));
  }
  world_.Trace(cycle.number);
  for (Cycle::Write& write : cycle.writes) {
    if (!replicas_[write.group].core) continue;
    for (raft::Message& message : write.persist.messages_after) {
      Send(write.group, &message);
    }
    if (random_.Chance(world_.options.late_completion_ppm)) {
      late_.push_back(
          LateCompletion{write.group, write.replica, write.persist.token});
      world_.queue.Add(world_.now_us() + random_.Between(0, 20'000),
                       EventKind::kCompletion, static_cast<uint8_t>(index_),
                       process_, static_cast<uint32_t>(late_.size() - 1));
      continue;
    }
    // One of a later write of the same core stands for it.
    const bool later = std::any_of(
        &write + 1, cycle.writes.data() + cycle.writes.size(),
        [&](const Cycle::Write& other) { return other.group == write.group; });
    if (later && random_.Chance(world_.options.lost_completion_ppm)) continue;
    Complete(write.group, write.persist.token);
  }
  if (state_ == State::kOpening) {
    state_ = State::kGreeting;
    serve_at_us_ = world_.now_us() + 300'000;
    OnGreetingTimer();
  }
  StartCycle();
}

void Node::OnLateCompletion(uint32_t number) {
  const LateCompletion& late = late_[number];
  const Replica& replica = replicas_[late.group];
  if (replica.core && replica.id == late.replica) {
    Complete(late.group, late.token);
  }
}

void Node::Complete(uint32_t group, const raft::PersistToken& token) {
  raft::Core& core = *replicas_[group].core;
  core.OnPersisted(token);
  core.CheckInvariants();
  MarkDirty(group);
}

// --- damage ---

void Node::ReportDamage(uint32_t group, LogIndex index) {
  raft::Core& core = *replicas_[group].core;
  const ReplicaLog& log = WrittenLog(group);
  const std::vector<LogIndex> known = core.damaged();
  if (log.Find(index) == nullptr ||
      std::find(known.begin(), known.end(), index) != known.end()) {
    return;
  }
  core.OnEntryDamaged(index, DigestOf(log.ChainAt(index)));
  core.CheckInvariants();
  MarkDirty(group);
}

void Node::OnScrub() {
  if (!serving()) return;
  for (uint32_t group = 0; group < replicas_.size(); ++group) {
    if (!replicas_[group].core) continue;
    const std::set<LogIndex> damaged = WrittenLog(group).damaged();
    for (LogIndex index : damaged) ReportDamage(group, index);
  }
}

// --- inputs from clients and the operator ---

void Node::Propose(uint32_t group) {
  if (!serving() || !replicas_[group].core) return;
  if (health_ == raft::DiskHealth::kFull &&
      !world_.IsMutant(OwnerMutant::kDiskFullAsSuccess)) {
    ++world_.counts.refused;
    return;
  }
  GroupChecker& checker = world_.groups[group].checker;
  raft::Core& core = *replicas_[group].core;
  const uint64_t content = checker.NewContent();
  const uint64_t bytes = random_.Below(world_.options.payload_bytes_max);
  const absl::StatusOr<raft::EntryId> id = core.Propose(
      raft::EntryKind::kRecords, 1, bytes, raft::EntryHandle(content));
  core.CheckInvariants();
  ++world_.counts.proposals;
  if (id.ok()) {
    checker.OnProposed(content, *id);
    MarkDirty(group);
  } else {
    ++world_.counts.refused;
    checker.OnProposed(content, std::nullopt);
  }
}

void Node::Read(uint32_t group) {
  if (!serving() || !replicas_[group].core) return;
  const uint64_t id = world_.next_read++;
  world_.groups[group].checker.OnReadRequested(id);
  replicas_[group].core->OnReadRequested(id);
  replicas_[group].core->CheckInvariants();
  MarkDirty(group);
}

absl::Status Node::ChangeConfiguration(
    uint32_t group, const raft::ConfigurationChange& change) {
  if (!serving() || !replicas_[group].core) {
    return absl::UnavailableError("not served here");
  }
  // What is decided before the change is reported before it.
  Drain(group);
  absl::Status status =
      replicas_[group].core->ProposeConfiguration(change).status();
  replicas_[group].core->CheckInvariants();
  Drain(group);
  StartCycle();
  return status;
}

absl::Status Node::Transfer(uint32_t group, std::optional<ReplicaId> target) {
  if (!serving() || !replicas_[group].core) {
    return absl::UnavailableError("not served here");
  }
  absl::Status status = replicas_[group].core->TransferLeadership(target);
  replicas_[group].core->CheckInvariants();
  MarkDirty(group);
  UpdateView(group);
  return status;
}

bool Node::Trim(uint32_t group, uint64_t choice) {
  if (!serving() || !replicas_[group].core) return false;
  Drain(group);
  raft::Core& core = *replicas_[group].core;
  const ReplicaLog& log = WrittenLog(group);
  const LogIndex end = std::min(core.readable(), core.durable());
  if (end <= log.base_index()) return false;
  raft::LogBase base;
  base.id.index = log.base_index() + (1 + choice % (end - log.base_index()));
  base.id.term = log.TermAt(base.id.index);
  base.configuration = log.ConfigurationAt(base.id.index);
  base.chain = DigestOf(log.ChainAt(base.id.index));
  base.offset = Offset(base.id.index.value());
  if (world_.options.state_bytes_max > 0) {
    base.state_bytes = ChainOf(base.chain) % world_.options.state_bytes_max;
  }
  const absl::Status status = core.TrimTo(base);
  core.CheckInvariants();
  if (!status.ok()) {
    world_.breach.Report(absl::StrCat("group ", group, ", node ", index_ + 1,
                                      ": trim refused: ", status.message()));
  }
  Drain(group);
  StartCycle();
  return true;
}

void Node::TrimTo(uint32_t group, const raft::LogBase& base) {
  raft::Core& core = *replicas_[group].core;
  const absl::Status status = core.TrimTo(base);
  core.CheckInvariants();
  if (status.ok()) MarkDirty(group);
}

}  // namespace kappa::simulation

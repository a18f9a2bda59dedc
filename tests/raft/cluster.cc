#include "tests/raft/cluster.h"

#include <utility>

#include "proto/wire/check.h"

namespace kappa::raft {
namespace {

ReplicaId IdOf(size_t i) { return ReplicaId{NodeId(i + 1), Incarnation(1)}; }

Configuration VotersOf(size_t count) {
  Configuration configuration;
  for (size_t i = 0; i < count; ++i) configuration.voters.push_back(IdOf(i));
  return configuration;
}

template <typename T>
T TakeAt(std::vector<T>& from, size_t position, bool keep) {
  T taken = from.at(position);
  if (!keep) from.erase(from.begin() + static_cast<ptrdiff_t>(position));
  return taken;
}

}  // namespace

Cluster::Cluster(const ClusterOptions& options) : options_(options) {
  const Configuration configuration = VotersOf(options.voters);
  for (size_t i = 0; i < options.voters + options.outsiders; ++i) {
    replicas_.emplace_back(configuration);
    replicas_.back().id = IdOf(i);
  }
  for (size_t i = 0; i < options.voters + options.outsiders; ++i) {
    disks_[IdOf(i)] = &replicas_[i].disk.durable();
    replicas_[i].core.emplace(OptionsOf(i), replicas_[i].disk.Restore());
  }
}

CoreOptions Cluster::OptionsOf(size_t i) const {
  CoreOptions core = options_.core;
  core.self = IdOf(i);
  core.group = GroupId(7);
  core.instance = restarts_ + 1;
  core.random_seed = options_.seed * 1000 + restarts_ * 10 + i;
  return core;
}

void Cluster::Tick(size_t i) {
  core(i).Tick();
  core(i).CheckInvariants();
}

void Cluster::Campaign(size_t i) {
  core(i).Campaign();
  core(i).CheckInvariants();
}

absl::StatusOr<EntryId> Cluster::Propose(size_t i, uint64_t payload_bytes) {
  absl::StatusOr<EntryId> id = core(i).Propose(
      EntryKind::kRecords, 1, payload_bytes, EntryHandle(next_handle_));
  if (id.ok()) ++next_handle_;
  core(i).CheckInvariants();
  return id;
}

void Cluster::Read(size_t i) {
  const uint64_t id = next_read_++;
  checker_.OnReadRequested(id);
  core(i).OnReadRequested(id);
  core(i).CheckInvariants();
}

absl::Status Cluster::InstallBase(size_t i, const LogBase& base) {
  absl::Status status = core(i).InstallBase(base);
  if (status.ok()) {
    Drain(i);
    while (Sync(i)) continue;
  }
  core(i).CheckInvariants();
  return status;
}

absl::Status Cluster::Trim(size_t i, LogIndex index, uint64_t state_bytes) {
  LogBase base = replicas_[i].disk.written().BaseAt(index);
  base.state_bytes = state_bytes;
  absl::Status status = core(i).TrimTo(base);
  core(i).CheckInvariants();
  return status;
}

void Cluster::Damage(size_t i, LogIndex index) {
  Replica& replica = replicas_[i];
  replica.disk.Damage(index);
  core(i).OnEntryDamaged(index, replica.disk.written().ChainAt(index));
  core(i).CheckInvariants();
}

void Cluster::Drain(size_t i) {
  Replica& replica = replicas_[i];
  while (core(i).HasOutput()) {
    Output output = core(i).TakeOutput();
    core(i).CheckInvariants();
    for (const Persist& persist : output.persists) Handle(i, persist);
    for (const Message& message : output.messages) Send(i, message);
    if (output.committed) {
      Trace(output.committed->last.value());
      checker_.OnCommit(replica.id, core(i).term(), *output.committed,
                        replica.disk.written(), disks_);
    }
    for (const ReadConfirmed& read : output.reads_confirmed) {
      ++reads_confirmed_;
      Trace(read.id);
      checker_.OnReadConfirmed(read);
    }
    for (uint64_t read : output.reads_refused) {
      ++reads_refused_;
      checker_.OnReadRefused(read);
    }
    if (output.role_changed && core(i).role() == Role::kLeader) {
      Trace(core(i).term().value());
      checker_.OnLeader(replica.id, core(i), replica.disk.written());
    }
    checker_.OnState(replica.id, core(i), replica.disk);
  }
}

void Cluster::Handle(size_t i, const Persist& persist) {
  Replica& replica = replicas_[i];
  Trace(persist.token.sequence);
  Persist stored = persist;
  if (options_.mutant_promises_before_sync) {
    for (const Message& message : persist.messages_after) Send(i, message);
    stored.messages_after.clear();
  }
  replica.disk.Write(std::move(stored));
  checker_.OnWrite(replica.id, persist, replica.disk.written());
  if (options_.mutant_reports_before_sync) {
    replica.completions.push_back(persist.token);
  }
}

void Cluster::Send(size_t i, const Message& message) {
  checker_.OnMessage(message, replicas_[i].disk.durable());
  Trace(static_cast<uint64_t>(message.type));
  Message sent = message;
  for (EntryMeta& entry : sent.entries) {
    const EntryMeta* stored = replicas_[i].disk.written().Find(entry.id.index);
    KAPPA_CHECK(stored != nullptr && stored->id == entry.id,
                "sends what its log holds");
    checker_.OnEntrySent(replicas_[i].id, entry.id.index,
                         replicas_[i].disk.written());
    entry = *stored;
  }
  network_.push_back(std::move(sent));
}

bool Cluster::Sync(size_t i) {
  Replica& replica = replicas_[i];
  if (replica.disk.unsynced() == 0) return false;
  const Persist persist = replica.disk.SyncNext();
  replica.newest_synced = persist.token;
  for (const Message& message : persist.messages_after) Send(i, message);
  if (!options_.mutant_reports_before_sync) {
    replica.completions.push_back(persist.token);
  }
  return true;
}

void Cluster::Complete(size_t i, size_t position, bool keep) {
  core(i).OnPersisted(TakeAt(replicas_[i].completions, position, keep));
  core(i).CheckInvariants();
}

void Cluster::LoseCompletion(size_t i, size_t position) {
  TakeAt(replicas_[i].completions, position, false);
}

void Cluster::Crash(size_t i, size_t synced_first) {
  Replica& replica = replicas_[i];
  for (size_t n = 0; n < synced_first && replica.disk.unsynced() > 0; ++n) {
    replica.disk.SyncNext();
  }
  replica.disk.Crash();
  if (options_.mutant_forgets_vote) replica.disk.ForgetVote();
  replica.core.reset();
  replica.completions.clear();
  replica.newest_synced.reset();
}

void Cluster::Restart(size_t i) {
  Replica& replica = replicas_[i];
  KAPPA_CHECK(!alive(i), "only the dead restart");
  ++restarts_;
  checker_.OnRestart(replica.id, replica.disk.durable());
  replica.core.emplace(OptionsOf(i), replica.disk.Restore());
  for (LogIndex index : replica.disk.durable().damaged) {
    core(i).OnEntryDamaged(index, replica.disk.durable().ChainAt(index));
  }
  core(i).CheckInvariants();
}

void Cluster::Deliver(size_t position, bool keep) {
  const Message message = TakeAt(network_, position, keep);
  const size_t from = message.from.node.value() - 1;
  const size_t to = message.to.node.value() - 1;
  if (!alive(to) || cut_[{from, to}]) return;
  core(to).Step(message);
  core(to).CheckInvariants();
}

void Cluster::Drop(size_t position) { TakeAt(network_, position, false); }

void Cluster::Settle() {
  bool busy = true;
  while (busy) {
    busy = false;
    for (size_t i = 0; i < size(); ++i) {
      if (!alive(i)) continue;
      Drain(i);
      while (Sync(i)) busy = true;
      while (completions(i) > 0) Complete(i, 0, false);
      Drain(i);
    }
    for (size_t count = network_.size(); count > 0; --count) {
      Deliver(0, false);
      busy = true;
    }
  }
}

void Cluster::Isolate(size_t i, bool cut) {
  for (size_t other = 0; other < size(); ++other) {
    Cut(i, other, cut);
    Cut(other, i, cut);
  }
}

void Cluster::Run(size_t ticks) {
  Settle();
  for (size_t tick = 0; tick < ticks; ++tick) {
    for (size_t i = 0; i < size(); ++i) {
      if (alive(i)) Tick(i);
    }
    Settle();
  }
}

std::optional<size_t> Cluster::Leader() {
  std::optional<size_t> leader;
  for (size_t i = 0; i < size(); ++i) {
    if (!alive(i) || core(i).role() != Role::kLeader) continue;
    if (!leader || core(i).term() > core(*leader).term()) leader = i;
  }
  return leader;
}

bool Cluster::Converge(size_t ticks_max) {
  cut_.clear();
  for (size_t i = 0; i < size(); ++i) {
    if (!alive(i)) Restart(i);
    if (replicas_[i].newest_synced) {
      replicas_[i].completions.push_back(*replicas_[i].newest_synced);
    }
  }
  for (size_t tick = 0; tick < ticks_max; ++tick) {
    Settle();
    if (!checker_.breach().empty() || Converged()) return true;
    for (size_t i = 0; i < size(); ++i) Tick(i);
  }
  return false;
}

bool Cluster::Converged() {
  size_t leaders = 0;
  for (size_t i = 0; i < size(); ++i) {
    leaders += core(i).role() == Role::kLeader ? 1 : 0;
    if (core(i).last() != core(0).last() || core(i).term() != core(0).term() ||
        core(i).committed() != core(i).last().index ||
        core(i).durable() != core(i).last().index ||
        !core(i).damaged().empty() || core(i).transferring()) {
      return false;
    }
  }
  return leaders == 1;
}

void Cluster::Trace(uint64_t value) {
  trace_ = (trace_ ^ value) * 0x100000001b3;
}

}  // namespace kappa::raft

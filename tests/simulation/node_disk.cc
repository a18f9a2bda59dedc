#include "tests/simulation/node_disk.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/wire/check.h"

namespace kappa::simulation {

NodeDisk::NodeDisk(const Uuid& disk_id, size_t nodes, size_t groups) {
  durable_.disk_id = disk_id;
  durable_.knowledge.disks.resize(nodes);
  durable_.replicas.resize(groups);
  written_ = durable_;
}

void NodeDisk::CreateReplica(uint32_t group, ReplicaId id,
                             const raft::Configuration& first) {
  KAPPA_CHECK(!written_.replicas[group], "no replica of the group yet");
  written_.replicas[group].emplace(StoredReplica{id, ReplicaLog(first)});
  durable_.replicas[group].emplace(StoredReplica{id, ReplicaLog(first)});
}

void NodeDisk::DropReplica(uint32_t group) {
  const auto of_group = [&](const Cycle::Write& write) {
    return write.group == group;
  };
  std::erase_if(pending_, of_group);
  for (Cycle& cycle : in_flight_) std::erase_if(cycle.writes, of_group);
  written_.replicas[group].reset();
  durable_.replicas[group].reset();
}

void NodeDisk::Open(uint64_t open_id) {
  KAPPA_CHECK(!has_pending() && in_flight_.empty(), "the process is new");
  next_cycle_ = durable_.cycle + 1;
  written_.opens.Begin(open_id, next_cycle_);
  open_pending_ = true;
}

std::string NodeDisk::Write(uint32_t group, raft::Persist persist) {
  StoredReplica& replica = *written_.replicas[group];
  std::string misfit = replica.log.Apply(persist);
  pending_.push_back(Cycle::Write{group, replica.id, std::move(persist)});
  return misfit;
}

void NodeDisk::RecordEvidence(size_t node, const Uuid& disk,
                              const raft::Generation& generation) {
  PeerKnowledge& knowledge = written_.knowledge;
  if (!knowledge.generations.Record(disk, generation) &&
      knowledge.disks[node] == disk) {
    return;
  }
  knowledge.disks[node] = disk;
  const Cycle::Heard heard{node, disk, generation};
  for (Cycle::Heard& pending : heard_pending_) {
    if (pending.disk != disk ||
        pending.generation.open_id != generation.open_id) {
      continue;
    }
    pending = heard;
    return;
  }
  heard_pending_.push_back(heard);
}

void NodeDisk::SetAside(const Uuid& disk) {
  written_.set_aside.push_back(disk);
  durable_.set_aside.push_back(disk);
}

const Cycle& NodeDisk::StartCycle() {
  KAPPA_CHECK(has_pending(), "something to write");
  Cycle& cycle = in_flight_.emplace_back();
  cycle.number = next_cycle_++;
  cycle.writes = std::move(pending_);
  pending_.clear();
  cycle.heard = std::move(heard_pending_);
  heard_pending_.clear();
  if (open_pending_) cycle.opens = written_.opens;
  open_pending_ = false;
  written_.cycle = cycle.number;
  return cycle;
}

std::string NodeDisk::ApplyTo(DiskImage* image, const Cycle& cycle) {
  std::string misfit;
  for (const Cycle::Write& write : cycle.writes) {
    std::optional<StoredReplica>& replica = image->replicas[write.group];
    if (!replica || replica->id != write.replica) continue;
    std::string found = replica->log.Apply(write.persist);
    if (misfit.empty() && !found.empty()) misfit = std::move(found);
  }
  for (const Cycle::Heard& heard : cycle.heard) {
    image->knowledge.generations.Record(heard.disk, heard.generation);
    image->knowledge.disks[heard.node] = heard.disk;
  }
  if (cycle.opens) image->opens = *cycle.opens;
  image->cycle = cycle.number;
  return misfit;
}

Cycle NodeDisk::FinishCycle(std::string* misfit) {
  KAPPA_CHECK(!in_flight_.empty(), "a cycle to finish");
  Cycle cycle = std::move(in_flight_.front());
  in_flight_.pop_front();
  *misfit = ApplyTo(&durable_, cycle);
  return cycle;
}

size_t NodeDisk::Crash(size_t kept) {
  KAPPA_CHECK(kept <= in_flight_.size(), "cycles that exist");
  for (size_t i = 0; i < kept; ++i) ApplyTo(&durable_, in_flight_[i]);
  const size_t lost = in_flight_.size() - kept + (has_pending() ? 1 : 0);
  in_flight_.clear();
  pending_.clear();
  open_pending_ = false;
  heard_pending_.clear();
  written_ = durable_;
  next_cycle_ = durable_.cycle + 1;
  return lost;
}

void NodeDisk::Replace(DiskImage image) {
  KAPPA_CHECK(!has_pending() && in_flight_.empty(), "no process uses it");
  durable_ = std::move(image);
  written_ = durable_;
  next_cycle_ = durable_.cycle + 1;
}

void NodeDisk::Damage(uint32_t group, LogIndex index) {
  durable_.replicas[group]->log.Damage(index);
  written_.replicas[group]->log.Damage(index);
}

void NodeDisk::LoseEntries() {
  for (Cycle::Write& write : in_flight_.front().writes) {
    if (write.persist.entries.empty()) continue;
    write.persist.entries.clear();
    std::optional<StoredReplica>& replica = durable_.replicas[write.group];
    if (replica) replica->log.BecomeLossy();
  }
}

Cycle NodeDisk::FinishLostCycle() {
  Cycle cycle = std::move(in_flight_.front());
  in_flight_.pop_front();
  for (const Cycle::Write& write : cycle.writes) {
    std::optional<StoredReplica>& replica = durable_.replicas[write.group];
    if (replica) replica->log.BecomeLossy();
  }
  durable_.cycle = cycle.number;
  return cycle;
}

void NodeDisk::ForgetVotes() {
  for (DiskImage* image : {&written_, &durable_}) {
    for (std::optional<StoredReplica>& replica : image->replicas) {
      if (replica) replica->log.ForgetVote();
    }
  }
}

void NodeDisk::CutAtDamage(uint32_t group) {
  for (DiskImage* image : {&written_, &durable_}) {
    ReplicaLog& log = image->replicas[group]->log;
    if (!log.damaged().empty()) log.CutFrom(*log.damaged().begin());
  }
}

}  // namespace kappa::simulation

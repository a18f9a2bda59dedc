#include "tests/server/metadata_cluster.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/wire/check.h"
#include "server/errors.h"
#include "server/metadata_rows.h"
#include "storage/chain.h"
#include "storage/damaged_index.h"

namespace kappa::server {
namespace {

constexpr int64_t kStartUs = 1'767'225'600'000'000;
constexpr int64_t kTickUs = 20'000;
constexpr uint64_t kPasses = 3;

raft::CoreSettings TestSettings() {
  raft::CoreSettings settings;
  // So small that each of them counts.
  settings.request_entries_max = 8;
  settings.request_bytes_max = 1 << 10;
  settings.catch_up_entries = 24;
  settings.uncommitted_bytes_max = 16 << 10;
  return settings;
}

ReplicaId IdOf(size_t node) { return {NodeId(node + 1), Incarnation(1)}; }

storage::v1::FormClusterCommand Formation() {
  storage::v1::FormClusterCommand formation;
  formation.set_cluster_id(std::string(16, 'c'));
  for (size_t i = 0; i < MetadataCluster::kNodes; ++i) {
    storage::v1::NodeDisk* node = formation.add_nodes();
    node->set_node_id(i + 1);
    node->set_disk_id(std::string(16, static_cast<char>('1' + i)));
  }
  return formation;
}

}  // namespace

MetadataCluster::MetadataCluster(uint64_t seed, size_t voters)
    : random_(seed), clock_(kStartUs) {
  storage::ReplicaSpec spec;
  spec.group = kMetadataGroup;
  for (size_t i = 0; i < kNodes; ++i) {
    (i < voters ? spec.configuration.voters : spec.configuration.learners)
        .push_back(IdOf(i));
  }
  spec.chain_start = storage::ChainStart(Uuid{1}, 0);
  for (size_t i = 0; i < kNodes; ++i) AddMember(spec, i);
}

void MetadataCluster::AddMember(const storage::ReplicaSpec& spec,
                                size_t index) {
  static const auto& settings =
      *new auto(std::make_shared<const raft::CoreSettings>(TestSettings()));
  nodes_.push_back(std::make_unique<Member>());
  Member& member = *nodes_.back();
  member.store = std::make_shared<storage::MemoryLogStore>();
  storage::ReplicaSpec own = spec;
  own.self = IdOf(index);
  const storage::ReplicaSpec specs[] = {own};
  member.number = member.store->CreateReplicas(specs)->front();
  member.damage = *storage::KnownDamage::Load("");
  member.pool = std::make_unique<ReaderPool>(1, 10'000);
  ShardServices& services = member.services;
  services.store = member.store.get();
  services.readers = member.pool.get();
  services.known_damage = member.damage.get();
  services.report_damage = [this, &member](GroupId, ReplicaNumber,
                                           const absl::Status& status) {
    MutexLock lock(&member.mutex);
    member.posted.push_back(
        [this, &member, status] { NoteDamage(&member, status); });
  };
  services.clock = &clock_;
  services.append_clock = &append_clock_;
  services.counters = &member.counters;
  services.core_settings = settings;
  services.send = [this, index](std::vector<GroupMessage> messages) {
    Send(index, std::move(messages));
  };
  services.post = [&member](ShardGroup*, absl::AnyInvocable<void()> work) {
    MutexLock lock(&member.mutex);
    member.posted.push_back(std::move(work));
    return true;
  };
  Start(index);
}

MetadataCluster::~MetadataCluster() {
  for (size_t i = 0; i < kNodes; ++i) {
    if (up(i)) Crash(i, 0);
  }
}

void MetadataCluster::Start(size_t index) {
  Member& member = *nodes_[index];
  KAPPA_CHECK(!up(index), "it is down");
  member.services.instance = ++instances_;
  auto group = MetadataGroup::Open(member.store->Replicas().front(),
                                   &member.services, Formation());
  KAPPA_CHECK(group.ok(), "a replica starts on what its store holds");
  member.group = *std::move(group);
  member.group->Campaign([](const absl::Status& status) {
    KAPPA_CHECK(status.ok(), "nothing is damaged here");
  });
  member.group->SetEffects([this, &member](const TopicChange&, bool,
                                           absl::AnyInvocable<void()> then) {
    ++counts.effects;
    member.effects.push_back(std::move(then));
  });
  member.touched = true;
}

void MetadataCluster::Crash(size_t index, size_t kept) {
  Member& member = *nodes_[index];
  FreeReaders(index);
  for (; kept > 0 && !member.writing.empty(); --kept) {
    KAPPA_CHECK(member.store->Commit(member.writing.front().writes).ok(),
                "the store works");
    member.writing.pop_front();
  }
  member.writing.clear();
  member.group->Abandon(
      MakeError(v1::ERROR_REASON_SHUTTING_DOWN, "the process ends"));
  AwaitReads(&member);
  member.group.reset();
  member.effects.clear();
  member.touched = false;
  MutexLock lock(&member.mutex);
  member.posted.clear();
}

void MetadataCluster::DamageEntry(size_t node, LogIndex index) {
  nodes_[node]->store->DamageEntry(nodes_[node]->number, index);
}

void MetadataCluster::NoteDamage(Member* member, const absl::Status& status) {
  const std::optional<LogIndex> index = storage::DamagedIndexOf(status);
  KAPPA_CHECK(index.has_value(), "no row is damaged here");
  ++counts.damaged;
  member->group->StopDamaged(status);
  member->group->OnEntriesDamaged(*index, *index);
}

void MetadataCluster::HangReaders(size_t node) {
  Member& member = *nodes_[node];
  member.hung = std::make_shared<Latch>(1);
  ReaderPool::Job job = [hung = member.hung] { hung->Wait(); };
  KAPPA_CHECK(member.pool->Submit(storage::ReadClass::kPoint, job),
              "there is room for one more");
  ++member.jobs_seen;
}

void MetadataCluster::FreeReaders(size_t node) {
  Member& member = *nodes_[node];
  if (member.hung == nullptr) return;
  std::exchange(member.hung, nullptr)->CountDown();
  AwaitReads(&member);
}

// --- the network ---

void MetadataCluster::Send(size_t from, std::vector<GroupMessage> messages) {
  for (const GroupMessage& sent : messages) {
    std::vector<std::string> contents;
    for (const Payload& content : sent.contents) {
      contents.push_back(content.ToString());
    }
    const std::vector<std::string_view> views(contents.begin(), contents.end());
    Packet packet;
    packet.from = from;
    packet.to = sent.message.to.node.value() - 1;
    encoder_.Encode(sent.message, views, {}, &packet.bytes);
    if (Percent(faults.lost)) continue;
    for (int copies = Percent(faults.doubled) ? 2 : 1; copies > 0; --copies) {
      const uint64_t delay = Percent(faults.late) ? 1 + Below(4 * kPasses) : 1;
      network_.emplace(round_ + delay, packet);
    }
  }
}

void MetadataCluster::Deliver(const Packet& packet) {
  Member& member = *nodes_[packet.to];
  if (nodes_[packet.from]->cut || member.cut || !up(packet.to)) return;
  KAPPA_CHECK(decoder_.Decode(packet.bytes).ok(), "it was encoded here");
  const DecodedMessage& decoded = decoder_.decoded();
  std::vector<Payload> contents;
  for (const std::string_view content : decoded.contents) {
    contents.push_back(Payload::FromString(std::string(content)));
  }
  const absl::Status status =
      member.group->Step(decoded.message, std::move(contents));
  if (!status.ok()) absl::StrAppend(&wrong, status.ToString(), "\n");
  member.touched = true;
}

// --- a replica's process ---

void MetadataCluster::AwaitReads(Member* member) {
  if (member->hung != nullptr) return;
  const auto jobs = [member] {
    const ReaderPool::Stats stats = member->pool->stats();
    return stats.points + stats.replays + stats.queued_points +
           stats.queued_replays;
  };
  const uint64_t now = jobs();
  if (now == member->jobs_seen) return;
  counts.reads += now - member->jobs_seen;
  // The last job of one thread.
  auto done = std::make_shared<Latch>(1);
  ReaderPool::Job last = [done] { done->CountDown(); };
  KAPPA_CHECK(member->pool->Submit(storage::ReadClass::kReplay, last),
              "there is room for one more");
  done->Wait();
  member->jobs_seen = now + 1;
}

void MetadataCluster::RunPosted(Member* member) {
  std::vector<absl::AnyInvocable<void()>> posted;
  {
    MutexLock lock(&member->mutex);
    posted.swap(member->posted);
  }
  for (auto& work : posted) {
    work();
    member->touched = true;
  }
}

void MetadataCluster::RunEffects(Member* member) {
  while (!member->effects_hang && !member->effects.empty() && Below(3) > 0) {
    absl::AnyInvocable<void()> then = std::move(member->effects.front());
    member->effects.pop_front();
    then();
  }
}

void MetadataCluster::CommitOldest(size_t index) {
  Member& member = *nodes_[index];
  WriteCycle cycle = std::move(member.writing.front());
  member.writing.pop_front();
  bool applied = false;
  for (const storage::GroupWrite& write : cycle.writes) {
    applied |= !write.side_rows.empty();
    if (write.truncate_from.has_value() &&
        *write.truncate_from <=
            member.store->Position(member.number)->last.index) {
      ++counts.truncations;
    }
  }
  KAPPA_CHECK(member.store->Commit(cycle.writes).ok(), "the store works");
  if (applied) CompareRows(index);
  for (const WriteInFlight& write : cycle.in_flight) {
    member.group->OnDurable(write);
  }
  member.touched = true;
}

void MetadataCluster::CompareRows(size_t index) {
  Rows rows = RowsOf(index);
  const std::string at = rows[std::string(kAppliedKey)];
  const auto [known, is_new] = rows_at_.try_emplace(at, rows);
  if (is_new) return;
  ++counts.compared;
  if (known->second == rows) return;
  absl::StrAppend(&wrong, "node ", index, " has other rows than another\n");
}

void MetadataCluster::Advance(size_t index) {
  Member& member = *nodes_[index];
  member.touched = false;
  WriteCycle cycle;
  member.group->Advance(&cycle);
  if (!cycle.empty()) member.writing.push_back(std::move(cycle));
  AwaitReads(&member);
}

void MetadataCluster::AdvanceTouched() {
  for (size_t i = 0; i < kNodes; ++i) {
    if (up(i) && nodes_[i]->touched) Advance(i);
  }
}

void MetadataCluster::RunRound() {
  clock_.Advance(kTickUs);
  for (size_t i = 0; i < kNodes; ++i) {
    if (!up(i)) continue;
    group(i).Tick();
    nodes_[i]->touched = true;
  }
  for (uint64_t pass = 0; pass < kPasses; ++pass) {
    AdvanceTouched();
    ++round_;
    for (size_t i = 0; i < kNodes; ++i) {
      if (!up(i)) continue;
      RunPosted(nodes_[i].get());
      RunEffects(nodes_[i].get());
      while (!nodes_[i]->writing.empty() && Below(3) > 0) CommitOldest(i);
    }
    while (!network_.empty() && network_.begin()->first <= round_) {
      const Packet packet = std::move(network_.begin()->second);
      network_.erase(network_.begin());
      Deliver(packet);
    }
  }
  AdvanceTouched();
  const std::optional<size_t> leader = Leader();
  if (leader.has_value() && leader != led_by_) {
    ++counts.leaders;
    led_by_ = leader;
  }
}

bool MetadataCluster::RunUntil(const std::function<bool()>& holds,
                               int rounds_max) {
  for (; rounds_max > 0 && !holds(); --rounds_max) RunRound();
  return holds();
}

// --- what is seen of it ---

std::optional<size_t> MetadataCluster::Leader() {
  std::optional<size_t> leader;
  for (size_t i = 0; i < kNodes; ++i) {
    if (!up(i) || !group(i).leads()) continue;
    if (!leader || group(*leader).log().term() < group(i).log().term()) {
      leader = i;
    }
  }
  return leader;
}

bool MetadataCluster::Settled() {
  const std::optional<size_t> leader = Leader();
  if (!leader.has_value() || !group(*leader).log().own_term_committed()) {
    return false;
  }
  const LogTail& led = group(*leader).log().tail();
  for (size_t i = 0; i < kNodes; ++i) {
    if (!up(i) || !nodes_[i]->writing.empty() || !nodes_[i]->effects.empty() ||
        group(i).log().tail().last != led.last ||
        group(i).state().applied() != led.last.index) {
      return false;
    }
  }
  return true;
}

void MetadataCluster::With(size_t node,
                           const std::function<void(MetadataGroup&)>& work) {
  work(group(node));
  nodes_[node]->touched = true;
  AwaitReads(nodes_[node].get());
}

void MetadataCluster::Execute(size_t node, storage::v1::MetadataCommand command,
                              MetadataGroup::Done done) {
  group(node).Execute(std::move(command), std::move(done));
  nodes_[node]->touched = true;
  AwaitReads(nodes_[node].get());
}

MetadataCluster::Rows MetadataCluster::RowsOf(size_t node) {
  Rows rows;
  const absl::Status scanned = nodes_[node]->store->ScanSideRows(
      storage::SideTable::kMetadata, "",
      [&rows](std::string_view key, std::string_view value) {
        if (!key.starts_with(kPendingDropPrefix)) {
          rows.emplace(std::string(key), std::string(value));
        }
        return true;
      });
  KAPPA_CHECK(scanned.ok(), "rows can be read");
  return rows;
}

std::vector<storage::v1::MetadataCommand> MetadataCluster::StoredCommands(
    size_t node) {
  const Member& member = *nodes_[node];
  auto entries = member.store->Read(
      member.number, LogIndex(1),
      member.store->Position(member.number)->last.index,
      std::numeric_limits<size_t>::max(), storage::ReadClass::kPoint);
  KAPPA_CHECK(entries.ok(), "the log can be read");
  std::vector<storage::v1::MetadataCommand> commands;
  for (const storage::StoredEntry& entry : *entries) {
    auto command = CommandOf(entry);
    KAPPA_CHECK(command.ok(), "it was encoded here");
    if (command->has_value()) commands.push_back(**std::move(command));
  }
  return commands;
}

}  // namespace kappa::server

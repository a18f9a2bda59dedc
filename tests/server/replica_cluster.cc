#include "tests/server/replica_cluster.h"

#include <algorithm>
#include <limits>

#include "proto/wire/check.h"
#include "server/errors.h"
#include "server/latch.h"
#include "storage/chain.h"

namespace kappa::server {
namespace {

constexpr int64_t kStartUs = 1'767'225'600'000'000;
constexpr int64_t kTickUs = 20'000;
constexpr uint64_t kPasses = 3;

}  // namespace

raft::CoreSettings ReplicaCluster::Settings() {
  raft::CoreSettings settings;
  // So small that each of them counts.
  settings.request_entries_max = 8;
  settings.request_bytes_max = 1 << 10;
  settings.catch_up_entries = 24;
  settings.uncommitted_bytes_max = 16 << 10;
  return settings;
}

ReplicaCluster::ReplicaCluster(uint64_t seed, const StoreFactory& make_store,
                               const raft::CoreSettings& settings)
    : random_(seed), clock_(kStartUs) {
  storage::ReplicaSpec spec;
  spec.group = GroupId(7 + seed % kNodes);
  for (size_t i = 0; i < kNodes; ++i) {
    spec.configuration.voters.push_back(id(i));
  }
  spec.chain_start = storage::ChainStart(Uuid{1}, 0);
  const auto shared = std::make_shared<const raft::CoreSettings>(settings);
  for (size_t i = 0; i < kNodes; ++i) {
    nodes_.push_back(std::make_unique<Replica>());
    Replica& node = *nodes_.back();
    node.store = make_store(i);
    spec.self = id(i);
    const storage::ReplicaSpec specs[] = {spec};
    node.number = node.store->CreateReplicas(specs)->front();
    node.damage = *storage::KnownDamage::Load("");
    node.reader = std::make_unique<LogReader>(node.store.get(),
                                              node.damage.get(), 64 << 10);
    node.pool = std::make_unique<ReaderPool>(1, 10'000);
    ShardServices& services = node.services;
    services.store = node.store.get();
    services.readers = node.pool.get();
    services.log_reader = node.reader.get();
    services.known_damage = node.damage.get();
    services.clock = &clock_;
    services.append_clock = &append_clock_;
    services.window = &node.window;
    services.counters = &node.counters;
    services.core_settings = shared;
    services.report_damage = [](GroupId, ReplicaNumber, const absl::Status&) {
      KAPPA_CHECK(false, "nothing is damaged here");
    };
    services.send = [this, i](std::vector<GroupMessage> messages) {
      Send(i, std::move(messages));
    };
    services.post_to_partition =
        [&node](GroupId, absl::AnyInvocable<void(Partition&)> work) {
          MutexLock lock(&node.mutex);
          node.posted.push_back(std::move(work));
        };
    Start(i);
  }
}

ReplicaCluster::~ReplicaCluster() {
  for (size_t i = 0; i < kNodes; ++i) {
    if (up(i)) Crash(i, 0);
  }
}

void ReplicaCluster::Start(size_t index) {
  Replica& node = *nodes_[index];
  KAPPA_CHECK(!up(index), "it is down");
  node.services.instance = ++instances_;
  const std::vector<storage::ReplicaInfo> replicas = node.store->Replicas();
  const auto own = std::find_if(
      replicas.begin(), replicas.end(),
      [&](const storage::ReplicaInfo& r) { return r.number == node.number; });
  auto partition = Partition::Open(*own, &node.services);
  KAPPA_CHECK(partition.ok(), "a replica starts on what its store holds");
  node.partition = *std::move(partition);
  node.partition->Campaign();
  node.touched = true;
}

void ReplicaCluster::Crash(size_t index, size_t kept) {
  Replica& node = *nodes_[index];
  for (; kept > 0 && !node.writing.empty(); --kept) {
    KAPPA_CHECK(node.store->Commit(node.writing.front().writes).ok(),
                "the store works");
    node.writing.pop_front();
  }
  node.writing.clear();
  node.partition->Abandon(
      MakeError(v1::ERROR_REASON_SHUTTING_DOWN, "the process ends"));
  AwaitReads(&node);
  node.partition.reset();
  node.touched = false;
  MutexLock lock(&node.mutex);
  node.posted.clear();
}

// --- the network ---

void ReplicaCluster::Send(size_t from, std::vector<GroupMessage> messages) {
  for (const GroupMessage& sent : messages) {
    if (sent.message.type == raft::MessageType::kFetchResponse) {
      counts.fetched += sent.message.entries.size();
    }
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

void ReplicaCluster::Tamper(std::string* content) {
  auto decoded = storage::DecodeEntryHeader(*content);
  if (Below(2) == 0) {
    (*content)[Below(content->size())] ^= static_cast<char>(1 << Below(8));
    return;
  }
  // Whole, but of another history. (The chain covers what users see: of a
  // control entry's time it says nothing.)
  storage::EntryHeader header = decoded->header;
  switch (Below(raft::UsesOffsets(header.kind) ? 3 : 2)) {
    case 0:
      header.chain[Below(header.chain.size())] ^= 1;
      break;
    case 1:
      header.base_offset = header.base_offset + 1;
      break;
    default:
      ++header.append_time_us;
  }
  std::string altered;
  storage::EncodeEntryHeader(header, &altered);
  *content = altered + content->substr(decoded->header_bytes);
}

void ReplicaCluster::Deliver(const Packet& packet) {
  Replica& node = *nodes_[packet.to];
  if (nodes_[packet.from]->cut || node.cut || !up(packet.to)) return;
  KAPPA_CHECK(decoder_.Decode(packet.bytes).ok(), "it was encoded here");
  const DecodedMessage& decoded = decoder_.decoded();
  std::vector<Payload> contents;
  const bool tampered = !decoded.contents.empty() && Percent(faults.tampered);
  const size_t altered = tampered ? Below(decoded.contents.size()) : 0;
  for (size_t i = 0; i < decoded.contents.size(); ++i) {
    std::string content(decoded.contents[i]);
    if (tampered && i == altered) Tamper(&content);
    contents.push_back(Payload::FromString(std::move(content)));
  }
  const absl::Status status =
      node.partition->Step(decoded.message, std::move(contents));
  node.touched = true;
  if (tampered) ++counts.tampered;
  if (!status.ok()) ++(tampered ? counts.refused : counts.refused_untampered);
}

// --- a replica's process ---

void ReplicaCluster::AwaitReads(Replica* node) {
  const auto jobs = [node] {
    const ReaderPool::Stats stats = node->pool->stats();
    return stats.points + stats.replays + stats.queued_points +
           stats.queued_replays;
  };
  const uint64_t now = jobs();
  if (now == node->jobs_seen) return;
  counts.reads += now - node->jobs_seen;
  // The last job of one thread.
  auto done = std::make_shared<Latch>(1);
  ReaderPool::Job last = [done] { done->CountDown(); };
  KAPPA_CHECK(node->pool->Submit(storage::ReadClass::kReplay, last),
              "there is room for one more");
  done->Wait();
  node->jobs_seen = now + 1;
}

void ReplicaCluster::RunPosted(Replica* node) {
  std::vector<absl::AnyInvocable<void(Partition&)>> posted;
  {
    MutexLock lock(&node->mutex);
    posted.swap(node->posted);
  }
  for (auto& work : posted) {
    work(*node->partition);
    node->touched = true;
  }
}

void ReplicaCluster::CommitOldest(Replica* node) {
  WriteCycle cycle = std::move(node->writing.front());
  node->writing.pop_front();
  for (const storage::GroupWrite& write : cycle.writes) {
    if (write.truncate_from.has_value() &&
        *write.truncate_from <=
            node->store->Position(node->number)->last.index) {
      ++counts.truncations;
    }
  }
  KAPPA_CHECK(node->store->Commit(cycle.writes).ok(), "the store works");
  for (const WriteInFlight& write : cycle.in_flight) {
    node->partition->OnDurable(write);
  }
  node->touched = true;
}

void ReplicaCluster::Advance(size_t index) {
  Replica& node = *nodes_[index];
  node.touched = false;
  WriteCycle cycle;
  node.partition->Advance(&cycle);
  if (!cycle.empty()) node.writing.push_back(std::move(cycle));
  AwaitReads(&node);
}

void ReplicaCluster::AdvanceTouched() {
  for (size_t i = 0; i < kNodes; ++i) {
    if (up(i) && nodes_[i]->touched) Advance(i);
  }
}

void ReplicaCluster::RunRound() {
  clock_.Advance(kTickUs);
  for (size_t i = 0; i < kNodes; ++i) {
    if (!up(i)) continue;
    partition(i).Tick();
    if (partition(i).has_output()) nodes_[i]->touched = true;
  }
  RunPasses();
}

void ReplicaCluster::RunPasses() {
  for (uint64_t pass = 0; pass < kPasses; ++pass) {
    AdvanceTouched();
    ++round_;
    for (const std::unique_ptr<Replica>& node : nodes_) {
      if (node->partition == nullptr) continue;
      RunPosted(node.get());
      while (!node->stalled && !node->writing.empty() && Below(3) > 0) {
        CommitOldest(node.get());
      }
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

bool ReplicaCluster::RunUntil(const std::function<bool()>& holds,
                              int rounds_max) {
  for (; rounds_max > 0 && !holds(); --rounds_max) RunRound();
  return holds();
}

// --- what is seen of it ---

std::optional<size_t> ReplicaCluster::Leader() {
  std::optional<size_t> leader;
  for (size_t i = 0; i < kNodes; ++i) {
    if (!up(i) || !partition(i).ready()) continue;
    if (!leader ||
        partition(*leader).log().term() < partition(i).log().term()) {
      leader = i;
    }
  }
  return leader;
}

bool ReplicaCluster::Settled() {
  if (!Leader().has_value()) return false;
  const LogTail& led = partition(*Leader()).log().tail();
  for (size_t i = 0; i < kNodes; ++i) {
    if (!up(i) || !nodes_[i]->writing.empty() ||
        partition(i).log().tail().last != led.last ||
        partition(i).log().committed_tail().last != led.last) {
      return false;
    }
  }
  return true;
}

void ReplicaCluster::Append(size_t node, AppendCommand command,
                            Node::Callback<AppendResult> done) {
  command.group = partition(node).group();
  partition(node).Append(std::move(command), {std::move(done), {}});
  nodes_[node]->touched = true;
  AwaitReads(nodes_[node].get());
}

void ReplicaCluster::With(size_t node,
                          const std::function<void(Partition&)>& work) {
  work(partition(node));
  nodes_[node]->touched = true;
  AwaitReads(nodes_[node].get());
}

std::vector<storage::StoredEntry> ReplicaCluster::StoredLog(size_t node) {
  const LogIndex last = store(node).Position(number(node))->last.index;
  if (last == LogIndex(0)) return {};
  auto entries = store(node).Read(number(node), LogIndex(1), last,
                                  std::numeric_limits<size_t>::max(),
                                  storage::ReadClass::kPoint);
  KAPPA_CHECK(entries.ok(), "the log can be read");
  return *std::move(entries);
}

}  // namespace kappa::server

// ReplicaCluster: three replicas of one partition, joined by a network and
// disks that a test controls; one seed, one run.
#ifndef KAPPA_TESTS_SERVER_REPLICA_CLUSTER_H_
#define KAPPA_TESTS_SERVER_REPLICA_CLUSTER_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "proto/wire/mutex.h"
#include "raft/core_options.h"
#include "server/append_clock.h"
#include "server/log_reader.h"
#include "server/memory_window.h"
#include "server/message_decoder.h"
#include "server/message_encoder.h"
#include "server/partition.h"
#include "server/reader_pool.h"
#include "server/shard_counters.h"
#include "server/shard_services.h"
#include "storage/known_damage.h"
#include "tests/server/manual_clock.h"

namespace kappa::server {

// What happens to messages; chances in percent.
struct NetworkFaults {
  uint32_t lost = 0;
  uint32_t doubled = 0;
  uint32_t late = 0;      // by up to four rounds, so that others overtake
  uint32_t tampered = 0;  // of those with entries: one of them is altered
};

// How often things happened.
struct ClusterCounts {
  uint64_t truncations = 0;         // of entries in the store
  uint64_t fetched = 0;             // entries in fetch responses
  uint64_t reads = 0;               // jobs of the reader pools
  uint64_t tampered = 0;            // messages
  uint64_t refused = 0;             // of those
  uint64_t refused_untampered = 0;  // must be none
  uint64_t leaders = 0;             // times that another replica led
};

// A round is a tick of all replicas that run, with three passes of deliveries
// and completed writes; who has nothing to put out is left alone after it, as a
// shard does. Everything happens on the test's thread but reads of
// the store, which end before the call that caused them does.
class ReplicaCluster {
 public:
  static constexpr size_t kNodes = 3;
  using StoreFactory =
      std::function<std::shared_ptr<storage::LogStore>(size_t node)>;

  // Of every replica, unless a test wants others.
  static raft::CoreSettings Settings();

  // All replicas run, none leads.
  ReplicaCluster(uint64_t seed, const StoreFactory& make_store,
                 const raft::CoreSettings& settings = Settings());
  ~ReplicaCluster();

  NetworkFaults faults;
  ClusterCounts counts;
  std::mt19937_64& random() { return random_; }
  uint64_t Below(uint64_t bound) { return random_() % bound; }

  ReplicaId id(size_t node) const { return {NodeId(node + 1), Incarnation(1)}; }
  bool up(size_t node) const { return nodes_[node]->partition != nullptr; }
  // Requires: up(node).
  Partition& partition(size_t node) { return *nodes_[node]->partition; }
  storage::LogStore& store(size_t node) { return *nodes_[node]->store; }
  ReplicaNumber number(size_t node) const { return nodes_[node]->number; }

  // Its messages, either way, are lost.
  void Cut(size_t node) { nodes_[node]->cut = true; }
  void Mend(size_t node) { nodes_[node]->cut = false; }
  // While its disk stalls, none of its writes is completed.
  void StallDisk(size_t node, bool stalled) { nodes_[node]->stalled = stalled; }
  // Of the writes under way the oldest `kept` become durable.
  void Crash(size_t node, size_t kept);
  void Start(size_t node);

  void RunRound();
  // As a round, but no time passes.
  void RunPasses();
  // False when it did not hold within `rounds_max`.
  bool RunUntil(const std::function<bool()>& holds, int rounds_max = 3000);
  // Who can answer requests; of several, who has the latest term.
  std::optional<size_t> Leader();
  // All run, one leads, and all logs are committed and durable everywhere.
  bool Settled();

  // Requires: up(node).
  void Append(size_t node, AppendCommand command,
              Node::Callback<AppendResult> done);
  // Does `work` with the partition, and what comes of it.
  void With(size_t node, const std::function<void(Partition&)>& work);
  // The whole log as it is stored.
  std::vector<storage::StoredEntry> StoredLog(size_t node);

 private:
  struct Replica {
    std::shared_ptr<storage::LogStore> store;
    ReplicaNumber number;
    std::unique_ptr<storage::KnownDamage> damage;
    std::unique_ptr<LogReader> reader;
    ShardCounters counters;
    WindowBudget window{64 << 10};
    ShardServices services;
    std::unique_ptr<ReaderPool> pool;
    uint64_t jobs_seen = 0;
    std::unique_ptr<Partition> partition;
    std::deque<WriteCycle> writing;
    bool cut = false;
    bool stalled = false;
    bool touched = false;
    Mutex mutex;
    std::vector<absl::AnyInvocable<void(Partition&)>> posted
        ABSL_GUARDED_BY(mutex);
  };
  struct Packet {
    size_t from = 0;
    size_t to = 0;
    std::string bytes;
  };

  bool Percent(uint32_t chance) { return Below(100) < chance; }
  void Send(size_t from, std::vector<GroupMessage> messages);
  void Deliver(const Packet& packet);
  void Tamper(std::string* content);
  void RunPosted(Replica* node);
  void CommitOldest(Replica* node);
  void Advance(size_t index);
  void AdvanceTouched();
  // Waits for the pool's jobs.
  void AwaitReads(Replica* node);

  std::mt19937_64 random_;
  ManualClock clock_;
  AppendClock append_clock_{&clock_};
  uint64_t round_ = 0;
  uint64_t instances_ = 0;
  std::optional<size_t> led_by_;
  std::multimap<uint64_t, Packet> network_;  // by the pass of arrival
  MessageEncoder encoder_;
  MessageDecoder decoder_;
  std::vector<std::unique_ptr<Replica>> nodes_;
};

}  // namespace kappa::server

#endif  // KAPPA_TESTS_SERVER_REPLICA_CLUSTER_H_

// MetadataCluster: the metadata group on four nodes, three of which vote,
// joined by a network and disks that a test controls; one seed, one run.
#ifndef KAPPA_TESTS_SERVER_METADATA_CLUSTER_H_
#define KAPPA_TESTS_SERVER_METADATA_CLUSTER_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "proto/wire/mutex.h"
#include "server/append_clock.h"
#include "server/latch.h"
#include "server/message_decoder.h"
#include "server/message_encoder.h"
#include "server/metadata_group.h"
#include "server/reader_pool.h"
#include "server/shard_counters.h"
#include "server/shard_services.h"
#include "storage/known_damage.h"
#include "storage/memory_log_store.h"
#include "tests/server/manual_clock.h"

namespace kappa::server {

// A round is a tick of all replicas that run, with three passes of deliveries
// and completed writes. Everything happens on the test's thread but reads of
// the store, which end before the call that caused them does, unless the
// node's readers hang.
class MetadataCluster {
 public:
  static constexpr size_t kNodes = 4;
  static constexpr size_t kVoters = 3;
  using Rows = std::map<std::string, std::string>;

  // What happens to messages; chances in percent.
  struct Faults {
    uint32_t lost = 0;
    uint32_t doubled = 0;
    uint32_t late = 0;  // by up to four rounds, so that others overtake
  };
  // How often things happened.
  struct Counts {
    uint64_t truncations = 0;  // of entries in the store
    uint64_t reads = 0;        // jobs of the reader pools
    uint64_t leaders = 0;      // times that another replica led
    uint64_t effects = 0;
    uint64_t compared = 0;  // rows of replicas at the same applied index
    uint64_t damaged = 0;   // reports of damaged entries
  };

  // All replicas run, none leads. `voters` of them vote, the rest learns.
  explicit MetadataCluster(uint64_t seed, size_t voters = kVoters);
  ~MetadataCluster();

  Faults faults;
  Counts counts;
  // What was found wrong so far; empty: nothing.
  std::string wrong;

  uint64_t Below(uint64_t bound) { return random_() % bound; }
  bool up(size_t node) const { return nodes_[node]->group != nullptr; }
  // Requires: up(node).
  MetadataGroup& group(size_t node) { return *nodes_[node]->group; }
  // Its messages, either way, are lost.
  void Cut(size_t node) { nodes_[node]->cut = true; }
  void Mend(size_t node) { nodes_[node]->cut = false; }
  // While they hang, no read of the node's store ends.
  void HangReaders(size_t node);
  void FreeReaders(size_t node);
  // While they hang, no change becomes real on the node.
  void HangEffects(size_t node, bool hang) {
    nodes_[node]->effects_hang = hang;
  }
  // Of the writes under way the oldest `kept` become durable.
  void Crash(size_t node, size_t kept);
  void Start(size_t node);
  // From now on the entry cannot be read on the node.
  void DamageEntry(size_t node, LogIndex index);

  void RunRound();
  // False when it did not hold within `rounds_max`.
  bool RunUntil(const std::function<bool()>& holds, int rounds_max = 3000);
  // Who leads; of several, who has the latest term.
  std::optional<size_t> Leader();
  // All run, one leads, and what it committed is applied everywhere, durably.
  bool Settled();

  // Does `work` with the group, and what comes of it.
  void With(size_t node, const std::function<void(MetadataGroup&)>& work);
  void Execute(size_t node, storage::v1::MetadataCommand command,
               MetadataGroup::Done done);
  // What is in the store, without what is the node's own.
  Rows RowsOf(size_t node);
  // The commands of the log as it is stored, in order.
  std::vector<storage::v1::MetadataCommand> StoredCommands(size_t node);

 private:
  struct Member {
    std::shared_ptr<storage::MemoryLogStore> store;
    ReplicaNumber number;
    std::unique_ptr<storage::KnownDamage> damage;
    ShardCounters counters;
    ShardServices services;
    std::unique_ptr<ReaderPool> pool;
    uint64_t jobs_seen = 0;
    std::shared_ptr<Latch> hung;
    std::unique_ptr<MetadataGroup> group;
    std::deque<WriteCycle> writing;
    std::deque<absl::AnyInvocable<void()>> effects;
    bool effects_hang = false;
    bool cut = false;
    bool touched = false;
    Mutex mutex;
    std::vector<absl::AnyInvocable<void()>> posted ABSL_GUARDED_BY(mutex);
  };
  struct Packet {
    size_t from = 0;
    size_t to = 0;
    std::string bytes;
  };

  bool Percent(uint32_t chance) { return Below(100) < chance; }
  void AddMember(const storage::ReplicaSpec& spec, size_t index);
  void Send(size_t from, std::vector<GroupMessage> messages);
  void Deliver(const Packet& packet);
  // As the shard does.
  void NoteDamage(Member* member, const absl::Status& status);
  void RunPosted(Member* member);
  void RunEffects(Member* member);
  void CommitOldest(size_t index);
  void CompareRows(size_t index);
  void Advance(size_t index);
  void AdvanceTouched();
  // Waits for the pool's jobs.
  void AwaitReads(Member* member);

  std::mt19937_64 random_;
  ManualClock clock_;
  AppendClock append_clock_{&clock_};
  uint64_t round_ = 0;
  uint64_t instances_ = 0;
  std::optional<size_t> led_by_;
  std::multimap<uint64_t, Packet> network_;  // by the pass of arrival
  MessageEncoder encoder_;
  MessageDecoder decoder_;
  std::map<std::string, Rows> rows_at_;  // by the row of the applied index
  std::vector<std::unique_ptr<Member>> nodes_;
};

}  // namespace kappa::server

#endif  // KAPPA_TESTS_SERVER_METADATA_CLUSTER_H_

// Node: a running Kappa node without its network face. The RPC layer translates
// gRPC calls into these calls; everything about logs happens behind them.
//
//   rpc ──Append/Read/...──> Node ──> Shard (one thread, owns its partitions)
//                                       │ raft::Core, log tail, producers
//                                       ├──> LogWriter (durable) ──> back
//                                       └──> ReaderPool (old entries)
#ifndef KAPPA_SERVER_NODE_H_
#define KAPPA_SERVER_NODE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kappa/v1/log_service.pb.h"
#include "kappa/v1/topic_service.pb.h"
#include "proto/wire/clock.h"
#include "proto/wire/codec.h"
#include "proto/wire/payload.h"
#include "proto/wire/turn_runner.h"
#include "proto/wire/types.h"
#include "server/disk_state.h"
#include "server/node_directory.h"
#include "server/peer_network.h"
#include "server/random_uuid.h"
#include "server/topic_snapshot.h"
#include "storage/log_store.h"
#include "storage/writer_load.h"

namespace kappa::server {

// All sizes in bytes. The parts of one memory budget (DESIGN.md §5); see
// memory_budget.h for how a total is split.
struct NodeOptions {
  std::string data_dir;
  uint32_t shards = 0;  // 0: one per core
  uint64_t segment_bytes = uint64_t{8} << 30;
  size_t memtable_bytes = 64 << 20;  // each of two
  size_t window_bytes = 96 << 20;
  size_t block_cache_bytes = 64 << 20;
  size_t append_queue_bytes = 64 << 20;
  uint32_t reader_threads = 2;
  // Of a node of a cluster: finds the directory's identity, once the directory
  // is locked, however long that takes; absent: an empty directory becomes a
  // cluster of its own.
  std::function<absl::StatusOr<Identity>()> find_cluster;
  // Makes its network; absent: the node is alone.
  StartNetwork start_network;
  // Where this node serves others. `node` and `disk_id` are filled in.
  NodeInfo self;
  // Ten of them without a sign of its leader, and a group elects.
  int64_t tick_us = 20'000;
  // What other nodes pass on of their clients' calls. Absent: refused.
  decltype(PeerCallbacks::forward) forward;
  // Start although the clock is more than 24 h behind the newest entry.
  bool accept_clock_behind = false;
  const Clock* clock = nullptr;  // not owned; required
  // Runs what is done in the background; absent: threads do.
  TurnRunner* turns = nullptr;
  // Where new ids come from.
  std::function<Uuid()> new_uuid = RandomUuid;
  // Room on the data directory's file system; absent: enough.
  std::shared_ptr<const DiskState> disk;
  // Called once the data directory is locked, before anything in it is opened.
  // May be absent.
  std::function<void()> on_locked;
  // Called once when a write or sync failed (RELIABILITY.md S9); must end the
  // process within 1 s.
  std::function<void(const absl::Status&)> on_fatal;
  // Called once when it turns out, while the node serves, that its directory
  // has forgotten what it promised (RELIABILITY.md S6): it says nothing any
  // more, and the process should end; the next start sets the directory aside.
  // May be absent.
  std::function<void(const absl::Status&)> on_forgot;
};

// A batch that the RPC layer has checked: scanned, limits, codec, CRC.
struct CheckedBatch {
  Payload payload;
  Codec codec = Codec::kNone;
  uint32_t record_count = 0;
  uint32_t payload_crc32c = 0;
  Digest payload_sha256{};
};

struct AppendCommand {
  GroupId group;
  CheckedBatch batch;
  // Producer part; absent: not recognisable when repeated.
  std::optional<v1::ProducerSequence> producer;
  std::optional<Offset> expected_offset;
};

struct AppendResult {
  Offset base_offset;
  Offset next_offset;
  int64_t append_time_us = 0;
  Digest chain{};
  bool duplicate = false;
};

// Where a partition stands.
struct PartitionEnd {
  Offset first_offset;
  Offset end_offset;  // committed end
  Digest chain{};     // at end_offset
  int64_t last_append_time_us = 0;
  // No batch at or above end_offset has, or will get, an append time below
  // this. Near the leader's clock.
  int64_t settled_time_us = 0;
  // OK on the leader. Else NOT_LEADER: settled_time_us then stands still while
  // nothing is appended.
  absl::Status leadership;
};

// One piece of a partition, in whole batches (control entries left out).
struct ReadChunk {
  std::vector<storage::StoredEntry> entries;
  // Where to go on: after the last entry looked at (forwards), or its base
  // offset (backwards).
  Offset next_offset;
  Offset end_offset;  // committed end as known
  // Set when `from` lay before the first offset kept.
  std::optional<Offset> gap_until;
  bool from_window = false;  // served from memory
};

struct ReadCommand {
  GroupId group;
  // Forwards: the first offset wanted (its batch is returned whole).
  // Backwards: the batch that holds `from - 1` is returned first.
  Offset from;
  // Forwards: exclusive; backwards: the lowest offset wanted.
  Offset until;
  size_t bytes_max = 1 << 20;  // at least one batch is returned
  bool backwards = false;
  storage::ReadClass read_class = storage::ReadClass::kPoint;
};

// Counters and gauges for /metrics; see metrics.h for the names.
struct NodeStats;
struct PartitionStats;

// Callbacks run on a thread of the node and must be short. Each is called
// exactly once. Errors carry an ErrorReason (errors.h).
//
// Thread safety: thread-safe.
class Node {
 public:
  template <typename T>
  using Callback = absl::AnyInvocable<void(absl::StatusOr<T>)>;

  // Opens the directory (creating it with new cluster, node and disk ids when
  // it is empty), recovers every group and leads them; ready on return. A
  // directory that another node proves to have forgotten something is set aside
  // (RELIABILITY.md S5), and find_cluster finds the node's place anew. Errors:
  // DATA_LOSS: the directory forgot something it promised (RELIABILITY.md S4;
  // kappad exits 4), and there is no find_cluster, or it was found here;
  // FAILED_PRECONDITION: newer format, clock 24 h behind, another cluster's;
  // UNAVAILABLE: in use by another process.
  static absl::StatusOr<std::unique_ptr<Node>> Open(NodeOptions options);
  // As Shutdown.
  virtual ~Node() = default;

  // Refuses new work with UNAVAILABLE (SHUTTING_DOWN), finishes what was
  // accepted, fails waiting readers with SHUTTING_DOWN, makes all durable.
  // Blocks; at most about 3 s.
  virtual void Shutdown() = 0;

  // --- topics; committed and durable when the callback gets OK ---

  // The topic of that name now, or null. Cheap, never blocks: used by every
  // append. Snapshots are immutable.
  virtual std::shared_ptr<const TopicSnapshot> FindTopic(
      std::string_view name) const = 0;
  // Topics whose name begins with `prefix` and is above `after`, ordered.
  virtual std::vector<std::shared_ptr<const TopicSnapshot>> ListTopics(
      std::string_view prefix, std::string_view after, size_t count) const = 0;
  // Calls `done` once FindTopic and ListTopics know every change of topics that
  // any node answered before. Errors (to `done`): NOT_LEADER: no leader of the
  // metadata group confirms it; OVERLOADED, SHUTTING_DOWN, DATA_DAMAGED.
  virtual void SyncTopics(absl::AnyInvocable<void(const absl::Status&)> done) {
    done(absl::OkStatus());  // alone it always does
  }
  virtual void CreateTopic(v1::CreateTopicRequest request,
                           Callback<v1::CreateTopicResponse> done) = 0;
  virtual void UpdateTopic(v1::UpdateTopicRequest request,
                           Callback<v1::UpdateTopicResponse> done) = 0;
  virtual void DeleteTopic(v1::DeleteTopicRequest request,
                           Callback<v1::DeleteTopicResponse> done) = 0;
  virtual void AddPartitions(v1::AddPartitionsRequest request,
                             Callback<v1::AddPartitionsResponse> done) = 0;

  // --- producers ---

  virtual void OpenProducer(v1::OpenProducerRequest request,
                            Callback<v1::OpenProducerResponse> done) = 0;
  virtual void GetProducer(v1::GetProducerRequest request,
                           Callback<v1::GetProducerResponse> done) = 0;

  // --- partitions ---

  virtual void Append(AppendCommand command, Callback<AppendResult> done) = 0;
  // The partition's end; linearizable unless `consistency` says otherwise.
  virtual void GetEnd(GroupId group, v1::Consistency consistency,
                      Callback<PartitionEnd> done) = 0;
  // Offset of the first batch with append time at or after `time_us`, or the
  // end.
  virtual void FindTime(GroupId group, int64_t time_us,
                        Callback<Offset> done) = 0;
  // Committed batches only; nothing but a chunk without entries when `from` is
  // the end (or not above `until`).
  virtual void Read(ReadCommand command, Callback<ReadChunk> done) = 0;
  // Calls `done` with the committed end as soon as it is above `offset`, or
  // with CANCELLED after CancelWait with the returned token, or with an error
  // when the group is gone or the node shuts down.
  virtual uint64_t WaitForEnd(GroupId group, Offset offset,
                              Callback<Offset> done) = 0;
  virtual void CancelWait(GroupId group, uint64_t token) = 0;

  // The other nodes; null: this one is alone. As long as the node.
  virtual PeerNetwork* peers() { return nullptr; }

  virtual NodeStats Stats() const = 0;
  // Quick; also during and after Shutdown.
  virtual storage::WriterLoad writer_load() const { return {}; }
  // The first `count` partitions, by name of the topic and number. Takes time
  // in proportion to the partitions of the node.
  virtual std::vector<PartitionStats> Partitions(size_t count) const = 0;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_NODE_H_

// NodeStats: what a node did and where it stands, for /metrics and tests.
#ifndef KAPPA_SERVER_NODE_STATS_H_
#define KAPPA_SERVER_NODE_STATS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "kappa/v1/error.pb.h"
#include "storage/log_store.h"
#include "storage/log_writer.h"

namespace kappa::server {

// Indexed by v1::ErrorReason.
using RefusalCounts = std::array<uint64_t, v1::ErrorReason_ARRAYSIZE>;

// One shard. Counters only grow since the node was opened; the rest is as of
// now.
struct ShardStats {
  // Counters.
  uint64_t appends = 0;         // batches committed, repetitions not counted
  uint64_t append_bytes = 0;    // their payload
  uint64_t append_records = 0;  // their records
  uint64_t duplicates = 0;      // answered with the first result
  RefusalCounts refusals{};     // appends refused, by reason
  uint64_t drains = 0;          // times the queue was emptied
  uint64_t helped_drains = 0;   // of these, by threads that brought the events
  uint64_t events = 0;          // taken from the queue
  uint64_t window_reads = 0;    // reads answered from memory
  uint64_t repaired_entries = 0;  // damaged, then put back from other nodes
  // Now.
  uint64_t partitions = 0;          // with those that sleep
  uint64_t awake_partitions = 0;    // used since the node was opened
  uint64_t damaged_partitions = 0;  // stopped: DATA_DAMAGED
  uint64_t queued_events = 0;
  uint64_t uncommitted_entries = 0;
  uint64_t waiters = 0;  // WaitForEnd calls that wait
  uint64_t window_entries = 0;
  uint64_t window_bytes = 0;
};

// The threads that read what the windows no longer hold.
struct ReaderStats {
  // Counters.
  uint64_t point_reads = 0;
  uint64_t replay_reads = 0;
  uint64_t bytes = 0;          // payload bytes read from the store
  uint64_t shared_chunks = 0;  // reads answered by another reader's chunk
  uint64_t refusals = 0;       // queue was full
  // Now.
  uint64_t queued_points = 0;
  uint64_t queued_replays = 0;
  uint64_t active = 0;
  uint64_t chunk_bytes = 0;  // kept for other readers
};

// Sums over the partitions of the node that are awake (RAFT.md: last >=
// committed >= readable, last >= durable). On one voter durable and committed
// are one.
struct PositionStats {
  uint64_t last = 0;
  uint64_t committed = 0;
  uint64_t end_offset = 0;  // committed
};

// Where one partition's log stands on this node. Of one voter what is durable
// is committed, unless it is not yet known to be.
struct PartitionStats {
  std::string topic;
  uint32_t partition = 0;
  uint64_t last_index = 0;
  uint64_t first_offset = 0;
  uint64_t end_offset = 0;
};

// The file system of the data directory (disk_state.h).
struct DiskStats {
  uint64_t level = 0;  // of DiskLevel
  uint64_t low_bytes = 0;
  uint64_t critical_bytes = 0;
  uint64_t ballast_bytes = 0;  // held now
  uint64_t refusals = 0;       // counter
};

// What was sent to another node, and came from it, on the connections of one
// class, since each was set or first heard. A frame is one message of the
// transport: beats are frames without messages of groups.
struct PeerTraffic {
  uint64_t node = 0;
  std::string peer_class;  // control, entries or bulk
  uint64_t sent_frames = 0;
  uint64_t sent_messages = 0;
  uint64_t sent_bytes = 0;
  uint64_t dropped_messages = 0;  // not sent, whatever the reason
  uint64_t received_frames = 0;
  uint64_t received_messages = 0;
  uint64_t received_bytes = 0;
};

struct NodeStats {
  std::vector<ShardStats> shards;
  std::vector<PeerTraffic> peers;  // by node and class
  ReaderStats readers;
  PositionStats positions;
  storage::LogWriterStats writer;
  storage::StoreCondition store;
  RefusalCounts refusals{};  // appends refused before a shard, by reason
  DiskStats disk;
  uint64_t topics = 0;
  uint64_t partitions = 0;
  uint64_t named_producers = 0;
  uint64_t metadata_applied_index = 0;
  uint64_t in_flight_append_bytes = 0;  // accepted, not answered
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_NODE_STATS_H_

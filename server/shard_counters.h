// ShardCounters: what a shard counts, readable by any thread.
#ifndef KAPPA_SERVER_SHARD_COUNTERS_H_
#define KAPPA_SERVER_SHARD_COUNTERS_H_

#include <array>
#include <atomic>
#include <cstdint>

#include "absl/status/status.h"
#include "kappa/v1/error.pb.h"
#include "server/node_stats.h"

namespace kappa::server {

// A number that one thread (or few) changes and any reads.
class Counter {
 public:
  void Add(uint64_t n) { value_.fetch_add(n, std::memory_order_relaxed); }
  void Subtract(uint64_t n) { value_.fetch_sub(n, std::memory_order_relaxed); }
  void Set(uint64_t n) { value_.store(n, std::memory_order_relaxed); }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

// Counts failures by their reason.
//
// Thread safety: thread-safe.
class ReasonCounter {
 public:
  void Count(const absl::Status& status);
  // Adds the counts to `counts`.
  void AddTo(RefusalCounts* counts) const;

 private:
  std::array<Counter, v1::ErrorReason_ARRAYSIZE> counts_;
};

// See ShardStats for what each one means.
//
// Thread safety: thread-safe.
struct ShardCounters {
  Counter appends;
  Counter append_bytes;
  Counter append_records;
  Counter duplicates;
  ReasonCounter refusals;
  // Messages of other nodes that did not fit.
  Counter messages_refused;
  Counter drains;
  // Of these, by a thread that is not the shard's.
  Counter helped_drains;
  Counter events;
  // Of them: appends, messages of other nodes, writes that became durable.
  Counter group_events;
  Counter window_reads;
  Counter partitions;
  Counter awake_partitions;
  Counter damaged_partitions;
  Counter repaired_entries;
  Counter uncommitted_entries;
  Counter waiters;
  Counter window_entries;
  Counter window_bytes;
  // Sums over the shard's partitions.
  Counter last_index;
  Counter committed_index;
  Counter end_offset;
  // Of the metadata group, on the shard that runs it.
  Counter metadata_applied;
  Counter named_producers;

  // Everything but what only the shard's queue knows.
  ShardStats Snapshot() const;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_SHARD_COUNTERS_H_

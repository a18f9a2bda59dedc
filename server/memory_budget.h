// MemoryBudget: how a node's memory is split among its parts (DESIGN.md §5).
#ifndef KAPPA_SERVER_MEMORY_BUDGET_H_
#define KAPPA_SERVER_MEMORY_BUDGET_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace kappa::server {

inline constexpr uint64_t kMemoryBytesDefault = uint64_t{512} << 20;
inline constexpr uint64_t kMemoryBytesMin = uint64_t{128} << 20;

// All sizes in bytes; the parts add up to the total (memtables twice).
struct MemoryBudget {
  size_t memtable_bytes = 0;     // each of two
  size_t window_bytes = 0;       // recent entries
  size_t block_cache_bytes = 0;  // blocks of the log store
  size_t read_ahead_bytes = 0;   // on their way from sealed files
  size_t grpc_bytes = 0;         // messages, and appends that wait
  size_t rest_bytes = 0;         // partitions, producers, chunks, stacks

  // What gRPC may use; payloads that wait to be appended are a part of it,
  // because they stay in the buffers they arrived in.
  size_t grpc_quota_bytes() const { return grpc_bytes; }
  size_t append_queue_bytes() const { return grpc_bytes / 2; }
};

// How much is read ahead beside a block cache of that size: half of it, 32 MiB
// at most, which is enough for eight readers at once.
constexpr size_t ReadAheadBytes(size_t block_cache_bytes) {
  return std::min(block_cache_bytes / 2, size_t{32} << 20);
}

// Memtables 2 × 1/8 (2 × 128 MiB at most), window 3/16, block cache 1/8,
// read-ahead 1/16 (32 MiB at most), gRPC 1/4, the rest what is left: of 512 MiB
// 2 × 64, 96, 64, 32, 128, 64.
// Requires: total_bytes >= kMemoryBytesMin.
MemoryBudget SplitMemory(uint64_t total_bytes);

}  // namespace kappa::server

#endif  // KAPPA_SERVER_MEMORY_BUDGET_H_

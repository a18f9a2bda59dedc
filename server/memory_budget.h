// MemoryBudget: how a node's memory is split among its parts (DESIGN.md §5).
#ifndef KAPPA_SERVER_MEMORY_BUDGET_H_
#define KAPPA_SERVER_MEMORY_BUDGET_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"

namespace kappa::server {

inline constexpr uint64_t kMemoryBytesDefault = uint64_t{512} << 20;
inline constexpr uint64_t kMemoryBytesMin = uint64_t{128} << 20;

// All sizes in bytes; together at most the total.
struct MemoryBudget {
  size_t memtable_bytes = 0;  // each of two
  size_t window_bytes = 0;
  size_t block_cache_bytes = 0;
  size_t append_queue_bytes = 0;
  size_t grpc_quota_bytes = 0;
  size_t chunk_bytes = 0;  // log pieces shared between readers
  size_t rest_bytes = 0;   // partitions, producers, indexes, stacks
};

// Memtables 2 × 1/8 (2 × 128 MiB at most), window 3/16, block cache 1/8, gRPC
// 1/4, the rest 3/16: of 512 MiB 2 × 64, 96, 64, 128, 96. Append queue (1/8)
// and shared chunks are parts of the gRPC quota and of the rest.
// Errors: INVALID_ARGUMENT: less than kMemoryBytesMin.
absl::StatusOr<MemoryBudget> SplitMemory(uint64_t total_bytes);

}  // namespace kappa::server

#endif  // KAPPA_SERVER_MEMORY_BUDGET_H_

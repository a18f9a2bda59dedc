#include "server/memory_budget.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace kappa::server {
namespace {

constexpr size_t kMemtableBytesMax = size_t{128} << 20;
constexpr size_t kChunkBytesMax = size_t{16} << 20;

}  // namespace

absl::StatusOr<MemoryBudget> SplitMemory(uint64_t total_bytes) {
  if (total_bytes < kMemoryBytesMin) {
    return absl::InvalidArgumentError(
        absl::StrCat("memory of ", total_bytes, " bytes: at least ",
                     kMemoryBytesMin, " are needed"));
  }
  MemoryBudget budget;
  budget.memtable_bytes = std::min(total_bytes / 8, kMemtableBytesMax);
  budget.window_bytes = total_bytes / 16 * 3;
  budget.block_cache_bytes = total_bytes / 8;
  budget.grpc_quota_bytes = total_bytes / 4;
  budget.append_queue_bytes = budget.grpc_quota_bytes / 2;
  budget.rest_bytes = total_bytes - 2 * budget.memtable_bytes -
                      budget.window_bytes - budget.block_cache_bytes -
                      budget.grpc_quota_bytes;
  budget.chunk_bytes = std::min(budget.rest_bytes / 4, kChunkBytesMax);
  return budget;
}

}  // namespace kappa::server

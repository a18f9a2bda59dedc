#include "server/memory_budget.h"

#include <algorithm>

#include "proto/wire/check.h"

namespace kappa::server {
namespace {

constexpr size_t kMemtableBytesMax = size_t{128} << 20;

}  // namespace

MemoryBudget SplitMemory(uint64_t total_bytes) {
  KAPPA_CHECK(total_bytes >= kMemoryBytesMin, "too little memory");
  MemoryBudget budget;
  budget.memtable_bytes = std::min(total_bytes / 8, kMemtableBytesMax);
  budget.window_bytes = total_bytes / 16 * 3;
  budget.block_cache_bytes = total_bytes / 8;
  budget.read_ahead_bytes = ReadAheadBytes(budget.block_cache_bytes);
  budget.grpc_bytes = total_bytes / 4;
  budget.rest_bytes = total_bytes - 2 * budget.memtable_bytes -
                      budget.window_bytes - budget.block_cache_bytes -
                      budget.read_ahead_bytes - budget.grpc_bytes;
  return budget;
}

}  // namespace kappa::server

#include "client/bench/workload.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <string_view>

namespace kappa::bench {

namespace {

constexpr size_t kPoolBytes = 32 << 20;

}  // namespace

Workload::Workload(size_t record_bytes, uint64_t seed)
    : record_bytes_(record_bytes) {
  pool_.resize(std::max(kPoolBytes, 2 * record_bytes));
  std::mt19937_64 random(seed);
  for (size_t i = 0; i + sizeof(uint64_t) <= pool_.size();
       i += sizeof(uint64_t)) {
    const uint64_t word = random();
    std::memcpy(&pool_[i], &word, sizeof(word));
  }
}

std::string_view Workload::Next() {
  if (at_ + record_bytes_ > pool_.size()) at_ = 0;
  const std::string_view value(pool_.data() + at_, record_bytes_);
  at_ += record_bytes_;
  return value;
}

}  // namespace kappa::bench

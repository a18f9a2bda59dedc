#include "client/bench/workload.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <utility>

namespace kappa::bench {

namespace {

constexpr size_t kPoolBytes = 32 << 20;

std::shared_ptr<const std::string> RandomPool(size_t bytes, uint64_t seed) {
  auto pool = std::make_shared<std::string>(bytes, '\0');
  std::mt19937_64 random(seed);
  for (size_t i = 0; i + sizeof(uint64_t) <= bytes; i += sizeof(uint64_t)) {
    const uint64_t word = random();
    std::memcpy(&(*pool)[i], &word, sizeof(word));
  }
  return pool;
}

}  // namespace

Workload::Workload(size_t record_bytes, uint64_t seed,
                   std::shared_ptr<const std::string> values)
    : record_bytes_(record_bytes), pool_(std::move(values)) {
  if (pool_ != nullptr) return;
  pool_ = RandomPool(std::max(kPoolBytes, 2 * record_bytes), seed);
}

std::string_view Workload::Next() {
  if (at_ + record_bytes_ > pool_->size()) at_ = 0;
  const std::string_view value(pool_->data() + at_, record_bytes_);
  at_ += record_bytes_;
  return value;
}

}  // namespace kappa::bench

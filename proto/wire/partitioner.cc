#include "proto/wire/partitioner.h"

#include <cstddef>

#include "proto/wire/check.h"

namespace kappa {

// Austin Appleby's MurmurHash2, 32 bit, reading words little-endian.
uint32_t Murmur2(std::string_view bytes) {
  constexpr uint32_t kSeed = 0x9747b28c;
  constexpr uint32_t kMultiplier = 0x5bd1e995;
  constexpr int kShift = 24;
  const auto byte = [&](size_t i) {
    return static_cast<uint32_t>(static_cast<uint8_t>(bytes[i]));
  };

  uint32_t hash = kSeed ^ static_cast<uint32_t>(bytes.size());
  size_t at = 0;
  for (; at + 4 <= bytes.size(); at += 4) {
    uint32_t word =
        byte(at) | byte(at + 1) << 8 | byte(at + 2) << 16 | byte(at + 3) << 24;
    word *= kMultiplier;
    word ^= word >> kShift;
    word *= kMultiplier;
    hash *= kMultiplier;
    hash ^= word;
  }
  const size_t rest = bytes.size() - at;
  if (rest > 0) {
    for (size_t i = 0; i < rest; ++i) hash ^= byte(at + i) << (8 * i);
    hash *= kMultiplier;
  }
  hash ^= hash >> 13;
  hash *= kMultiplier;
  hash ^= hash >> 15;
  return hash;
}

uint32_t PartitionOfKey(std::string_view key, uint32_t partitions) {
  KAPPA_CHECK(partitions > 0, "a topic has at least one partition");
  return (Murmur2(key) & 0x7fffffff) % partitions;
}

}  // namespace kappa

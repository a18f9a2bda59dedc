// Which partition a key belongs to: murmur2 as in Kafka's default partitioner.
#ifndef KAPPA_PROTO_WIRE_PARTITIONER_H_
#define KAPPA_PROTO_WIRE_PARTITIONER_H_

#include <cstdint>
#include <string_view>

namespace kappa {

// 32-bit murmur2 with Kafka's seed 0x9747b28c.
uint32_t Murmur2(std::string_view bytes);

// murmur2 with the sign bit cleared, modulo `partitions`.
// Requires: partitions > 0.
uint32_t PartitionOfKey(std::string_view key, uint32_t partitions);

}  // namespace kappa

#endif  // KAPPA_PROTO_WIRE_PARTITIONER_H_

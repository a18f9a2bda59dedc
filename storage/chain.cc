#include "storage/chain.h"

#include <string>

#include "proto/wire/sha256.h"
#include "storage/fixed_width.h"

namespace kappa::storage {

Digest ChainStart(const Uuid& topic_uuid, uint32_t partition) {
  std::string covered(topic_uuid.begin(), topic_uuid.end());
  AppendBigEndian(partition, &covered);
  return Sha256(covered);
}

// Covered, all numbers big endian: previous digest (32 bytes), base offset (8),
// count (4), append time (8), producer id (16), epoch (8), sequence (8), 1 or 0
// for a state that is there or not (1), its length (4) and bytes, payload
// encoding (1), codec (1), payload SHA-256 (32).
Digest ChainNext(const Digest& previous, const EntryHeader& header) {
  if (!raft::UsesOffsets(header.kind)) return previous;
  std::string covered(previous.begin(), previous.end());
  covered.reserve(128);
  AppendBigEndian(header.base_offset.value(), &covered);
  AppendBigEndian(header.record_count, &covered);
  AppendBigEndian(static_cast<uint64_t>(header.append_time_us), &covered);
  covered.append(header.producer.id.begin(), header.producer.id.end());
  AppendBigEndian(header.producer.epoch, &covered);
  AppendBigEndian(header.producer.sequence, &covered);
  covered.push_back(header.producer_state.has_value() ? 1 : 0);
  const std::string_view state = header.producer_state.has_value()
                                     ? *header.producer_state
                                     : std::string_view();
  AppendBigEndian(static_cast<uint32_t>(state.size()), &covered);
  covered.append(state);
  covered.push_back(static_cast<char>(header.encoding));
  covered.push_back(static_cast<char>(header.codec));
  covered.append(header.payload_sha256.begin(), header.payload_sha256.end());
  return Sha256(covered);
}

}  // namespace kappa::storage

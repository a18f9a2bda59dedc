// Keys of the RocksDB families: numbers big endian, so that keys sort as the
// numbers do.
//
//   segment-<n>:  replica number (8), index (8)
//   meta:         a letter that names the kind of row, then its numbers
#ifndef KAPPA_STORAGE_KEYS_H_
#define KAPPA_STORAGE_KEYS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proto/wire/types.h"
#include "storage/fixed_width.h"

namespace kappa::storage {

inline constexpr size_t kEntryKeyBytes = 16;

// The key of an entry, without an allocation.
class EntryKey {
 public:
  EntryKey(ReplicaNumber replica, LogIndex index) {
    StoreBigEndian(replica.value(), bytes_.data());
    StoreBigEndian(index.value(), bytes_.data() + sizeof(uint64_t));
  }
  // Valid as long as the key.
  std::string_view view() const { return {bytes_.data(), bytes_.size()}; }

 private:
  static void StoreBigEndian(uint64_t value, char* out) {
    for (int i = 0; i < 8; ++i) {
      out[i] = static_cast<char>(value >> (8 * (7 - i)));
    }
  }
  std::array<char, kEntryKeyBytes> bytes_;
};

// Requires: key.size() == kEntryKeyBytes.
inline ReplicaNumber ReplicaOfKey(std::string_view key) {
  return ReplicaNumber(LoadBigEndian<uint64_t>(key.data()));
}
// Requires: key.size() == kEntryKeyBytes.
inline LogIndex IndexOfKey(std::string_view key) {
  return LogIndex(LoadBigEndian<uint64_t>(key.data() + sizeof(uint64_t)));
}

// Kinds of rows in the family `meta`. The letters are stored on disk.
enum class MetaRow : char {
  kCycle = 'C',      // cycle number -> CycleRow
  kDirectory = 'D',  // segment, replica -> where the replica's entries begin
  kFloor = 'F',      // (nothing) -> the oldest cycle row that is kept
  kGroup = 'G',      // replica -> ReplicaPosition
  kOpen = 'O',       // first cycle of an open -> its random id
  kEvidence = 'P',   // another node's disk, open id -> EvidenceRow
  kReplica = 'R',    // replica -> what was created, and whether dropped
  kSegment = 'S',    // segment -> the files of a sealed segment
  kRepaired = 'X',   // replica, index -> an entry whose segment is damaged
};

inline std::string MetaPrefix(MetaRow row) {
  return std::string(1, static_cast<char>(row));
}
inline std::string MetaKey(MetaRow row, const Uuid& id) {
  std::string key = MetaPrefix(row);
  key.append(reinterpret_cast<const char*>(id.data()), id.size());
  return key;
}
inline std::string MetaKey(MetaRow row, const Uuid& id, uint64_t number) {
  std::string key = MetaKey(row, id);
  AppendBigEndian(number, &key);
  return key;
}
inline std::string MetaKey(MetaRow row, uint64_t number) {
  std::string key = MetaPrefix(row);
  AppendBigEndian(number, &key);
  return key;
}
inline std::string MetaKey(MetaRow row, uint64_t first, uint64_t second) {
  std::string key = MetaKey(row, first);
  AppendBigEndian(second, &key);
  return key;
}
// The number that stands at place `at` (0, 1) of a meta key.
// Requires: the key is long enough.
inline uint64_t NumberOfMetaKey(std::string_view key, size_t at = 0) {
  return LoadBigEndian<uint64_t>(key.data() + 1 + at * sizeof(uint64_t));
}

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_KEYS_H_

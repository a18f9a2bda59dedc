// The rows of the segment directory and of sealed segments, family `meta`.
//
//   D segment replica -> DirectoryRow: where a replica begins in a segment
//                        that is still a column family
//   S segment         -> SealedRow: the files of a sealed segment, and the
//                        directory rows of all its replicas
#ifndef KAPPA_STORAGE_SEALED_ROW_H_
#define KAPPA_STORAGE_SEALED_ROW_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/wire/types.h"

namespace kappa::storage {

// Where a replica's entries begin in a segment. Also written without an entry:
// then everything from `first` on that stands in older segments is void.
struct DirectoryRow {
  LogIndex first;
  Offset offset;  // base offset of the entry at `first`
  // Append time of the entry at `first`, or of the one before it.
  int64_t append_time_us = 0;
  friend bool operator==(const DirectoryRow&, const DirectoryRow&) = default;
};

std::string EncodeDirectoryRow(const DirectoryRow& row);
// Errors: DATA_LOSS: damaged.
absl::StatusOr<DirectoryRow> DecodeDirectoryRow(std::string_view bytes);

// One immutable SST file of a sealed segment.
struct SealedFile {
  std::string name;  // within the segment's folder
  uint64_t bytes = 0;
  uint32_t crc32c = 0;  // of the whole file
  // The keys at its ends, both inclusive.
  ReplicaNumber first_replica;
  LogIndex first_index;
  ReplicaNumber last_replica;
  LogIndex last_index;
  friend bool operator==(const SealedFile&, const SealedFile&) = default;
};

// What a sealed segment holds of one replica.
struct SealedReplica {
  ReplicaNumber replica;
  ReplicaNumber key_replica;  // the number that the keys in the files carry
  DirectoryRow row;
  uint64_t entries = 0;
  uint64_t bytes = 0;  // of keys and values; approximate for linked files
  friend bool operator==(const SealedReplica&, const SealedReplica&) = default;
};

// Linked files only: which indexes of a replica one file may hold.
struct SealedRun {
  ReplicaNumber key_replica;
  uint32_t file = 0;  // number in SealedRow::files
  LogIndex first;     // inclusive, as is
  LogIndex last;
  friend bool operator==(const SealedRun&, const SealedRun&) = default;
};

// The segment directory keeps numbers of segments in 32 bits.
inline constexpr SegmentNumber kSegmentNumberMax{0xffff'ffff};

struct SealedRow {
  SegmentNumber segment;    // at most kSegmentNumberMax
  uint32_t generation = 0;  // raised by each rewrite; names the folder
  // Written files: in key order, without overlap. Linked files: in the order
  // they were flushed; of a key in several the last one counts.
  std::vector<SealedFile> files;
  std::vector<SealedReplica> replicas;  // by replica
  std::vector<SealedRun> runs;          // by key replica, then file
  friend bool operator==(const SealedRow&, const SealedRow&) = default;
};

std::string EncodeSealedRow(const SealedRow& row);
// Errors: DATA_LOSS: damaged.
absl::StatusOr<SealedRow> DecodeSealedRow(std::string_view bytes);

// Name of the folder of a sealed segment within DIR/sealed:
// "00000000000000a7-0" (segment in hexadecimal, generation).
std::string SealedFolderName(SegmentNumber segment, uint32_t generation);

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_SEALED_ROW_H_

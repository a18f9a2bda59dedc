// StorePair: the store on RocksDB and its model in memory, given the same
// operations and compared.
#ifndef KAPPA_TESTS_STORAGE_STORE_PAIR_H_
#define KAPPA_TESTS_STORAGE_STORE_PAIR_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "proto/wire/types.h"
#include "storage/memory_log_store.h"
#include "storage/rocks_log_store.h"

namespace kappa::storage {

// Every function is a gtest assertion that both do the same.
//
// Thread safety: thread-compatible.
class StorePair {
 public:
  // Opens `directory`, which need not exist.
  explicit StorePair(std::string directory,
                     uint64_t segment_bytes = kSegmentBytesMin);

  std::vector<ReplicaNumber> CreateReplicas(
      absl::Span<const ReplicaSpec> specs);
  void DropReplicas(absl::Span<const ReplicaNumber> numbers);
  void Commit(absl::Span<const GroupWrite> writes);

  // Ends the real store in good order and opens it again.
  void Reopen();
  // Goes on with a copy of the files as they stand now, as after kill -9.
  void Crash();

  // Replicas, and where each one stands.
  void ComparePositions();
  // One question of each kind about a replica, at random places, also beyond
  // both ends.
  void CompareReads(ReplicaNumber replica, std::mt19937_64* random);
  // Every entry of a replica.
  void CompareLog(ReplicaNumber replica, ReadClass read_class);
  void CompareSideRows();

  const RocksLogStore& rocks() const { return *rocks_; }
  // Folders of sealed segments, and how many of them were rewritten or hold
  // several files.
  size_t SealedFolders() const;
  size_t RewrittenFolders() const;
  size_t FoldersOfSeveralFiles() const;

 private:
  void Open();
  void ExpectSameRead(ReplicaNumber replica, LogIndex from, LogIndex last,
                      size_t bytes_max, ReadClass read_class);

  const std::string directory_;
  const uint64_t segment_bytes_;
  MemoryLogStore model_;
  std::unique_ptr<RocksLogStore> rocks_;
};

}  // namespace kappa::storage

#endif  // KAPPA_TESTS_STORAGE_STORE_PAIR_H_

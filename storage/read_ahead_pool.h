// ReadAheadPool: reads pieces of files before they are asked for, several at
// once, for readers that go through a file from front to back.
//
// One direct read of 1 MiB at a time leaves a disk idle while its bytes are
// checked and sent on; with a few under way it gives half as much again.
#ifndef KAPPA_STORAGE_READ_AHEAD_POOL_H_
#define KAPPA_STORAGE_READ_AHEAD_POOL_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "proto/wire/mutex.h"
#include "rocksdb/file_system.h"

namespace kappa::storage {

// Memory that direct I/O may read into.
struct FreeAligned {
  void operator()(char* bytes) const;
};
using AlignedBytes = std::unique_ptr<char[], FreeAligned>;
// Bytes that offsets, lengths and memory of direct I/O are multiples of.
inline constexpr size_t kDirectIoAlignment = 4096;
AlignedBytes AllocateAligned(size_t bytes);
// The multiple of it at or below, and at or above.
constexpr uint64_t AlignDown(uint64_t bytes) {
  return bytes / kDirectIoAlignment * kDirectIoAlignment;
}
constexpr uint64_t AlignUp(uint64_t bytes) {
  return AlignDown(bytes + kDirectIoAlignment - 1);
}

// A file that pieces are read from, and its length when it was opened.
struct ReadAheadSource {
  std::shared_ptr<rocksdb::FSRandomAccessFile> file;
  uint64_t bytes = 0;
};

// A piece of a file, in memory or on its way there.
class ReadAheadPiece {
 public:
  uint64_t offset() const { return offset_; }
  uint64_t end() const { return offset_ + bytes_; }

 private:
  friend class ReadAheadPool;
  enum class State { kQueued, kReading, kDone, kFailed };

  std::shared_ptr<rocksdb::FSRandomAccessFile> file_;
  uint64_t offset_ = 0;
  size_t bytes_ = 0;
  AlignedBytes memory_;
  State state_ = State::kQueued;  // guarded by the pool's mutex
};

// One reader's way through a file: where it will go on, and what is being read
// ahead of it. Owned by who reads, or by the pool between two reads.
struct ReadAheadStream {
  const ReadAheadSource* source = nullptr;
  uint64_t last = ~uint64_t{0};  // offset in bytes of the latest read
  uint64_t next = 0;             // of the read that continues it
  uint64_t passed_bytes = 0;     // read in one go so far
  std::deque<std::shared_ptr<ReadAheadPiece>> pieces;  // adjacent, in order
  std::chrono::steady_clock::time_point used;
};

// Thread safety: thread-safe; a stream belongs to one thread at a time.
class ReadAheadPool {
 public:
  static constexpr size_t kThreads = 3;
  static constexpr size_t kPieceBytesMin = size_t{256} << 10;
  static constexpr size_t kPieceBytesMax = size_t{1} << 20;
  static constexpr size_t kAheadMax = 4;     // pieces of one stream
  static constexpr size_t kStreamsMax = 64;  // that wait for their next read
  // A stream that nobody goes on with gives its pieces up after so long; when
  // others lack memory, after the shorter time.
  static constexpr std::chrono::milliseconds kIdleMax{2000};
  static constexpr std::chrono::milliseconds kIdleMin{100};

  // Pieces hold at most `bytes_max` together, but for those given up while
  // they are read: at most one of each thread. With less than kPieceBytesMax
  // nothing is read ahead.
  explicit ReadAheadPool(size_t bytes_max,
                         std::chrono::milliseconds idle_max = kIdleMax)
      : pieces_max_(bytes_max / kPieceBytesMax), idle_max_(idle_max) {}
  ~ReadAheadPool();
  ReadAheadPool(const ReadAheadPool&) = delete;
  ReadAheadPool& operator=(const ReadAheadPool&) = delete;

  // The stream that a read of `source` at `offset` continues, or whose latest
  // read it repeats; else null.
  std::unique_ptr<ReadAheadStream> Take(const ReadAheadSource& source,
                                        uint64_t offset);
  // Keeps `stream` for its next read. What waits longest makes room.
  void Give(std::unique_ptr<ReadAheadStream> stream);
  // Gives up all streams of `source`. Requires: nobody reads from it.
  void Forget(const ReadAheadSource& source);

  // Starts reading pieces from `offset` on until `stream` has as many as its
  // length of way deserves: the more it has passed, the more is to come.
  void Extend(ReadAheadStream* stream, uint64_t offset);
  // Waits for `piece`. Its bytes, or null when reading them failed or ended
  // before its end: read them the ordinary way, which tells the reason.
  const char* Wait(const std::shared_ptr<ReadAheadPiece>& piece);
  // Gives the memory of the stream's first piece back.
  void DropFirst(ReadAheadStream* stream);
  void DropAll(ReadAheadStream* stream);

  size_t pieces() const;   // that hold memory
  size_t streams() const;  // that wait for their next read

 private:
  using Streams = std::list<std::unique_ptr<ReadAheadStream>>;

  void Run();
  void StartThreads() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ReadPiece(ReadAheadPiece* piece) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void DropPieces(ReadAheadStream* stream)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Release(std::shared_ptr<ReadAheadPiece> piece)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Gives up streams that were not used for `idle_max`.
  void DropIdle(std::chrono::milliseconds idle_max)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const size_t pieces_max_;
  const std::chrono::milliseconds idle_max_;

  mutable Mutex mutex_;
  CondVar work_;  // a piece is queued, or the end has come
  CondVar done_;  // a piece was read
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  Streams streams_ ABSL_GUARDED_BY(mutex_);  // the latest used last
  std::deque<std::shared_ptr<ReadAheadPiece>> queue_ ABSL_GUARDED_BY(mutex_);
  std::vector<AlignedBytes> spare_ ABSL_GUARDED_BY(mutex_);
  size_t pieces_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<std::thread> threads_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_READ_AHEAD_POOL_H_

// Watermark: the last cycle that may have been acknowledged, kept apart from
// RocksDB, which cannot tell that it lost synced data (RELIABILITY.md S2).
//
//   DIR/watermark = slot 0 (4 KiB) | slot 1 (4 KiB)
//   slot = magic, version, open id, cycle, digest, CRC32C, zeros
//        | magic, version, open id, cycle, digest, previous digest, bytes of
//          the batch, batch, CRC32C, zeros
//
// Slots are written in turn, so that one whole slot survives any crash.
//
// A slot of the second kind holds a copy of its cycle. It is written while the
// log is, so it may be durable before its cycle is: a log that ends one cycle
// before it is then continued with the copy.
#ifndef KAPPA_STORAGE_WATERMARK_H_
#define KAPPA_STORAGE_WATERMARK_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/wire/types.h"
#include "storage/background_write.h"

namespace kappa::storage {

struct WatermarkValue {
  uint64_t open_id = 0;
  uint64_t cycle = 0;
  Digest digest{};
  friend bool operator==(const WatermarkValue&,
                         const WatermarkValue&) = default;
};

// What a cycle wrote, and the digest of the cycle before it.
struct CycleCopy {
  Digest previous{};
  std::string batch;  // RocksDB's WriteBatch
  friend bool operator==(const CycleCopy&, const CycleCopy&) = default;
};

inline constexpr size_t kWatermarkSlotBytes = 4096;
// Of the batch of a CycleCopy.
inline constexpr size_t kCycleCopyBytesMax = 4000;

// Both slots as read; absent: damaged.
struct WatermarkSlots {
  std::array<std::optional<WatermarkValue>, 2> slots;
  // Of the slots that hold one.
  std::array<std::optional<CycleCopy>, 2> copies;

  bool damaged() const { return !slots[0] || !slots[1]; }
  // The highest cycle of the readable slots; nullopt if both are damaged.
  std::optional<WatermarkValue> newest() const;
  // The copy of that cycle; nullptr if there is none, or if a slot is damaged:
  // that one may have held a later cycle, before which this one was synced.
  const CycleCopy* copy() const;
  // Bytes of a slot that mean something. Requires: it is not damaged.
  size_t used_bytes(size_t slot) const;
};

// Reads the file and changes nothing.
// Errors: DATA_LOSS: the file is missing; UNAVAILABLE: it cannot be read.
absl::StatusOr<WatermarkSlots> ReadWatermark(const std::string& path);

// The open file. Thread safety: thread-compatible.
class Watermark {
 public:
  // Writes a file with `value` in both slots and syncs it (not its directory).
  // Errors: those of the file system.
  static absl::Status Create(const std::string& path,
                             const WatermarkValue& value);
  // Opens for Advance, which will write first the slot that is damaged or
  // older in `slots`.
  // Errors: those of the file system.
  static absl::StatusOr<std::unique_ptr<Watermark>> Open(
      const std::string& path, const WatermarkSlots& slots);

  ~Watermark();
  Watermark(const Watermark&) = delete;
  Watermark& operator=(const Watermark&) = delete;

  // Durable on return. Requires: no BeginAdvance without its EndAdvance.
  // Errors: any error is final: the slot's content is unknown (S9).
  absl::Status Advance(const WatermarkValue& value);

  // Starts to write `value` with a copy of its cycle: the digest of the one
  // before and the batch, of which nothing is needed after the return. False:
  // the batch is too large, or the kernel cannot write beside its caller:
  // nothing was started, and Advance is to be used. EndAdvance must follow.
  bool BeginAdvance(const WatermarkValue& value, const Digest& previous,
                    std::string_view batch);
  // Durable on return; errors as of Advance.
  absl::Status EndAdvance();

 private:
  Watermark(std::string path, int file, bool direct, size_t next_slot);

  // Fills the buffer with a slot's content and zeros.
  void Fill(const std::string& content);

  const std::string path_;
  const int file_;
  bool direct_;  // and the kernel may write in the background
  size_t next_slot_;
  // One slot, aligned for direct writes.
  struct Free {
    void operator()(char* bytes) const;
  };
  std::unique_ptr<char, Free> buffer_;
  // Made when first needed. Ends before the buffer does.
  std::unique_ptr<BackgroundWrite> background_;
};

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_WATERMARK_H_

// Watermark: the last cycle that may have been acknowledged, kept apart from
// RocksDB, which cannot tell that it lost synced data (RELIABILITY.md S2).
//
//   DIR/watermark = slot 0 (4 KiB) | slot 1 (4 KiB)
//   slot = magic, version, open id, cycle, digest, CRC32C, zeros
//
// Slots are written in turn, so that one whole slot survives any crash.
#ifndef KAPPA_STORAGE_WATERMARK_H_
#define KAPPA_STORAGE_WATERMARK_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/wire/types.h"

namespace kappa::storage {

struct WatermarkValue {
  uint64_t open_id = 0;
  uint64_t cycle = 0;
  Digest digest{};
  friend bool operator==(const WatermarkValue&,
                         const WatermarkValue&) = default;
};

inline constexpr size_t kWatermarkSlotBytes = 4096;

// Both slots as read; absent: damaged.
struct WatermarkSlots {
  std::array<std::optional<WatermarkValue>, 2> slots;
  bool damaged() const { return !slots[0] || !slots[1]; }
  // The highest cycle of the readable slots; nullopt if both are damaged.
  std::optional<WatermarkValue> newest() const;
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

  // Durable on return.
  // Errors: any error is final: the slot's content is unknown (S9).
  absl::Status Advance(const WatermarkValue& value);

 private:
  Watermark(std::string path, int file, size_t next_slot);

  const std::string path_;
  const int file_;
  size_t next_slot_;
  // One slot, aligned for direct writes.
  struct Free {
    void operator()(char* bytes) const;
  };
  std::unique_ptr<char, Free> buffer_;
};

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_WATERMARK_H_

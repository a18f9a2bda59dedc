#include "storage/watermark.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/wire/check.h"
#include "proto/wire/crc32c.h"
#include "storage/fixed_width.h"
#include "storage/posix_status.h"

namespace kappa::storage {
namespace {

constexpr std::string_view kMagic = "KAPPAWM1";
constexpr size_t kOpenIdAt = 8;
constexpr size_t kCycleAt = 16;
constexpr size_t kDigestAt = 24;
constexpr size_t kCrcAt = 56;
static_assert(kCrcAt == kDigestAt + sizeof(Digest));
static_assert(kCrcAt + sizeof(uint32_t) <= kWatermarkSlotBytes);

std::string EncodeSlot(const WatermarkValue& value) {
  std::string slot(kMagic);
  slot.reserve(kWatermarkSlotBytes);
  AppendLittleEndian(value.open_id, &slot);
  AppendLittleEndian(value.cycle, &slot);
  slot.append(value.digest.begin(), value.digest.end());
  AppendLittleEndian(Crc32c(slot), &slot);
  slot.resize(kWatermarkSlotBytes, '\0');
  return slot;
}

std::optional<WatermarkValue> DecodeSlot(std::string_view slot) {
  if (slot.size() < kWatermarkSlotBytes || !slot.starts_with(kMagic) ||
      LoadLittleEndian<uint32_t>(slot.data() + kCrcAt) !=
          Crc32c(slot.substr(0, kCrcAt))) {
    return std::nullopt;
  }
  WatermarkValue value;
  value.open_id = LoadLittleEndian<uint64_t>(slot.data() + kOpenIdAt);
  value.cycle = LoadLittleEndian<uint64_t>(slot.data() + kCycleAt);
  std::memcpy(value.digest.data(), slot.data() + kDigestAt,
              value.digest.size());
  return value;
}

absl::Status WriteAll(int file, std::string_view bytes, size_t at,
                      const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written =
        pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (written < 0) {
      if (errno == EINTR) continue;
      return FromErrno(errno, "write", path);
    }
    bytes.remove_prefix(static_cast<size_t>(written));
    at += static_cast<size_t>(written);
  }
  return absl::OkStatus();
}

// A block that cannot be read (EIO) counts as damaged, like one with a wrong
// CRC.
std::optional<WatermarkValue> ReadSlot(int file, size_t slot) {
  std::string bytes(kWatermarkSlotBytes, '\0');
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got =
        pread(file, bytes.data() + done, bytes.size() - done,
              static_cast<off_t>(slot * kWatermarkSlotBytes + done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return std::nullopt;
    done += static_cast<size_t>(got);
  }
  return DecodeSlot(bytes);
}

size_t FirstSlotToWrite(const WatermarkSlots& slots) {
  if (!slots.slots[0]) return 0;
  if (!slots.slots[1]) return 1;
  return slots.slots[0]->cycle <= slots.slots[1]->cycle ? 0 : 1;
}

}  // namespace

std::optional<WatermarkValue> WatermarkSlots::newest() const {
  if (!slots[0]) return slots[1];
  if (!slots[1]) return slots[0];
  // Of two equal ones the second: it is the first that is written next.
  return slots[0]->cycle > slots[1]->cycle ? slots[0] : slots[1];
}

absl::StatusOr<WatermarkSlots> ReadWatermark(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    if (errno == ENOENT) {
      return absl::DataLossError(absl::StrCat(path, " is missing"));
    }
    return FromErrno(errno, "open", path);
  }
  WatermarkSlots slots;
  for (size_t i = 0; i < slots.slots.size(); ++i) {
    slots.slots[i] = ReadSlot(file, i);
  }
  close(file);
  return slots;
}

absl::Status Watermark::Create(const std::string& path,
                               const WatermarkValue& value) {
  const int file =
      open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) return FromErrno(errno, "create", path);
  const std::string slot = EncodeSlot(value);
  absl::Status status = WriteAll(file, slot + slot, 0, path);
  if (status.ok() && fsync(file) != 0) {
    status = FromErrno(errno, "sync", path);
  }
  close(file);
  return status;
}

absl::StatusOr<std::unique_ptr<Watermark>> Watermark::Open(
    const std::string& path, const WatermarkSlots& slots) {
  // Direct writes of a block that exists already touch nothing but that block;
  // some file systems cannot.
  int file = open(path.c_str(), O_WRONLY | O_DIRECT | O_CLOEXEC);
  if (file < 0 && errno == EINVAL) {
    file = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  }
  if (file < 0) return FromErrno(errno, "open", path);
  return std::unique_ptr<Watermark>(
      new Watermark(path, file, FirstSlotToWrite(slots)));
}

Watermark::Watermark(std::string path, int file, size_t next_slot)
    : path_(std::move(path)),
      file_(file),
      next_slot_(next_slot),
      buffer_(static_cast<char*>(
          std::aligned_alloc(kWatermarkSlotBytes, kWatermarkSlotBytes))) {
  KAPPA_CHECK(buffer_ != nullptr, "no memory for a watermark slot");
}

Watermark::~Watermark() { close(file_); }

void Watermark::Free::operator()(char* bytes) const { std::free(bytes); }

absl::Status Watermark::Advance(const WatermarkValue& value) {
  const std::string slot = EncodeSlot(value);
  std::memcpy(buffer_.get(), slot.data(), slot.size());
  const absl::Status status =
      WriteAll(file_, std::string_view(buffer_.get(), kWatermarkSlotBytes),
               next_slot_ * kWatermarkSlotBytes, path_);
  if (!status.ok()) return status;
  if (fdatasync(file_) != 0) return FromErrno(errno, "sync", path_);
  next_slot_ = 1 - next_slot_;
  return absl::OkStatus();
}

}  // namespace kappa::storage

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
constexpr std::string_view kCopyMagic = "KAPPAWM2";
constexpr size_t kOpenIdAt = 8;
constexpr size_t kCycleAt = 16;
constexpr size_t kDigestAt = 24;
constexpr size_t kValueEnd = kDigestAt + sizeof(Digest);
// Of a slot with a copy.
constexpr size_t kPreviousAt = kValueEnd;
constexpr size_t kBatchBytesAt = kPreviousAt + sizeof(Digest);
constexpr size_t kBatchAt = kBatchBytesAt + sizeof(uint32_t);
constexpr size_t kCrcBytes = sizeof(uint32_t);
static_assert(kBatchAt + kCycleCopyBytesMax + kCrcBytes == kWatermarkSlotBytes);

void AppendDigest(const Digest& digest, std::string* out) {
  out->append(digest.begin(), digest.end());
}

std::string EncodeValue(std::string_view magic, const WatermarkValue& value) {
  std::string slot(magic);
  slot.reserve(kWatermarkSlotBytes);
  AppendLittleEndian(value.open_id, &slot);
  AppendLittleEndian(value.cycle, &slot);
  AppendDigest(value.digest, &slot);
  return slot;
}

std::string EncodeSlot(const WatermarkValue& value) {
  std::string slot = EncodeValue(kMagic, value);
  AppendLittleEndian(Crc32c(slot), &slot);
  return slot;
}

std::string EncodeSlot(const WatermarkValue& value, const Digest& previous,
                       std::string_view batch) {
  std::string slot = EncodeValue(kCopyMagic, value);
  AppendDigest(previous, &slot);
  AppendLittleEndian(static_cast<uint32_t>(batch.size()), &slot);
  slot += batch;
  AppendLittleEndian(Crc32c(slot), &slot);
  return slot;
}

// Whether the CRC of a slot's first `end` bytes stands behind them.
bool IsWhole(std::string_view slot, size_t end) {
  return LoadLittleEndian<uint32_t>(slot.data() + end) ==
         Crc32c(slot.substr(0, end));
}

Digest DigestAt(std::string_view slot, size_t at) {
  Digest digest;
  std::memcpy(digest.data(), slot.data() + at, digest.size());
  return digest;
}

WatermarkValue DecodeValue(std::string_view slot) {
  WatermarkValue value;
  value.open_id = LoadLittleEndian<uint64_t>(slot.data() + kOpenIdAt);
  value.cycle = LoadLittleEndian<uint64_t>(slot.data() + kCycleAt);
  value.digest = DigestAt(slot, kDigestAt);
  return value;
}

struct Slot {
  std::optional<WatermarkValue> value;  // absent: damaged
  std::optional<CycleCopy> copy;
};

Slot DecodeSlot(std::string_view bytes) {
  Slot slot;
  if (bytes.size() < kWatermarkSlotBytes) return slot;
  if (bytes.starts_with(kMagic)) {
    if (IsWhole(bytes, kValueEnd)) slot.value = DecodeValue(bytes);
    return slot;
  }
  if (!bytes.starts_with(kCopyMagic)) return slot;
  const auto batch_bytes =
      LoadLittleEndian<uint32_t>(bytes.data() + kBatchBytesAt);
  if (batch_bytes > kCycleCopyBytesMax ||
      !IsWhole(bytes, kBatchAt + batch_bytes)) {
    return slot;
  }
  slot.value = DecodeValue(bytes);
  slot.copy = CycleCopy{DigestAt(bytes, kPreviousAt),
                        std::string(bytes.substr(kBatchAt, batch_bytes))};
  return slot;
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
Slot ReadSlot(int file, size_t slot) {
  std::string bytes(kWatermarkSlotBytes, '\0');
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got =
        pread(file, bytes.data() + done, bytes.size() - done,
              static_cast<off_t>(slot * kWatermarkSlotBytes + done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return {};
    done += static_cast<size_t>(got);
  }
  return DecodeSlot(bytes);
}

// The slot of the highest cycle; of two damaged ones, any.
size_t NewestSlot(const WatermarkSlots& slots) {
  if (!slots.slots[0]) return 1;
  if (!slots.slots[1]) return 0;
  // Of two equal ones the second: it is the first that is written next.
  return slots.slots[0]->cycle > slots.slots[1]->cycle ? 0 : 1;
}

size_t FirstSlotToWrite(const WatermarkSlots& slots) {
  if (!slots.slots[0]) return 0;
  if (!slots.slots[1]) return 1;
  return slots.slots[0]->cycle <= slots.slots[1]->cycle ? 0 : 1;
}

}  // namespace

std::optional<WatermarkValue> WatermarkSlots::newest() const {
  return slots[NewestSlot(*this)];
}

const CycleCopy* WatermarkSlots::copy() const {
  if (damaged()) return nullptr;
  const std::optional<CycleCopy>& copy = copies[NewestSlot(*this)];
  return copy.has_value() ? &*copy : nullptr;
}

size_t WatermarkSlots::used_bytes(size_t slot) const {
  const std::optional<CycleCopy>& copy = copies[slot];
  return (copy.has_value() ? kBatchAt + copy->batch.size() : kValueEnd) +
         kCrcBytes;
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
    Slot slot = ReadSlot(file, i);
    slots.slots[i] = slot.value;
    slots.copies[i] = std::move(slot.copy);
  }
  close(file);
  return slots;
}

absl::Status Watermark::Create(const std::string& path,
                               const WatermarkValue& value) {
  const int file =
      open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) return FromErrno(errno, "create", path);
  std::string slot = EncodeSlot(value);
  slot.resize(kWatermarkSlotBytes, '\0');
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
  const bool direct = file >= 0;
  if (!direct && errno == EINVAL) {
    file = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  }
  if (file < 0) return FromErrno(errno, "open", path);
  return std::unique_ptr<Watermark>(
      new Watermark(path, file, direct, FirstSlotToWrite(slots)));
}

Watermark::Watermark(std::string path, int file, bool direct, size_t next_slot)
    : path_(std::move(path)),
      file_(file),
      direct_(direct),
      next_slot_(next_slot),
      buffer_(static_cast<char*>(
          std::aligned_alloc(kWatermarkSlotBytes, kWatermarkSlotBytes))) {
  KAPPA_CHECK(buffer_ != nullptr, "no memory for a watermark slot");
}

Watermark::~Watermark() {
  background_.reset();
  close(file_);
}

void Watermark::Free::operator()(char* bytes) const { std::free(bytes); }

void Watermark::Fill(const std::string& content) {
  std::memcpy(buffer_.get(), content.data(), content.size());
  std::memset(buffer_.get() + content.size(), 0,
              kWatermarkSlotBytes - content.size());
}

absl::Status Watermark::Advance(const WatermarkValue& value) {
  Fill(EncodeSlot(value));
  const absl::Status status =
      WriteAll(file_, std::string_view(buffer_.get(), kWatermarkSlotBytes),
               next_slot_ * kWatermarkSlotBytes, path_);
  if (!status.ok()) return status;
  if (fdatasync(file_) != 0) return FromErrno(errno, "sync", path_);
  next_slot_ = 1 - next_slot_;
  return absl::OkStatus();
}

bool Watermark::BeginAdvance(const WatermarkValue& value,
                             const Digest& previous, std::string_view batch) {
  if (!direct_ || batch.size() > kCycleCopyBytesMax) return false;
  if (background_ == nullptr) background_ = BackgroundWrite::Create();
  if (background_ == nullptr) {
    direct_ = false;  // not asked again
    return false;
  }
  Fill(EncodeSlot(value, previous, batch));
  // What cannot be started here, Advance tells of.
  return background_->Start(file_, buffer_.get(), kWatermarkSlotBytes,
                            next_slot_ * kWatermarkSlotBytes) == 0;
}

absl::Status Watermark::EndAdvance() {
  const int error = background_->Wait();
  if (error != 0) return FromErrno(error, "write and sync", path_);
  next_slot_ = 1 - next_slot_;
  return absl::OkStatus();
}

}  // namespace kappa::storage

// Fuzzing the reading of a watermark file: each slot stands or falls alone, and
// what was read is written next to the slot that must survive.
//
// The input is the file's first bytes; its first byte tells which slots get a
// right checksum.
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proto/wire/crc32c.h"
#include "storage/fixed_width.h"
#include "storage/watermark.h"
#include "tests/fuzz/sealed_input.h"

namespace kappa::storage {
namespace {

// Where a slot's checksum stands, and what it covers (storage/watermark.cc).
constexpr size_t kCrcAt = 56;
constexpr std::string_view kMagic = "KAPPAWM1";
// Of a slot with a copy of its cycle.
constexpr std::string_view kCopyMagic = "KAPPAWM2";
constexpr size_t kBatchBytesAt = 88;
constexpr size_t kBatchAt = 92;

// A file in memory, with a path. Lives as long as the process.
class MemoryFile {
 public:
  MemoryFile()
      : file_(memfd_create("watermark", 0)),
        path_("/proc/self/fd/" + std::to_string(file_)) {
    KAPPA_CHECK(file_ >= 0, "no file in memory");
  }
  void Set(std::string_view bytes) {
    KAPPA_CHECK(ftruncate(file_, 0) == 0, "truncate");
    KAPPA_CHECK(pwrite(file_, bytes.data(), bytes.size(), 0) ==
                    static_cast<ssize_t>(bytes.size()),
                "write");
  }
  const std::string& path() const { return path_; }

 private:
  const int file_;
  const std::string path_;
};

// Gives a slot the checksum of its first `end` bytes.
void SealAt(size_t at, size_t end, std::string_view magic, std::string* file) {
  if (file->size() < at + end + sizeof(uint32_t)) return;
  file->replace(at, magic.size(), magic);
  std::string crc;
  AppendLittleEndian(Crc32c(std::string_view(*file).substr(at, end)), &crc);
  file->replace(at + end, crc.size(), crc);
}

void Seal(size_t slot, std::string* file) {
  SealAt(slot * kWatermarkSlotBytes, kCrcAt, kMagic, file);
}

void SealCopy(size_t slot, std::string* file) {
  const size_t at = slot * kWatermarkSlotBytes;
  if (file->size() < at + kBatchAt) return;
  const auto batch_bytes =
      LoadLittleEndian<uint32_t>(file->data() + at + kBatchBytesAt);
  if (batch_bytes > kWatermarkSlotBytes) return;
  SealAt(at, kBatchAt + batch_bytes, kCopyMagic, file);
}

void CheckCopies(const WatermarkSlots& slots) {
  const CycleCopy* const copy = slots.copy();
  KAPPA_CHECK(copy == nullptr || !slots.damaged(),
              "a copy beside a damaged slot");
  KAPPA_CHECK(copy == nullptr || copy->batch.size() <= kCycleCopyBytesMax,
              "a copy that is too large");
  for (size_t i = 0; i < 2; ++i) {
    KAPPA_CHECK(slots.slots[i].has_value() || !slots.copies[i].has_value(),
                "a copy of a damaged slot");
    KAPPA_CHECK(!slots.slots[i].has_value() ||
                    slots.used_bytes(i) <= kWatermarkSlotBytes,
                "a slot that is too large");
  }
}

void CheckAdvance(const WatermarkSlots& slots, const std::string& path) {
  auto watermark = Watermark::Open(path, slots);
  if (!watermark.ok()) return;
  const WatermarkValue next{.open_id = 7, .cycle = 8, .digest = {}};
  KAPPA_CHECK((*watermark)->Advance(next).ok(), "cannot write");
  const auto after = ReadWatermark(path);
  KAPPA_CHECK(after.ok(), "cannot read again");
  int written = 0;
  int kept = 0;
  for (size_t i = 0; i < 2; ++i) {
    written += after->slots[i] == next ? 1 : 0;
    kept += after->slots[i] == slots.newest() ? 1 : 0;
  }
  KAPPA_CHECK(written >= 1, "the new value was not written");
  KAPPA_CHECK(!slots.newest().has_value() || kept >= 1,
              "the newest value was overwritten");
}

}  // namespace
}  // namespace kappa::storage

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace kappa::storage;  // one function
  static auto* const file = new MemoryFile;
  if (size == 0) return 0;
  std::string bytes(kappa::InputBytes(data + 1, size - 1));
  // Short inputs are spread over both slots, so that small changes reach them.
  if (data[0] & 4) {
    const size_t half = bytes.size() / 2;
    std::string spread = bytes.substr(0, half);
    spread.resize(kWatermarkSlotBytes, '\0');
    bytes = spread + bytes.substr(half);
    bytes.resize(2 * kWatermarkSlotBytes, '\0');
  }
  if (data[0] & 1) Seal(0, &bytes);
  if (data[0] & 2) Seal(1, &bytes);
  if (data[0] & 8) SealCopy(0, &bytes);
  if (data[0] & 16) SealCopy(1, &bytes);
  file->Set(bytes);
  const auto slots = ReadWatermark(file->path());
  KAPPA_CHECK(slots.ok(), "a file that is there cannot be read");
  CheckCopies(*slots);
  if (!slots->damaged()) CheckAdvance(*slots, file->path());
  return 0;
}

#include "storage/record_file_scan.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/wire/crc32c.h"
#include "storage/file_bytes.h"
#include "storage/fixed_width.h"

namespace kappa::storage {
namespace {

constexpr size_t kBlockBytes = 32768;
constexpr size_t kHeaderBytes = 7;
constexpr size_t kTypeAt = 6;
constexpr char kZeros[] = "zeros instead of records";
constexpr char kOnlyZeros[] = "zeros instead of records up to the end";
// RocksDB stores a rotated checksum plus this.
constexpr uint32_t kMaskDelta = 0xa282ead8u;

enum RecordType : uint8_t {
  kZero = 0,
  kFull = 1,
  kFirst = 2,
  kMiddle = 3,
  kLast = 4,
  // 5 to 8 are those of recycled logs, which we do not write.
};

uint32_t Masked(uint32_t crc) {
  return ((crc >> 15) | (crc << 17)) + kMaskDelta;
}

bool AllZero(std::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(),
                     [](char byte) { return byte == 0; });
}

class Scanner {
 public:
  // The next block; only the last one may be short.
  void ScanBlock(std::string_view block) {
    size_t at = 0;
    while (block.size() - at >= kHeaderBytes) {
      if (AllZero(block.substr(at))) {
        if (!zeros_at_.has_value()) zeros_at_ = scan_.bytes + at;
        break;
      }
      EndZeros();
      const size_t length =
          LoadLittleEndian<uint16_t>(block.data() + at + sizeof(uint32_t));
      const auto type = static_cast<uint8_t>(block[at + kTypeAt]);
      if (at + kHeaderBytes + length > block.size()) {
        Damage(scan_.bytes + at, block.size() < kBlockBytes
                                     ? "a record is cut off"
                                     : "a record's length is wrong");
        scan_.bytes += block.size();
        return;
      }
      ScanRecord(at, type, block.substr(at, kHeaderBytes + length));
      at += kHeaderBytes + length;
    }
    if (!AllZero(block.substr(at))) {
      EndZeros();
      Damage(scan_.bytes + at, block.size() < kBlockBytes
                                   ? "a record is cut off"
                                   : "padding is not zero");
    }
    scan_.bytes += block.size();
  }

  RecordFileScan Finish() && {
    if (zeros_at_.has_value() && !item_begin_.has_value() &&
        !scan_.damaged_at.has_value()) {
      scan_.damaged_at = zeros_at_;
      scan_.damage = kOnlyZeros;
      scan_.zeros_to_end = true;
    }
    if (item_begin_.has_value() && !scan_.damaged_at.has_value()) {
      scan_.damaged_at = item_begin_;
      scan_.damage = "a record is cut off";
    }
    scan_.cut_off =
        scan_.damaged_at.has_value() && !scan_.zeros_to_end && !whole_behind_;
    return std::move(scan_);
  }

 private:
  // `at`: of the file.
  void Damage(uint64_t at, std::string what) {
    if (!scan_.damaged_at.has_value()) {
      scan_.damaged_at = at;
      scan_.damage = std::move(what);
    }
    item_begin_.reset();
  }

  // What stands behind zeros shows that they are damage.
  void EndZeros() {
    if (!zeros_at_.has_value()) return;
    Damage(*zeros_at_, kZeros);
    zeros_at_.reset();
  }

  void ScanRecord(size_t at, uint8_t type, std::string_view record) {
    const uint32_t crc = Crc32c(record.substr(kTypeAt));
    if (LoadLittleEndian<uint32_t>(record.data()) != Masked(crc)) {
      return Damage(scan_.bytes + at,
                    AllZero(record) ? kZeros : "a record's checksum is wrong");
    }
    const bool begins = type == kFull || type == kFirst;
    // A later part of the damaged item may be there though one before is not.
    if (begins && scan_.damaged_at.has_value()) whole_behind_ = true;
    if (begins == item_begin_.has_value() || type < kFull || type > kLast) {
      // After damage a part may stand alone; that says nothing new.
      if (!scan_.damaged_at.has_value()) {
        return Damage(scan_.bytes + at, "parts of records are missing");
      }
      item_begin_.reset();
      if (!begins) return;
    }
    if (type == kFirst) item_begin_ = scan_.bytes + at;
    if (type == kFull || type == kLast) {
      item_begin_.reset();
      ++scan_.items;
    }
  }

  RecordFileScan scan_;
  bool whole_behind_ = false;  // an item begins behind the first damage
  // The first of zeros that go on until here, from where a record might begin.
  std::optional<uint64_t> zeros_at_;
  std::optional<uint64_t> item_begin_;  // of the item whose end is to come
};

}  // namespace

absl::StatusOr<RecordFileScan> ScanRecordFile(const std::string& path) {
  Scanner scanner;
  const absl::Status status = ReadFileInPieces(
      path, kBlockBytes,
      [&scanner](std::string_view block) { scanner.ScanBlock(block); });
  if (!status.ok()) return status;
  return std::move(scanner).Finish();
}

}  // namespace kappa::storage

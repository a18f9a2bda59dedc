#include "storage/record_file_scan.h"

#include <string>

#include "gtest/gtest.h"
#include "proto/wire/crc32c.h"
#include "storage/fixed_width.h"
#include "tests/storage/directory_damage.h"

namespace kappa::storage {
namespace {

constexpr size_t kBlockBytes = 32768;

std::string Record(uint8_t type, const std::string& bytes) {
  std::string body(1, static_cast<char>(type));
  body += bytes;
  const uint32_t crc = Crc32c(body);
  std::string record;
  AppendLittleEndian<uint32_t>(((crc >> 15) | (crc << 17)) + 0xa282ead8u,
                               &record);
  AppendLittleEndian<uint16_t>(static_cast<uint16_t>(bytes.size()), &record);
  return record + body;
}

// Three whole items, the second one over two blocks.
std::string ThreeItems() {
  std::string file = Record(1, std::string(100, 'a'));
  const size_t left = kBlockBytes - file.size() - 7;
  file += Record(2, std::string(left, 'b'));
  file += Record(4, std::string(500, 'c'));
  return file + Record(1, std::string(100, 'd'));
}

class RecordFileScanTest : public testing::Test {
 protected:
  RecordFileScan Scan(const std::string& bytes) {
    const std::string path = testing::TempDir() + "/records";
    WriteAll(path, bytes);
    const auto scan = ScanRecordFile(path);
    EXPECT_TRUE(scan.ok()) << scan.status();
    return *scan;
  }
};

TEST_F(RecordFileScanTest, WholeFile) {
  const RecordFileScan scan = Scan(ThreeItems());
  EXPECT_EQ(scan.damaged_at, std::nullopt) << scan.damage;
  EXPECT_EQ(scan.items, 3u);
  EXPECT_EQ(scan.bytes, ThreeItems().size());
  EXPECT_EQ(Scan("").items, 0u);
}

TEST_F(RecordFileScanTest, EveryFlippedByteIsFound) {
  const std::string whole = ThreeItems();
  for (size_t at = 0; at < whole.size(); at += at < 300 ? 1 : 97) {
    std::string damaged = whole;
    damaged[at] ^= 4;
    EXPECT_TRUE(Scan(damaged).damaged_at.has_value()) << at;
  }
}

TEST_F(RecordFileScanTest, CutsInsideARecordLookTorn) {
  const std::string whole = ThreeItems();
  for (const size_t at : {size_t{50}, size_t{110}, size_t{111}, size_t{20000},
                          kBlockBytes, kBlockBytes + 200, whole.size() - 1}) {
    const RecordFileScan scan = Scan(whole.substr(0, at));
    EXPECT_TRUE(scan.damaged_at.has_value()) << at;
    EXPECT_TRUE(scan.cut_off) << at;
  }
  // Between two items nothing shows.
  EXPECT_EQ(Scan(whole.substr(0, 107)).damaged_at, std::nullopt);
}

TEST_F(RecordFileScanTest, ZerosUpToTheEndAreTold) {
  const std::string whole = ThreeItems();
  for (const size_t zeros : {size_t{7}, size_t{100}, 3 * kBlockBytes}) {
    const RecordFileScan scan = Scan(whole + std::string(zeros, '\0'));
    EXPECT_EQ(scan.damaged_at, whole.size()) << zeros;
    EXPECT_TRUE(scan.zeros_to_end) << zeros;
    EXPECT_EQ(scan.items, 3u);
    EXPECT_EQ(scan.bytes, whole.size() + zeros);
  }
  EXPECT_TRUE(Scan(std::string(kBlockBytes, '\0')).zeros_to_end);
}

TEST_F(RecordFileScanTest, ZerosBeforeAnythingElseAreDamage) {
  const std::string whole = ThreeItems();
  const std::string rest(2 * kBlockBytes - whole.size(), '\0');
  for (const std::string& behind :
       {Record(1, "later"), std::string(8, '\1'), std::string(3, '\1')}) {
    const RecordFileScan scan = Scan(whole + rest + behind);
    EXPECT_EQ(scan.damaged_at, whole.size());
    EXPECT_FALSE(scan.zeros_to_end);
    EXPECT_EQ(scan.damage, "zeros instead of records");
  }
}

TEST_F(RecordFileScanTest, ZerosInsteadOfAnItemsEndLookTorn) {
  // The second item's first part is there.
  const RecordFileScan scan = Scan(ThreeItems().substr(0, kBlockBytes) +
                                   std::string(kBlockBytes, '\0'));
  EXPECT_EQ(scan.damaged_at, 107u);
  EXPECT_TRUE(scan.cut_off);
  EXPECT_FALSE(scan.zeros_to_end);
}

TEST_F(RecordFileScanTest, NamesTheFirstDamage) {
  std::string damaged = ThreeItems();
  damaged[kBlockBytes + 50] ^= 1;
  damaged.replace(kBlockBytes + 507, 107, 107, '\0');
  const RecordFileScan scan = Scan(damaged);
  EXPECT_EQ(scan.damaged_at, kBlockBytes);
  EXPECT_EQ(scan.damage, "a record's checksum is wrong");
  EXPECT_TRUE(scan.cut_off) << "only zeros follow";
  EXPECT_EQ(scan.items, 1u);
  damaged = ThreeItems();
  damaged[kBlockBytes + 50] ^= 1;
  EXPECT_FALSE(Scan(damaged).cut_off) << "the third item is there";
}

// Blocks of one write reach the disk in any order.
TEST_F(RecordFileScanTest, AnItemWithoutItsFirstPartLooksTorn) {
  std::string torn = ThreeItems();
  torn.resize(kBlockBytes + 507);
  torn.replace(107, kBlockBytes - 107, kBlockBytes - 107, '\0');
  EXPECT_TRUE(Scan(torn).cut_off);
  EXPECT_TRUE(Scan(torn + std::string(4096, '\0')).cut_off);
}

TEST_F(RecordFileScanTest, ZeroedRange) {
  std::string damaged = ThreeItems();
  damaged.replace(0, 4096, 4096, '\0');
  const RecordFileScan scan = Scan(damaged);
  EXPECT_EQ(scan.damaged_at, 0u);
  EXPECT_EQ(scan.damage, "zeros instead of records");
}

TEST_F(RecordFileScanTest, MissingFile) {
  EXPECT_TRUE(absl::IsNotFound(ScanRecordFile("/no/such/file").status()));
}

}  // namespace
}  // namespace kappa::storage

#include "storage/watermark.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <string>

#include "gtest/gtest.h"

namespace kappa::storage {
namespace {

WatermarkValue ValueOf(uint64_t cycle) {
  WatermarkValue value;
  value.open_id = 7;
  value.cycle = cycle;
  value.digest.fill(static_cast<uint8_t>(cycle));
  return value;
}

class WatermarkTest : public testing::Test {
 protected:
  WatermarkTest()
      : path_(std::string(std::getenv("TEST_TMPDIR")) + "/" +
              testing::UnitTest::GetInstance()->current_test_info()->name()) {
    std::filesystem::remove(path_);
  }

  WatermarkSlots Slots() const {
    absl::StatusOr<WatermarkSlots> slots = ReadWatermark(path_);
    EXPECT_TRUE(slots.ok()) << slots.status();
    return slots.ok() ? *slots : WatermarkSlots();
  }

  // Writes values through one open file.
  void Advance(std::initializer_list<uint64_t> cycles) {
    auto watermark = Watermark::Open(path_, Slots());
    ASSERT_TRUE(watermark.ok()) << watermark.status();
    for (const uint64_t cycle : cycles) {
      ASSERT_TRUE((*watermark)->Advance(ValueOf(cycle)).ok());
    }
  }

  // Changes a byte of the file.
  void Damage(size_t at) {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(at));
    const char byte = static_cast<char>(file.get());
    file.seekp(static_cast<std::streamoff>(at));
    file.put(static_cast<char>(byte ^ 1));
  }

  const std::string path_;
};

TEST_F(WatermarkTest, NewFileHoldsTheValueTwice) {
  ASSERT_TRUE(Watermark::Create(path_, ValueOf(3)).ok());
  EXPECT_EQ(std::filesystem::file_size(path_), 2 * kWatermarkSlotBytes);
  EXPECT_EQ(Slots().slots[0], ValueOf(3));
  EXPECT_EQ(Slots().slots[1], ValueOf(3));
  EXPECT_FALSE(Slots().damaged());
}

TEST_F(WatermarkTest, SlotsAreWrittenInTurn) {
  ASSERT_TRUE(Watermark::Create(path_, WatermarkValue()).ok());
  Advance({1});
  EXPECT_EQ(Slots().slots[0], ValueOf(1));
  EXPECT_EQ(Slots().slots[1], WatermarkValue());
  Advance({2});
  EXPECT_EQ(Slots().slots[0], ValueOf(1));
  EXPECT_EQ(Slots().slots[1], ValueOf(2));
  Advance({3, 4, 5});
  EXPECT_EQ(Slots().slots[0], ValueOf(5));
  EXPECT_EQ(Slots().slots[1], ValueOf(4));
  EXPECT_EQ(Slots().newest(), ValueOf(5));
}

// Every byte that matters is under the CRC.
TEST_F(WatermarkTest, AnyChangedByteOfTheValueIsDamage) {
  ASSERT_TRUE(Watermark::Create(path_, ValueOf(9)).ok());
  for (size_t at = 0; at < 60; ++at) {
    Damage(at);
    EXPECT_FALSE(Slots().slots[0].has_value()) << "byte " << at;
    EXPECT_EQ(Slots().newest(), ValueOf(9));
    Damage(at);
  }
  EXPECT_FALSE(Slots().damaged());
}

TEST_F(WatermarkTest, TornSlotLeavesTheOlderOne) {
  ASSERT_TRUE(Watermark::Create(path_, WatermarkValue()).ok());
  Advance({1, 2});
  std::filesystem::resize_file(path_, kWatermarkSlotBytes + 30);
  EXPECT_TRUE(Slots().damaged());
  EXPECT_EQ(Slots().newest(), ValueOf(1));
}

TEST_F(WatermarkTest, DamagedSlotIsWrittenFirst) {
  ASSERT_TRUE(Watermark::Create(path_, WatermarkValue()).ok());
  Advance({1, 2});
  Damage(kWatermarkSlotBytes + 20);  // holds 2, the newer one
  Advance({3});
  EXPECT_EQ(Slots().slots[0], ValueOf(1));
  EXPECT_EQ(Slots().slots[1], ValueOf(3));
}

// Two slots of one cycle: what was read as the newest is not the one that the
// next write may tear.
TEST_F(WatermarkTest, TheNewestIsNeverWrittenOver) {
  ASSERT_TRUE(Watermark::Create(path_, ValueOf(4)).ok());
  WatermarkSlots slots = Slots();
  slots.slots[0]->open_id = 17;
  EXPECT_EQ(slots.newest(), ValueOf(4));
  Advance({5});
  EXPECT_EQ(Slots().slots[0], ValueOf(5));
  EXPECT_EQ(Slots().slots[1], ValueOf(4));
}

TEST_F(WatermarkTest, TwoDamagedSlotsSayNothing) {
  ASSERT_TRUE(Watermark::Create(path_, ValueOf(1)).ok());
  Damage(20);
  Damage(kWatermarkSlotBytes + 20);
  EXPECT_EQ(Slots().newest(), std::nullopt);
}

class CycleCopyTest : public WatermarkTest {
 protected:
  static Digest PreviousOf(uint64_t cycle) { return ValueOf(cycle - 1).digest; }
  // Through one open file, each with a copy.
  void AdvanceWithCopy(std::initializer_list<uint64_t> cycles) {
    auto watermark = Watermark::Open(path_, Slots());
    ASSERT_TRUE(watermark.ok()) << watermark.status();
    for (const uint64_t cycle : cycles) {
      ASSERT_TRUE((*watermark)
                      ->BeginAdvance(ValueOf(cycle), PreviousOf(cycle),
                                     BatchOf(cycle)));
      ASSERT_TRUE((*watermark)->EndAdvance().ok());
    }
  }
  static std::string BatchOf(uint64_t cycle) {
    return "batch " + std::to_string(cycle);
  }
};

TEST_F(CycleCopyTest, IsReadWithTheNewestValue) {
  ASSERT_TRUE(Watermark::Create(path_, WatermarkValue()).ok());
  EXPECT_EQ(Slots().copy(), nullptr);
  AdvanceWithCopy({1, 2, 3});
  const WatermarkSlots slots = Slots();
  EXPECT_EQ(slots.slots[0], ValueOf(3));
  EXPECT_EQ(slots.slots[1], ValueOf(2));
  ASSERT_NE(slots.copy(), nullptr);
  EXPECT_EQ(slots.copy()->previous, PreviousOf(3));
  EXPECT_EQ(slots.copy()->batch, BatchOf(3));
  // A larger cycle has none, and nothing is left of the copy before it.
  Advance({4, 5});
  EXPECT_EQ(Slots().newest(), ValueOf(5));
  EXPECT_EQ(Slots().copy(), nullptr);
  EXPECT_EQ(Slots().copies[0], std::nullopt);
  std::ifstream file(path_, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file),
                          std::istreambuf_iterator<char>()};
  EXPECT_EQ(bytes.find("batch"), std::string::npos);
}

// The damaged slot may have held the cycle after it.
TEST_F(CycleCopyTest, DoesNotCountBesideADamagedSlot) {
  ASSERT_TRUE(Watermark::Create(path_, WatermarkValue()).ok());
  AdvanceWithCopy({1, 2});
  Damage(20);  // holds 1
  EXPECT_EQ(Slots().newest(), ValueOf(2));
  EXPECT_EQ(Slots().copy(), nullptr);
}

TEST_F(CycleCopyTest, AnyChangedByteOfItIsDamage) {
  ASSERT_TRUE(Watermark::Create(path_, WatermarkValue()).ok());
  AdvanceWithCopy({1});
  const size_t used = Slots().used_bytes(0);
  EXPECT_EQ(used, 96 + BatchOf(1).size());
  for (size_t at = 0; at < used; ++at) {
    Damage(at);
    EXPECT_FALSE(Slots().slots[0].has_value()) << "byte " << at;
    EXPECT_FALSE(Slots().copies[0].has_value()) << "byte " << at;
    Damage(at);
  }
  EXPECT_FALSE(Slots().damaged());
}

TEST_F(CycleCopyTest, HasALimit) {
  ASSERT_TRUE(Watermark::Create(path_, WatermarkValue()).ok());
  auto watermark = Watermark::Open(path_, Slots());
  ASSERT_TRUE(watermark.ok()) << watermark.status();
  EXPECT_FALSE((*watermark)
                   ->BeginAdvance(ValueOf(1), PreviousOf(1),
                                  std::string(kCycleCopyBytesMax + 1, 'b')));
  EXPECT_EQ(Slots().newest(), WatermarkValue());
  const std::string largest(kCycleCopyBytesMax, 'b');
  ASSERT_TRUE((*watermark)->BeginAdvance(ValueOf(1), PreviousOf(1), largest));
  ASSERT_TRUE((*watermark)->EndAdvance().ok());
  EXPECT_EQ(Slots().copy()->batch, largest);
}

// A process that ends in the middle: a slot is whole or it is the old one.
TEST_F(CycleCopyTest, ClosedInTheMiddle) {
  ASSERT_TRUE(Watermark::Create(path_, WatermarkValue()).ok());
  {
    auto watermark = Watermark::Open(path_, Slots());
    ASSERT_TRUE(
        (*watermark)->BeginAdvance(ValueOf(1), PreviousOf(1), BatchOf(1)));
  }
  EXPECT_FALSE(Slots().damaged());
  EXPECT_EQ(Slots().newest(), ValueOf(1));
}

TEST_F(WatermarkTest, EmptyFileIsTwoDamagedSlots) {
  std::ofstream(path_).close();
  EXPECT_EQ(Slots().newest(), std::nullopt);
}

TEST_F(WatermarkTest, MissingFileIsDataLoss) {
  const absl::StatusOr<WatermarkSlots> slots = ReadWatermark(path_);
  EXPECT_TRUE(absl::IsDataLoss(slots.status())) << slots.status();
}

TEST_F(WatermarkTest, WriteErrorIsReported) {
  // A device that is always full.
  auto watermark = Watermark::Open("/dev/full", WatermarkSlots());
  ASSERT_TRUE(watermark.ok()) << watermark.status();
  EXPECT_TRUE(absl::IsResourceExhausted((*watermark)->Advance(ValueOf(1))));
}

}  // namespace
}  // namespace kappa::storage

#include "storage/generation_ledger.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kappa::storage {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const Uuid kDisk = {1, 2, 3};

// As the store does, with each row as bytes on its way.
void Store(const std::vector<GenerationLedger::Change>& changes,
           EvidenceRows* stored) {
  for (const GenerationLedger::Change& change : changes) {
    if (!change.row.has_value()) {
      stored->erase({change.disk, change.open_id});
      continue;
    }
    const auto row = DecodeEvidenceRow(EncodeEvidenceRow(*change.row));
    ASSERT_TRUE(row.ok());
    EXPECT_EQ(*row, *change.row);
    (*stored)[{change.disk, change.open_id}] = *row;
  }
}

TEST(GenerationLedgerTest, ADirectoryCoversItsOwnOpens) {
  GenerationLedger ledger;
  ledger.Begin(
      {{.open_id = 71, .first_cycle = 1}, {.open_id = 12, .first_cycle = 9}},
      {.open_id = 93, .first_cycle = 41}, {});
  EXPECT_TRUE(ledger.Covers({71, 8}));
  EXPECT_FALSE(ledger.Covers({71, 9}));
  EXPECT_TRUE(ledger.Covers({12, 40}));
  EXPECT_TRUE(ledger.Covers({93, 41}));
  EXPECT_FALSE(ledger.Covers({93, 42}));
  EXPECT_FALSE(ledger.Covers({5, 1}));
}

TEST(GenerationLedgerTest, OnlyWhatHoldsSomethingOfAReplicaIsTold) {
  GenerationLedger ledger;
  ledger.Begin({}, {.open_id = 93, .first_cycle = 41}, {});
  EXPECT_EQ(ledger.Promised(), (Generation{93, 41}));
  ledger.OnDurable(42, true);
  ledger.OnDurable(43, false);
  EXPECT_EQ(ledger.Promised(), (Generation{93, 42}));
  EXPECT_TRUE(ledger.Covers({93, 43}));
  ledger.OnDurable(44, true);
  EXPECT_EQ(ledger.Promised(), (Generation{93, 44}));
}

TEST(GenerationLedgerTest, NewsIsWrittenOnceAndReadBack) {
  GenerationLedger ledger;
  ledger.Begin({}, {.open_id = 93, .first_cycle = 41}, {});
  EXPECT_FALSE(ledger.has_news());
  ledger.Note(kDisk, {5, 100});
  ledger.Note(kDisk, {6, 120});
  ledger.Note(kDisk, {6, 119});
  EXPECT_TRUE(ledger.has_news());
  EvidenceRows stored;
  Store(ledger.TakeRows(), &stored);
  ASSERT_EQ(stored.size(), 2u);
  EXPECT_FALSE(ledger.has_news());
  ledger.Note(kDisk, {6, 120});
  EXPECT_FALSE(ledger.has_news());

  GenerationLedger next;
  next.Begin({{.open_id = 93, .first_cycle = 41}},
             {.open_id = 94, .first_cycle = 50}, stored);
  EXPECT_THAT(next.About(kDisk),
              ElementsAre(Generation{5, 100}, Generation{6, 120}));
  EXPECT_THAT(next.About(Uuid{9}), IsEmpty());
  EXPECT_FALSE(next.has_news());
}

TEST(GenerationLedgerTest, SixteenOpensAreKept) {
  GenerationLedger ledger;
  for (uint64_t open = 1; open <= 20; ++open) ledger.Note(kDisk, {open, open});
  const std::vector<Generation> known = ledger.About(kDisk);
  ASSERT_EQ(known.size(), 16u);
  EXPECT_EQ(known.front(), (Generation{5, 5}));
  EXPECT_EQ(known.back(), (Generation{20, 20}));
}

TEST(GenerationLedgerTest, TheOldestRowMakesRoomForTheNewest) {
  EvidenceRows stored;
  // Ids are random: those of later opens are not greater.
  for (uint64_t open = 20; open >= 1; --open) {
    GenerationLedger ledger;
    ledger.Begin({}, {.open_id = 93, .first_cycle = 41}, stored);
    ledger.Note(kDisk, {open, 7});
    Store(ledger.TakeRows(), &stored);
  }
  GenerationLedger ledger;
  ledger.Begin({}, {.open_id = 93, .first_cycle = 41}, stored);
  const std::vector<Generation> known = ledger.About(kDisk);
  ASSERT_EQ(known.size(), 16u);
  EXPECT_EQ(known.front(), (Generation{16, 7}));
  EXPECT_EQ(known.back(), (Generation{1, 7}));
  EXPECT_EQ(stored.size(), 16u);
}

// Each cycle of a busy node writes news of all others.
TEST(GenerationLedgerTest, NewsOfAnOpenIsOneSmallRow) {
  GenerationLedger ledger;
  for (uint64_t open = 1; open <= 16; ++open) ledger.Note(kDisk, {open, open});
  ledger.TakeRows();
  ledger.Note(kDisk, {16, 17});
  const auto rows = ledger.TakeRows();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows.front().open_id, 16u);
  EXPECT_LT(EncodeEvidenceRow(*rows.front().row).size(), 32u);
}

TEST(GenerationLedgerTest, ADamagedRowIsFound) {
  std::string row = EncodeEvidenceRow({.cycle = 5, .order = 100});
  for (size_t i = 0; i < row.size(); ++i) {
    row[i] ^= 1;
    EXPECT_FALSE(DecodeEvidenceRow(row).ok()) << i;
    row[i] ^= 1;
  }
  EXPECT_FALSE(DecodeEvidenceRow(row.substr(1)).ok());
  EXPECT_TRUE(DecodeEvidenceRow(row).ok());
}

}  // namespace
}  // namespace kappa::storage

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
  const auto rows = ledger.TakeRows();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_FALSE(ledger.has_news());
  ledger.Note(kDisk, {6, 120});
  EXPECT_FALSE(ledger.has_news());

  const auto opens = DecodeEvidenceRow(rows.front().second);
  ASSERT_TRUE(opens.ok());
  GenerationLedger next;
  next.Begin({{.open_id = 93, .first_cycle = 41}},
             {.open_id = 94, .first_cycle = 50},
             {{rows.front().first, *opens}});
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
  const auto decoded = DecodeEvidenceRow(EncodeEvidenceRow(known));
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(*decoded, known);
}

TEST(GenerationLedgerTest, ADamagedRowIsFound) {
  std::string row = EncodeEvidenceRow({{5, 100}});
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

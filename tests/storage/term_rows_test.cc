#include "storage/term_rows.h"

#include <optional>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "storage/memory_log_store.h"
#include "tests/storage/log_script.h"

namespace kappa::storage {
namespace {

using Starts = std::vector<raft::EntryId>;

Starts ManyStarts(size_t count) {
  Starts starts;
  for (uint64_t i = 1; i <= count; ++i) {
    starts.push_back({Term(2 * i), LogIndex(3 * i - 2)});
  }
  return starts;
}

// A log of terms 1 (entries 1 to 3), 4 (4 and 5) and 5 (6), with its rows.
class TermRowsTest : public testing::Test {
 protected:
  TermRowsTest() {
    const ReplicaSpec spec = SpecOfGroup(1);
    replica_ = store_.CreateReplicas({&spec, 1})->front();
    LogScript log(replica_, spec);
    GroupWrite write = log.Empty();
    for (const uint64_t term : {1, 1, 1, 4, 4, 5}) {
      log.set_term(Term(term));
      write.entries.push_back(log.Records("v"));
    }
    EXPECT_TRUE(store_.Commit({&write, 1}).ok());
    Put(kStarts, 0, 0);
  }

  void Put(const Starts& starts, size_t kept, size_t before) {
    GroupWrite write;
    write.replica = replica_;
    write.side_rows = TermRows(replica_, starts, kept, before);
    rows_written_ = write.side_rows.size();
    ASSERT_TRUE(store_.Commit({&write, 1}).ok());
  }
  void Damage(uint64_t index) { store_.DamageEntry(replica_, LogIndex(index)); }
  // Nothing found: the status's index.
  std::optional<Starts> Found() {
    const auto found = FindTermStarts(store_, replica_);
    if (found.ok()) return found->starts;
    EXPECT_TRUE(absl::IsDataLoss(found.status())) << found.status();
    return std::nullopt;
  }

  const Starts kStarts = {
      {Term(1), LogIndex(1)}, {Term(4), LogIndex(4)}, {Term(5), LogIndex(6)}};
  MemoryLogStore store_;
  ReplicaNumber replica_;
  size_t rows_written_ = 0;
};

TEST_F(TermRowsTest, RowsSayWhatWasWritten) {
  EXPECT_EQ(*ReadTermRows(store_, replica_), kStarts);
  for (const size_t count : {size_t{1}, kTermsPerRow, kTermsPerRow + 1,
                             3 * kTermsPerRow, 3 * kTermsPerRow + 7}) {
    Put(ManyStarts(count), 0, 4 * kTermsPerRow);
    EXPECT_EQ(*ReadTermRows(store_, replica_), ManyStarts(count)) << count;
  }
}

TEST_F(TermRowsTest, OnlyWhatChangesIsWritten) {
  Starts starts = ManyStarts(3 * kTermsPerRow);
  Put(starts, 0, 3);
  EXPECT_EQ(rows_written_, 3u);
  // A new term.
  starts.push_back({Term(5'000), LogIndex(9'000)});
  Put(starts, 3 * kTermsPerRow, 3 * kTermsPerRow);
  EXPECT_EQ(rows_written_, 1u);
  EXPECT_EQ(*ReadTermRows(store_, replica_), starts);
  // A cut, and a new term behind it.
  const size_t before = starts.size();
  starts.resize(kTermsPerRow + 5);
  starts.push_back({Term(6'000), LogIndex(9'500)});
  Put(starts, kTermsPerRow + 5, before);
  EXPECT_EQ(rows_written_, 3u);  // one put, two deleted
  EXPECT_EQ(*ReadTermRows(store_, replica_), starts);
  // Everything is cut.
  Put({}, 0, starts.size());
  EXPECT_TRUE(ReadTermRows(store_, replica_)->empty());
}

TEST_F(TermRowsTest, EntriesTellAsLongAsTheyCan) {
  Put(ManyStarts(2), 0, 3);  // another log's
  const auto found = FindTermStarts(store_, replica_);
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->starts, kStarts);
  EXPECT_TRUE(found->damage.ok());
  Damage(5);  // neither the first nor the last of its term
  EXPECT_TRUE(FindTermStarts(store_, replica_).ok());
}

TEST_F(TermRowsTest, RowsTellWhatADamagedEntryWould) {
  for (const uint64_t index : {1, 4, 6, 3, 2}) {
    Damage(index);
    const auto found = FindTermStarts(store_, replica_);
    ASSERT_TRUE(found.ok()) << found.status();
    EXPECT_EQ(found->starts, kStarts);
    EXPECT_TRUE(absl::IsDataLoss(found->damage));
  }
}

TEST_F(TermRowsTest, RowsThatDoNotFitAreNotBelieved) {
  Damage(1);
  const std::vector<Starts> wrong = {
      {},
      {{Term(1), LogIndex(2)}, {Term(4), LogIndex(4)}, {Term(5), LogIndex(6)}},
      // Another last term; none for the last entry.
      {{Term(1), LogIndex(1)}, {Term(4), LogIndex(4)}, {Term(6), LogIndex(6)}},
      {{Term(1), LogIndex(1)}, {Term(4), LogIndex(4)}},
      // Behind the end.
      {{Term(1), LogIndex(1)}, {Term(4), LogIndex(4)}, {Term(5), LogIndex(7)}},
      // Other entries are of other terms.
      {{Term(1), LogIndex(1)}, {Term(4), LogIndex(3)}, {Term(5), LogIndex(6)}},
      {{Term(1), LogIndex(1)}, {Term(4), LogIndex(5)}, {Term(5), LogIndex(6)}},
      {{Term(2), LogIndex(1)}, {Term(4), LogIndex(4)}, {Term(5), LogIndex(6)}},
      {{Term(1), LogIndex(1)}, {Term(5), LogIndex(4)}},
      {{Term(1), LogIndex(1)},
       {Term(4), LogIndex(4)},
       {Term(4), LogIndex(5)},
       {Term(5), LogIndex(6)}},
  };
  size_t before = kStarts.size();
  for (const Starts& starts : wrong) {
    Put(starts, 0, before);
    before = starts.size();
    EXPECT_EQ(Found(), std::nullopt) << starts.size();
  }
  Put(kStarts, 0, before);
  EXPECT_EQ(Found(), kStarts);
}

TEST_F(TermRowsTest, ADamagedRowIsNotBelieved) {
  Damage(1);
  GroupWrite write;
  write.replica = replica_;
  write.side_rows = TermRows(replica_, kStarts, 0, 0);
  (*write.side_rows[0].value)[7] ^= 1;
  ASSERT_TRUE(store_.Commit({&write, 1}).ok());
  EXPECT_TRUE(absl::IsDataLoss(ReadTermRows(store_, replica_).status()));
  EXPECT_EQ(Found(), std::nullopt);
}

}  // namespace
}  // namespace kappa::storage

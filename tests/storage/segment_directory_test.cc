#include "storage/segment_directory.h"

#include <algorithm>
#include <map>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace kappa::storage {
namespace {

constexpr ReplicaNumber kReplica{7};

DirectoryRow RowAt(uint64_t first) {
  return {LogIndex(first), Offset(10 * first),
          static_cast<int64_t>(100 * first)};
}

// A sealed segment with one replica.
SealedRow Sealed(uint64_t segment, uint64_t first, uint64_t entries,
                 uint64_t bytes, ReplicaNumber replica = kReplica) {
  SealedRow row;
  row.segment = SegmentNumber(segment);
  row.replicas.push_back({replica, replica, RowAt(first), entries, bytes});
  return row;
}

class SegmentDirectoryTest : public testing::Test {
 protected:
  SegmentDirectoryTest() { directory_.AddReplica(kReplica, LogIndex(0)); }

  void Put(uint64_t segment, uint64_t first) {
    directory_.PutRow(SegmentNumber(segment), kReplica, RowAt(first));
  }
  // The segment that holds `index`, 0 for none.
  uint64_t SegmentOf(uint64_t index) const {
    const auto range = directory_.Locate(kReplica, LogIndex(index));
    return range.has_value() ? range->segment.value() : 0;
  }

  SegmentDirectory directory_;
};

TEST_F(SegmentDirectoryTest, LocatesByTheRuleOfTheDesign) {
  Put(1, 1);
  Put(2, 60);
  Put(3, 40);
  Put(4, 90);
  EXPECT_EQ(SegmentOf(0), 0u);
  EXPECT_EQ(SegmentOf(1), 1u);
  EXPECT_EQ(SegmentOf(39), 1u);
  EXPECT_EQ(SegmentOf(40), 3u);
  EXPECT_EQ(SegmentOf(75), 3u);
  EXPECT_EQ(SegmentOf(90), 4u);
  EXPECT_EQ(SegmentOf(1'000'000), 4u);
  const SegmentRange range = *directory_.Locate(kReplica, LogIndex(75));
  EXPECT_EQ(range.first, LogIndex(40));
  EXPECT_EQ(range.end, LogIndex(90));
  EXPECT_EQ(range.key_replica, kReplica);
  EXPECT_EQ(directory_.Locate(kReplica, LogIndex(90))->end, kOpenEnd);
  EXPECT_EQ(directory_.row_count(), 3u) << "the row of segment 2 is void";
}

TEST_F(SegmentDirectoryTest, UnknownReplicasHaveNothing) {
  directory_.PutRow(SegmentNumber(1), ReplicaNumber(8), RowAt(1));
  EXPECT_FALSE(directory_.Locate(ReplicaNumber(8), LogIndex(1)).has_value());
  EXPECT_EQ(directory_.row_count(), 0u);
}

TEST_F(SegmentDirectoryTest, TruncationBelowTheActiveSegmentHidesOlderEntries) {
  Put(1, 1);
  Put(2, 50);
  Put(3, 20);  // truncated from 20 on, nothing appended yet
  EXPECT_EQ(SegmentOf(19), 1u);
  EXPECT_EQ(directory_.Locate(kReplica, LogIndex(19))->end, LogIndex(20));
  Put(3, 10);  // and again
  EXPECT_EQ(directory_.Locate(kReplica, LogIndex(9))->end, LogIndex(10));
  EXPECT_EQ(SegmentOf(10), 3u);
}

TEST_F(SegmentDirectoryTest, TheBaseHidesWhatIsBelow) {
  Put(1, 1);
  Put(2, 50);
  Put(3, 100);
  directory_.SetBase(kReplica, LogIndex(70));
  EXPECT_EQ(SegmentOf(70), 0u);
  EXPECT_EQ(SegmentOf(71), 2u);
  EXPECT_EQ(directory_.Locate(kReplica, LogIndex(71))->first, LogIndex(71));
  EXPECT_EQ(directory_.row_count(), 2u);
}

TEST_F(SegmentDirectoryTest, InstallBaseMayRaiseTheActiveRow) {
  Put(1, 1);
  Put(2, 8);
  directory_.SetBase(kReplica, LogIndex(100));
  Put(2, 101);
  EXPECT_EQ(SegmentOf(100), 0u);
  EXPECT_EQ(SegmentOf(101), 2u);
  EXPECT_EQ(directory_.RowIn(SegmentNumber(2), kReplica), RowAt(101));
  EXPECT_EQ(directory_.row_count(), 1u);
}

TEST_F(SegmentDirectoryTest, RowsAreNeededWhenTheyBeginLower) {
  EXPECT_TRUE(RowNeeded(std::nullopt, LogIndex(5)));
  EXPECT_TRUE(RowNeeded(RowAt(6), LogIndex(5)));
  EXPECT_FALSE(RowNeeded(RowAt(5), LogIndex(5)));
  EXPECT_FALSE(RowNeeded(RowAt(4), LogIndex(5)));
}

TEST_F(SegmentDirectoryTest, SealedKeysMayCarryAnotherNumber) {
  SealedRow row = Sealed(1, 1, 9, 1000);
  row.replicas[0].key_replica = ReplicaNumber(99);
  directory_.PutSealed(row);
  Put(2, 10);
  EXPECT_EQ(directory_.Locate(kReplica, LogIndex(9))->key_replica,
            ReplicaNumber(99));
  EXPECT_EQ(directory_.Locate(kReplica, LogIndex(10))->key_replica, kReplica);
}

TEST_F(SegmentDirectoryTest, UsageFallsWithDropsTruncationsAndBases) {
  const ReplicaNumber other(8);
  directory_.AddReplica(other, LogIndex(0));
  SealedRow row = Sealed(1, 1, 100, 100 * 1024);
  row.replicas.push_back({other, other, RowAt(1), 50, 300 * 1024});
  directory_.PutSealed(row);
  const auto usage = [this] { return directory_.SealedUsage().at(0); };
  EXPECT_EQ(usage().bytes, 400u * 1024);
  EXPECT_EQ(usage().dead_bytes(), 0u);
  Put(2, 61);  // 40 of 100 entries are truncated away
  EXPECT_EQ(usage().dead_bytes(), 40u * 1024);
  directory_.SetBase(kReplica, LogIndex(20));
  EXPECT_EQ(usage().dead_bytes(), 60u * 1024);
  directory_.DropReplica(other);
  EXPECT_EQ(usage().dead_bytes(), 360u * 1024);
  directory_.RemoveSealed(SegmentNumber(1));
  EXPECT_TRUE(directory_.SealedUsage().empty());
}

TEST_F(SegmentDirectoryTest, VisibleRangesAreCappedAndOrdered) {
  const ReplicaNumber other(3);
  const ReplicaNumber empty(4);
  directory_.AddReplica(other, LogIndex(0));
  directory_.AddReplica(empty, LogIndex(10));
  Put(1, 1);
  Put(2, 30);
  directory_.PutRow(SegmentNumber(1), other, RowAt(5));
  directory_.PutRow(SegmentNumber(1), empty, RowAt(11));
  const auto visible =
      directory_.VisibleIn(SegmentNumber(1), [&](ReplicaNumber replica) {
        return replica == empty ? LogIndex(10) : LogIndex(40);
      });
  ASSERT_EQ(visible.size(), 2u);
  EXPECT_EQ(visible[0].replica, other);
  EXPECT_EQ(visible[0].end, LogIndex(41));
  EXPECT_EQ(visible[1].replica, kReplica);
  EXPECT_EQ(visible[1].end, LogIndex(30));
}

// The rule as the design words it, over everything that was ever written.
class NaiveDirectory {
 public:
  void Put(uint64_t segment, uint64_t first) { rows_[segment] = first; }
  void set_base(uint64_t base) { base_ = base; }
  uint64_t SegmentOf(uint64_t index) const {
    for (const auto& [segment, first] : rows_) {
      uint64_t end = ~uint64_t{0};
      for (const auto& [later, later_first] : rows_) {
        if (later > segment) end = std::min(end, later_first);
      }
      if (std::max(first, base_ + 1) <= index && index < end) return segment;
    }
    return 0;
  }
  const std::map<uint64_t, uint64_t>& rows() const { return rows_; }
  uint64_t base() const { return base_; }

 private:
  std::map<uint64_t, uint64_t> rows_;
  uint64_t base_ = 0;
};

// One log that appends, truncates, installs bases and seals at random.
class RandomLog {
 public:
  RandomLog(uint64_t seed, SegmentDirectory* directory)
      : random_(seed), directory_(directory) {
    directory_->AddReplica(kReplica, LogIndex(0));
  }

  void Step() {
    switch (random_() % 8) {
      case 0:
        ++active_;
        break;
      case 1:
        if (last_ > naive_.base()) {
          const uint64_t from =
              naive_.base() + 1 + random_() % (last_ - naive_.base());
          PutIfNeeded(from);
          last_ = from - 1;
        }
        break;
      case 2:
        if (random_() % 8 == 0) InstallBase(random_() % (2 * last_ + 2));
        break;
      default:
        PutIfNeeded(last_ + 1);
        last_ += 1 + random_() % 20;
    }
  }

  uint64_t last() const { return last_; }
  const NaiveDirectory& naive() const { return naive_; }

 private:
  void PutIfNeeded(uint64_t first) {
    if (!RowNeeded(directory_->RowIn(SegmentNumber(active_), kReplica),
                   LogIndex(first))) {
      return;
    }
    naive_.Put(active_, first);
    directory_->PutRow(SegmentNumber(active_), kReplica, RowAt(first));
  }
  void InstallBase(uint64_t base) {
    naive_.set_base(base);
    naive_.Put(active_, base + 1);
    directory_->SetBase(kReplica, LogIndex(base));
    directory_->PutRow(SegmentNumber(active_), kReplica, RowAt(base + 1));
    last_ = base;
  }

  std::mt19937_64 random_;
  SegmentDirectory* const directory_;
  NaiveDirectory naive_;
  uint64_t active_ = 1;
  uint64_t last_ = 0;
};

void ExpectSame(const RandomLog& log, const SegmentDirectory& directory,
                uint64_t seed) {
  for (uint64_t index = 0; index <= log.last(); ++index) {
    const auto range = directory.Locate(kReplica, LogIndex(index));
    ASSERT_EQ(range.has_value() ? range->segment.value() : 0,
              log.naive().SegmentOf(index))
        << "seed " << seed << " index " << index;
  }
}

TEST(SegmentDirectoryRandomTest, AgreesWithTheRuleAndWithAReloadedOne) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    SegmentDirectory directory;
    RandomLog log(seed, &directory);
    for (int step = 0; step < 60; ++step) log.Step();
    ASSERT_NO_FATAL_FAILURE(ExpectSame(log, directory, seed));

    std::vector<std::pair<uint64_t, uint64_t>> rows(log.naive().rows().begin(),
                                                    log.naive().rows().end());
    std::shuffle(rows.begin(), rows.end(), std::mt19937_64(seed));
    SegmentDirectory reloaded;
    reloaded.AddReplica(kReplica, LogIndex(log.naive().base()));
    for (const auto& [segment, first] : rows) {
      if (segment % 2 == 0) {
        reloaded.PutSealed(Sealed(segment, first, 1, 1));
      } else {
        reloaded.PutRow(SegmentNumber(segment), kReplica, RowAt(first));
      }
    }
    ASSERT_NO_FATAL_FAILURE(ExpectSame(log, reloaded, seed));
  }
}

TEST(SegmentDirectoryRandomTest, BoundsHoldTheAnswerOfEverySearch) {
  std::mt19937_64 random(5);
  for (int round = 0; round < 100; ++round) {
    SegmentDirectory directory;
    directory.AddReplica(kReplica, LogIndex(0));
    struct Entry {
      uint64_t end_offset;
      int64_t time;
    };
    std::vector<Entry> entries;  // place i: index i + 1
    uint64_t segment = 0;
    for (uint64_t i = 0; i < 100; ++i) {
      const uint64_t base_offset = i == 0 ? 0 : entries[i - 1].end_offset;
      const int64_t last_time = i == 0 ? 0 : entries[i - 1].time;
      const int64_t time = last_time + static_cast<int64_t>(random() % 3);
      if (i == 0 || random() % 10 == 0) {
        // The time may be that of the entry before.
        directory.PutRow(SegmentNumber(++segment), kReplica,
                         {LogIndex(i + 1), Offset(base_offset),
                          random() % 2 == 0 ? time : last_time});
      }
      entries.push_back({base_offset + random() % 3, time});
    }
    for (uint64_t offset = 0; offset <= entries.back().end_offset; ++offset) {
      uint64_t answer = 1;
      while (answer <= 100 && entries[answer - 1].end_offset <= offset) {
        ++answer;
      }
      const IndexBounds bounds =
          directory.BoundsOfOffset(kReplica, Offset(offset));
      ASSERT_LE(bounds.first, LogIndex(answer));
      ASSERT_GE(bounds.last, LogIndex(answer));
    }
    for (int64_t time = 0; time <= entries.back().time + 1; ++time) {
      uint64_t answer = 1;
      while (answer <= 100 && entries[answer - 1].time < time) ++answer;
      const IndexBounds bounds = directory.BoundsOfTime(kReplica, time);
      ASSERT_LE(bounds.first, LogIndex(answer));
      ASSERT_GE(bounds.last, LogIndex(answer));
    }
  }
}

TEST(SegmentDirectoryBoundsTest, OneSegmentIsSearched) {
  SegmentDirectory directory;
  directory.AddReplica(kReplica, LogIndex(0));
  for (uint64_t segment = 1; segment <= 1000; ++segment) {
    directory.PutRow(SegmentNumber(segment), kReplica,
                     RowAt(1 + 100 * (segment - 1)));
  }
  const IndexBounds bounds =
      directory.BoundsOfOffset(kReplica, Offset(10 * 50'050));
  EXPECT_EQ(bounds.first, LogIndex(50'001));
  EXPECT_EQ(bounds.last, LogIndex(50'100));
}

TEST(SegmentDirectoryThreadsTest, ReadersSeeWholeRowsWhileRowsAreAdded) {
  SegmentDirectory directory;
  directory.AddReplica(kReplica, LogIndex(0));
  directory.PutRow(SegmentNumber(1), kReplica, RowAt(1));
  std::thread writer([&directory] {
    for (uint64_t segment = 2; segment <= 2000; ++segment) {
      directory.PutRow(SegmentNumber(segment), kReplica, RowAt(10 * segment));
    }
  });
  uint64_t seen = 1;
  while (seen < 2000) {
    const auto range = directory.Locate(kReplica, LogIndex(1'000'000));
    ASSERT_TRUE(range.has_value());
    ASSERT_GE(range->segment.value(), seen);
    seen = range->segment.value();
    if (seen > 1) {
      ASSERT_EQ(range->first, LogIndex(10 * seen));
    }
  }
  writer.join();
}

}  // namespace
}  // namespace kappa::storage

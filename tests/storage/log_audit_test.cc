#include "storage/log_audit.h"

#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "tests/storage/log_script.h"

namespace kappa::storage {
namespace {

// A log of ten batches after an empty base.
class LogAuditTest : public testing::Test {
 protected:
  LogAuditTest() : log_(ReplicaNumber(1), SpecOfGroup(1)) {
    base_ = log_.position().base;
    for (int i = 0; i < 10; ++i) {
      EntryWrite entry = i == 4 ? log_.Control()
                                : log_.Records("payload " + std::to_string(i));
      entries_.push_back({std::move(entry.header), std::move(entry.payload)});
    }
  }

  LogWalk Walk() const {
    return LogWalk{LogIndex(1), LogIndex(10), LogAudit(base_)};
  }
  // Reads entries_ two at a time; `missing` cannot be read.
  absl::StatusOr<std::vector<StoredEntry>> Read(LogIndex from, LogIndex last,
                                                LogIndex missing) {
    std::vector<StoredEntry> read;
    for (LogIndex at = from; at <= last && read.size() < 2; ++at) {
      if (at == missing) break;
      read.push_back(entries_[at.value() - 1]);
    }
    if (read.empty()) return absl::DataLossError("a bad block");
    return read;
  }

  LogScript log_;
  GroupBase base_;
  std::vector<StoredEntry> entries_;
};

TEST_F(LogAuditTest, AcceptsWhatALeaderWrote) {
  LogAudit audit(base_);
  for (const StoredEntry& entry : entries_) {
    EXPECT_TRUE(audit.Check(entry).ok());
  }
  LogAudit later(entries_[6].header);
  EXPECT_TRUE(later.Check(entries_[7]).ok());
}

TEST_F(LogAuditTest, FindsEachKindOfChange) {
  const auto check = [this](auto change) {
    StoredEntry entry = entries_[5];
    change(&entry);
    LogAudit audit(entries_[4].header);
    return std::string(audit.Check(entry).message());
  };
  EXPECT_EQ(check([](StoredEntry* e) { e->header.term = Term(0); }),
            "entry 6: its term is 0, less than 1 before it");
  EXPECT_EQ(check([](StoredEntry* e) { ++e->header.base_offset; }),
            "entry 6: its offset is 5, not 4");
  EXPECT_EQ(check([](StoredEntry* e) { ++e->header.append_time_us; }),
            "entry 6: it breaks the chain of digests");
  EXPECT_EQ(check([](StoredEntry* e) { e->header.chain[0] ^= 1; }),
            "entry 6: it breaks the chain of digests");
  EXPECT_EQ(check([](StoredEntry* e) {
              e->payload = Payload::FromString("payload ?");
            }),
            "entry 6: the payload's SHA-256 is wrong");
}

TEST_F(LogAuditTest, AHoleBreaksTheChain) {
  LogAudit audit(base_);
  EXPECT_TRUE(audit.Check(entries_[0]).ok());
  EXPECT_TRUE(absl::IsDataLoss(audit.Check(entries_[2])));
  // The entry behind it is compared with it, not with what was before.
  EXPECT_TRUE(audit.Check(entries_[3]).ok());
}

TEST_F(LogAuditTest, AWalkGoesOnBehindDamage) {
  std::vector<uint64_t> visited;
  entries_[7].payload = Payload::FromString("other");
  const auto damage = Walk().Run(
      [this](LogIndex from, LogIndex last) {
        return Read(from, last, LogIndex(3));
      },
      [&](std::vector<StoredEntry> entries) {
        for (const StoredEntry& entry : entries) {
          visited.push_back(entry.header.index.value());
        }
        return true;
      });
  ASSERT_TRUE(damage.ok()) << damage.status();
  ASSERT_EQ(damage->size(), 2u);
  EXPECT_EQ((*damage)[0].first, LogIndex(3));
  EXPECT_EQ((*damage)[0].last, LogIndex(3));
  EXPECT_EQ((*damage)[0].status.message(), "a bad block");
  EXPECT_EQ((*damage)[1].first, LogIndex(8));
  EXPECT_EQ(visited, (std::vector<uint64_t>{1, 2, 4, 5, 6, 7, 9, 10}));
}

TEST_F(LogAuditTest, AWalkEndsWhenItsVisitorSaysSo) {
  int visits = 0;
  const auto damage = Walk().Run(
      [this](LogIndex from, LogIndex last) {
        return Read(from, last, LogIndex(0));
      },
      [&](std::vector<StoredEntry>) { return ++visits < 2; });
  EXPECT_TRUE(damage.ok());
  EXPECT_EQ(visits, 2);
}

// Too many open files say nothing about an entry.
TEST_F(LogAuditTest, OnlyDataLossIsDamage) {
  for (const absl::Status& failed :
       {absl::UnavailableError("too many open files"),
        absl::ResourceExhaustedError("memory"), absl::InternalError("odd")}) {
    int reads = 0;
    const auto damage = Walk().Run(
        [&](LogIndex from,
            LogIndex last) -> absl::StatusOr<std::vector<StoredEntry>> {
          if (++reads == 3) return failed;
          return Read(from, last, LogIndex(0));
        },
        [](std::vector<StoredEntry>) { return true; });
    EXPECT_EQ(damage.status(), failed);
  }
}

TEST_F(LogAuditTest, AWalkEndsWithTheReplica) {
  const auto damage = Walk().Run(
      [](LogIndex, LogIndex) -> absl::StatusOr<std::vector<StoredEntry>> {
        return absl::NotFoundError("dropped");
      },
      [](std::vector<StoredEntry>) { return true; });
  EXPECT_TRUE(absl::IsNotFound(damage.status()));
}

}  // namespace
}  // namespace kappa::storage

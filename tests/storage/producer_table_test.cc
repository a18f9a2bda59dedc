#include "storage/producer_table.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "storage/memory_log_store.h"
#include "tests/storage/log_script.h"
#include "tests/storage/naive_producers.h"

namespace kappa::storage {
namespace {

using Decision = ProducerDecision;

Uuid Id(uint64_t n) {
  Uuid id{};
  for (size_t i = 0; i < 8; ++i) id[i] = static_cast<uint8_t>(n >> (8 * i));
  id[15] = 1;
  return id;
}

ProducerStamp Named(uint64_t n, uint64_t epoch, uint64_t sequence) {
  return {Id(n), epoch, sequence};
}
ProducerStamp Unnamed(uint64_t n, uint64_t sequence) {
  return {Id(n), 0, sequence};
}

class ProducerTableTest : public testing::Test {
 protected:
  ProducerTableTest() { NewLog(1); }

  // Goes on with an empty log of a new replica.
  void NewLog(uint64_t group) {
    const ReplicaSpec spec = SpecOfGroup(group);
    const ReplicaNumber number = store_.CreateReplicas({&spec, 1})->front();
    script_ = std::make_unique<LogScript>(number, spec);
    Reopen();
  }

  // As a restarted process: nothing but the store is left.
  void Reopen() {
    table_ = std::make_unique<ProducerTable>(script_->replica(), &store_,
                                             script_->last(), options_);
  }

  void Write(const GroupWrite& write) {
    ASSERT_TRUE(store_.Commit({&write, 1}).ok());
  }
  void Append(const EntryWrite& entry) {
    GroupWrite write = script_->Empty();
    write.entries.push_back(entry);
    Write(write);
    table_->OnAppended(entry.header);
  }
  // Appends a batch and returns its index.
  LogIndex Batch(const ProducerStamp& stamp,
                 std::optional<std::string> state = std::nullopt) {
    Append(script_->Records("payload", 10, stamp, std::move(state)));
    return script_->last();
  }
  LogIndex Fence(uint64_t n, uint64_t epoch) {
    Append(script_->Control(Named(n, epoch, 0)));
    return script_->last();
  }
  void CommitAll() {
    ASSERT_TRUE(table_->OnCommitted(script_->last(), now_us_).ok());
  }
  void Checkpoint() {
    GroupWrite write = script_->Empty();
    write.side_rows = *table_->TakeCheckpoint();
    Write(write);
    table_->OnCheckpointDurable();
  }
  void Truncate(LogIndex from, const ReplicaPosition& before) {
    Write(script_->TruncateFrom(from, before));
    table_->OnTruncated(from);
  }

  ProducerVerdict Check(const ProducerStamp& stamp,
                        std::optional<uint64_t> previous = std::nullopt,
                        uint64_t session_start = 0) {
    const auto verdict = table_->Check(stamp, previous, Offset(session_start));
    EXPECT_TRUE(verdict.ok()) << verdict.status();
    return *verdict;
  }
  Decision Decide(const ProducerStamp& stamp,
                  std::optional<uint64_t> previous = std::nullopt,
                  uint64_t session_start = 0) {
    return Check(stamp, previous, session_start).decision;
  }

  MemoryLogStore store_;
  ProducerTableOptions options_;
  std::unique_ptr<LogScript> script_;
  std::unique_ptr<ProducerTable> table_;
  int64_t now_us_ = 0;
};

TEST_F(ProducerTableTest, AcceptsTheNextSequenceOnly) {
  EXPECT_EQ(Decide(Named(1, 1, 1)), Decision::kAccept);
  Batch(Named(1, 1, 1));
  EXPECT_EQ(Decide(Named(1, 1, 2)), Decision::kAccept);
  const ProducerVerdict gap = Check(Named(1, 1, 3));
  EXPECT_EQ(gap.decision, Decision::kSequenceGap);
  EXPECT_EQ(gap.last_sequence, 1u);
  EXPECT_EQ(Decide(Named(1, 1, 30), 1), Decision::kAccept);
  EXPECT_EQ(Decide(Named(1, 1, 30), 2), Decision::kSequenceGap);
}

TEST_F(ProducerTableTest, TheFirstBatchNamesZero) {
  EXPECT_EQ(Decide(Named(1, 1, 7)), Decision::kSequenceGap);
  EXPECT_EQ(Check(Named(1, 1, 7)).last_sequence, 0u);
  EXPECT_EQ(Decide(Named(1, 1, 7), 0), Decision::kAccept);
}

TEST_F(ProducerTableTest, ADuplicateOfAPendingBatchWaitsForItsCommit) {
  const LogIndex index = Batch(Named(1, 1, 1));
  Batch(Named(1, 1, 2));
  ProducerVerdict verdict = Check(Named(1, 1, 1));
  EXPECT_EQ(verdict.decision, Decision::kDuplicate);
  EXPECT_EQ(verdict.index, index);
  EXPECT_EQ(verdict.rests_on, index);
  CommitAll();
  verdict = Check(Named(1, 1, 1));
  EXPECT_EQ(verdict.decision, Decision::kDuplicate);
  EXPECT_EQ(verdict.index, index);
  EXPECT_EQ(verdict.rests_on, LogIndex(0));
}

TEST_F(ProducerTableTest, TruncatedBatchesWereNeverThere) {
  Batch(Named(1, 1, 1));
  CommitAll();
  const ReplicaPosition one = script_->position();
  const LogIndex second = Batch(Named(1, 1, 2));
  Fence(1, 5);
  EXPECT_EQ(Decide(Named(1, 1, 3)), Decision::kFenced);
  Truncate(second, one);
  EXPECT_EQ(Decide(Named(1, 1, 2)), Decision::kAccept);
  EXPECT_EQ(Decide(Named(1, 1, 3)), Decision::kSequenceGap);
}

TEST_F(ProducerTableTest, AHigherEpochFencesTheLowerAndGoesOnWithTheSequence) {
  Batch(Named(1, 1, 1));
  CommitAll();
  const LogIndex fence = Fence(1, 2);
  ProducerVerdict verdict = Check(Named(1, 1, 2));
  EXPECT_EQ(verdict.decision, Decision::kFenced);
  EXPECT_EQ(verdict.epoch, 2u);
  EXPECT_EQ(verdict.rests_on, fence);
  CommitAll();
  verdict = Check(Named(1, 1, 2));
  EXPECT_EQ(verdict.decision, Decision::kFenced);
  EXPECT_EQ(verdict.rests_on, LogIndex(0));
  EXPECT_EQ(Decide(Named(1, 2, 2)), Decision::kAccept);
  EXPECT_EQ(Decide(Named(1, 3, 2)), Decision::kAccept);
  EXPECT_EQ(Decide(Named(1, 3, 1)), Decision::kDuplicate)
      << "a sequence means one batch in every epoch";
  Batch(Named(1, 3, 2));
  EXPECT_EQ(Decide(Named(1, 2, 3)), Decision::kFenced)
      << "partitions without a fence are fenced by the first batch";
  EXPECT_EQ(Decide(Named(1, 1, 1)), Decision::kFenced)
      << "the epoch is checked before the sequence";
}

TEST_F(ProducerTableTest, ResultsAreKeptFor128Batches) {
  for (uint64_t sequence = 1; sequence <= 130; ++sequence) {
    Batch(Named(1, 1, sequence));
  }
  CommitAll();
  EXPECT_EQ(Decide(Named(1, 1, 1)), Decision::kSequenceStored);
  EXPECT_EQ(Decide(Named(1, 1, 2)), Decision::kSequenceStored);
  EXPECT_EQ(Check(Named(1, 1, 3)).decision, Decision::kDuplicate);
  EXPECT_EQ(Check(Named(1, 1, 3)).index, LogIndex(3));
  Checkpoint();
  Reopen();
  EXPECT_EQ(Decide(Named(1, 1, 2)), Decision::kSequenceStored);
  EXPECT_EQ(Check(Named(1, 1, 130)).index, LogIndex(130));
}

TEST_F(ProducerTableTest, ASequenceThatWasSkippedIsNotStored) {
  Batch(Named(1, 1, 5));
  Batch(Named(1, 1, 9));
  CommitAll();
  const ProducerVerdict verdict = Check(Named(1, 1, 7));
  EXPECT_EQ(verdict.decision, Decision::kSequenceGap);
  EXPECT_EQ(verdict.last_sequence, 9u);
  EXPECT_EQ(Decide(Named(1, 1, 2)), Decision::kSequenceGap);
}

TEST_F(ProducerTableTest, ASkippedSequenceIsNeverCalledStored) {
  Batch(Named(1, 1, 1));
  Batch(Named(1, 1, 2));
  for (uint64_t sequence = 5; sequence < 5 + 130; ++sequence) {
    Batch(Named(1, 1, sequence));
  }
  CommitAll();
  for (int round = 0; round < 2; ++round) {
    // Their results are gone, and with them which of 1 to 4 there were.
    EXPECT_EQ(Decide(Named(1, 1, 2)), Decision::kUnknown);
    EXPECT_EQ(Decide(Named(1, 1, 3)), Decision::kUnknown);
    EXPECT_EQ(Decide(Named(1, 1, 4)), Decision::kUnknown);
    EXPECT_EQ(Decide(Named(1, 1, 5)), Decision::kSequenceStored);
    EXPECT_EQ(Decide(Named(1, 1, 6)), Decision::kSequenceStored);
    EXPECT_EQ(Decide(Named(1, 1, 7)), Decision::kDuplicate);
    Checkpoint();
    Reopen();
  }
}

TEST_F(ProducerTableTest, ASkipBetweenForgottenAndKeptResultsIsAGap) {
  Batch(Named(1, 1, 1));
  for (uint64_t sequence = 4; sequence < 4 + 128; ++sequence) {
    Batch(Named(1, 1, sequence));
  }
  CommitAll();
  EXPECT_EQ(Decide(Named(1, 1, 1)), Decision::kSequenceStored);
  EXPECT_EQ(Decide(Named(1, 1, 3)), Decision::kSequenceGap);
  EXPECT_EQ(Decide(Named(1, 1, 4)), Decision::kDuplicate);
}

TEST_F(ProducerTableTest, StateComesWithTheLastCommittedBatch) {
  EXPECT_EQ(*table_->Lookup(Id(1)), std::nullopt);
  Batch(Named(1, 1, 1), "lsn 1");
  CommitAll();
  Batch(Named(1, 1, 2), "lsn 2");
  EXPECT_EQ((*table_->Lookup(Id(1)))->state, "lsn 1");
  CommitAll();
  EXPECT_EQ((*table_->Lookup(Id(1)))->state, "lsn 2");
  Fence(1, 4);
  CommitAll();
  EXPECT_EQ((*table_->Lookup(Id(1)))->epoch, 4u);
  EXPECT_EQ((*table_->Lookup(Id(1)))->last_sequence, 2u);
  EXPECT_EQ((*table_->Lookup(Id(1)))->state, "lsn 2");
  Batch(Named(1, 4, 3));
  CommitAll();
  EXPECT_EQ((*table_->Lookup(Id(1)))->state, std::nullopt);
}

TEST_F(ProducerTableTest, UncheckpointedEntriesComeBackFromTheLog) {
  Batch(Named(1, 1, 1), "state");
  CommitAll();
  Checkpoint();
  const LogIndex second = Batch(Named(1, 1, 2));
  CommitAll();
  Reopen();
  EXPECT_EQ(*table_->checkpoint_index(), LogIndex(1));
  ProducerVerdict verdict = Check(Named(1, 1, 2));
  EXPECT_EQ(verdict.decision, Decision::kDuplicate);
  EXPECT_EQ(verdict.index, second);
  EXPECT_EQ(verdict.rests_on, second) << "not known to be committed again yet";
  EXPECT_EQ((*table_->Lookup(Id(1)))->last_sequence, 1u);
  CommitAll();
  EXPECT_EQ((*table_->Lookup(Id(1)))->last_sequence, 2u);
}

TEST_F(ProducerTableTest, ACheckpointThatIsNotDurableDoesNotHideRecords) {
  options_.cached_records_max = 0;
  Reopen();
  Batch(Named(1, 1, 1));
  CommitAll();
  const auto lost = table_->TakeCheckpoint();
  ASSERT_TRUE(lost.ok());
  for (uint64_t n = 2; n < 20; ++n) {
    EXPECT_EQ(Decide(Named(n, 1, 1)), Decision::kAccept);
  }
  EXPECT_EQ(Decide(Named(1, 1, 1)), Decision::kDuplicate);
}

TEST_F(ProducerTableTest, EvictedSessionsAreUnknownAndNewOnesAreNot) {
  options_.unnamed_sessions_max = 3;
  Reopen();
  for (uint64_t n = 1; n <= 3; ++n) Batch(Unnamed(n, 1));  // offsets 0 .. 29
  Batch(Unnamed(1, 2));                                    // 30 .. 39
  CommitAll();
  EXPECT_EQ(Decide(Unnamed(4, 1), std::nullopt, 0), Decision::kAccept);
  Batch(Unnamed(4, 1));  // 40 .. 49; evicts 2, whose last offset is 19
  CommitAll();
  EXPECT_EQ(Decide(Unnamed(2, 2), std::nullopt, 0), Decision::kUnknown);
  EXPECT_EQ(Decide(Unnamed(2, 1), std::nullopt, 19), Decision::kUnknown);
  EXPECT_EQ(Decide(Unnamed(5, 1), std::nullopt, 20), Decision::kAccept);
  EXPECT_EQ(Decide(Unnamed(1, 3)), Decision::kAccept)
      << "a known session needs no start";
  Checkpoint();
  Reopen();
  EXPECT_EQ(Decide(Unnamed(2, 1), std::nullopt, 19), Decision::kUnknown);
  EXPECT_EQ(Decide(Unnamed(1, 2)), Decision::kDuplicate);
  EXPECT_EQ(Decide(Unnamed(3, 1)), Decision::kDuplicate);
}

TEST_F(ProducerTableTest, ASessionEvictedWhileItsBatchIsPendingStaysExact) {
  options_.unnamed_sessions_max = 1;
  Reopen();
  Batch(Unnamed(1, 1));
  CommitAll();
  Batch(Unnamed(2, 1));
  Batch(Unnamed(1, 2));  // accepted while 1 was known
  CommitAll();
  EXPECT_EQ(Decide(Unnamed(1, 1)), Decision::kUnknown);
  EXPECT_EQ(Decide(Unnamed(1, 2)), Decision::kDuplicate);
  EXPECT_EQ(Decide(Unnamed(1, 3)), Decision::kAccept);
  EXPECT_EQ(Decide(Unnamed(2, 2), std::nullopt, 0), Decision::kUnknown);
}

TEST_F(ProducerTableTest, AnEvictedSessionIsUnknownBelowItsPendingBatches) {
  options_.unnamed_sessions_max = 1;
  Reopen();
  Batch(Unnamed(1, 1));
  CommitAll();
  Batch(Unnamed(1, 2));
  const LogIndex other = Batch(Unnamed(2, 1));
  Batch(Unnamed(1, 3));  // accepted while 1 was known
  Batch(Unnamed(1, 6));
  ASSERT_TRUE(table_->OnCommitted(other, now_us_).ok());  // evicts 1
  EXPECT_EQ(Decide(Unnamed(1, 1)), Decision::kUnknown) << "it is stored";
  EXPECT_EQ(Decide(Unnamed(1, 2)), Decision::kUnknown) << "it is stored";
  EXPECT_EQ(Decide(Unnamed(1, 3)), Decision::kDuplicate);
  EXPECT_EQ(Decide(Unnamed(1, 5)), Decision::kSequenceGap) << "never sent";
  EXPECT_EQ(Decide(Unnamed(1, 7)), Decision::kAccept);
}

TEST_F(ProducerTableTest, ANamedProducerCannotDropItsEpoch) {
  Batch(Named(1, 3, 1));
  const ProducerVerdict verdict = Check(Unnamed(1, 2));
  EXPECT_EQ(verdict.decision, Decision::kFenced);
  EXPECT_EQ(verdict.epoch, 3u);
}

TEST_F(ProducerTableTest, CheckpointsAreDueByBytesTimeAndRecords) {
  options_.checkpoint_bytes = 100;
  options_.checkpoint_period_us = 1000;
  options_.checkpoint_records = 5;
  Reopen();
  CommitAll();
  EXPECT_FALSE(table_->CheckpointDue(1'000'000)) << "nothing has happened";
  now_us_ = 50;
  Batch({});
  CommitAll();
  EXPECT_FALSE(table_->CheckpointDue(1049));
  EXPECT_TRUE(table_->CheckpointDue(1050));
  Checkpoint();
  EXPECT_FALSE(table_->CheckpointDue(10'000));
  EXPECT_EQ(*table_->checkpoint_index(), script_->last());
  Append(script_->Records(std::string(100, 'x')));
  CommitAll();
  EXPECT_TRUE(table_->CheckpointDue(now_us_)) << "by bytes";
  Checkpoint();
  for (uint64_t n = 1; n <= 5; ++n) Fence(n, 1);
  CommitAll();
  EXPECT_TRUE(table_->CheckpointDue(now_us_)) << "by records";
  EXPECT_TRUE(table_->TakeCheckpoint().ok());
  EXPECT_FALSE(table_->CheckpointDue(1'000'000)) << "one is under way";
}

TEST_F(ProducerTableTest, NothingIsReadOrKeptWithoutProducers) {
  Append(script_->Control());
  Append(script_->Records("payload"));
  store_.DamageEntry(script_->replica(), LogIndex(1));
  Reopen();
  Append(script_->Control());
  CommitAll();  // would fail if it read the log
  EXPECT_EQ(table_->cached_records(), 0u);
  EXPECT_EQ(
      table_->Check(Named(1, 1, 1), std::nullopt, Offset(0)).status().code(),
      absl::StatusCode::kDataLoss);
}

TEST_F(ProducerTableTest, AnInstalledBaseBringsItsOwnRows) {
  Batch(Named(1, 1, 1));
  CommitAll();
  GroupBase base = script_->position().base;
  base.id = {Term(1), LogIndex(50)};
  base.offset = Offset(500);
  GroupWrite write = script_->InstallBase(base);
  // As another replica would send them.
  ProducerRecord record;
  record.Fold({LogIndex(40), raft::EntryKind::kRecords, Named(1, 2, 7),
               Offset(400), std::nullopt});
  const ReplicaNumber replica = script_->replica();
  write.side_rows = {
      {SideTable::kProducers, ProducerRecordKey(replica, {Id(1), true}),
       EncodeProducerRecord(record)},
      {SideTable::kProducers, ProducerCheckpointKey(replica),
       EncodeProducerCheckpoint({LogIndex(50), Offset(0), 0})}};
  Write(write);
  table_->OnBaseInstalled(LogIndex(50));
  EXPECT_EQ(Decide(Named(1, 1, 2)), Decision::kFenced);
  EXPECT_EQ(Check(Named(1, 2, 7)).index, LogIndex(40));
  EXPECT_EQ(Decide(Named(1, 2, 8)), Decision::kAccept);
}

TEST_F(ProducerTableTest, ManyProducersTakeBoundedMemory) {
  options_.cached_records_max = 100;
  options_.checkpoint_records = 1000;
  Reopen();
  constexpr uint64_t kProducers = 20'000;
  for (uint64_t n = 1; n <= kProducers; ++n) {
    Batch(Named(n, 1, 1));
    CommitAll();
    if (table_->CheckpointDue(now_us_)) Checkpoint();
    ASSERT_LE(table_->cached_records(), 1000u + 2 * 100u + 1);
  }
  Checkpoint();
  for (uint64_t n = 1; n <= kProducers; n += 7) {
    ASSERT_EQ(Decide(Named(n, 1, 1)), Decision::kDuplicate) << n;
    ASSERT_LE(table_->cached_records(), 2 * 100u + 1);
  }
}

TEST_F(ProducerTableTest, RecordsComeBackEqualAndDamageIsSeen) {
  ProducerRecord record;
  for (uint64_t sequence = 3; sequence < 500; sequence += 3) {
    record.Fold({LogIndex(2 * sequence), raft::EntryKind::kRecords,
                 Named(1, 9, sequence), Offset(sequence), "state"});
  }
  std::string bytes = EncodeProducerRecord(record);
  EXPECT_EQ(*DecodeProducerRecord(bytes), record);
  EXPECT_LT(bytes.size(), 400u);
  bytes[20] ^= 1;
  EXPECT_EQ(DecodeProducerRecord(bytes).status().code(),
            absl::StatusCode::kDataLoss);
}

// Random batches, fences, retries, commits, truncations, checkpoints and
// restarts; every decision is compared with the model's.
class ProducerTableRandomTest : public ProducerTableTest {
 protected:
  void Run(uint64_t seed) {
    options_.unnamed_sessions_max = kSessionsMax;
    options_.cached_records_max = 2;
    NewLog(seed);
    random_.seed(seed);
    model_ = NaiveProducers(kSessionsMax);
    std::fill(std::begin(epochs_), std::end(epochs_), 0);
    checkpoint_ = LogIndex(0);
    history_.clear();
    for (int step = 0; step < 1200; ++step) {
      Step(random_() % 100);
      for (int i = 0; i < 3; ++i) {
        ASSERT_NO_FATAL_FAILURE(CompareOne())
            << "seed " << seed << " step " << step;
      }
    }
  }

  std::map<Decision, int> decisions_;  // compared, of all runs

 private:
  static constexpr size_t kSessionsMax = 3;

  ProducerStamp RandomStamp() {
    // One producer is busy enough for its oldest results to be dropped.
    const uint64_t n = random_() % 5 < 3
                           ? std::min(random_() % 5, random_() % 5)
                           : 5 + random_() % 40;
    ProducerStamp stamp;
    stamp.id = Id(n);
    stamp.epoch = n < 5 ? 1 + epochs_[n] - (random_() % 8 == 0 ? 1 : 0) : 0;
    if (n < 5 && stamp.epoch == 0) stamp.epoch = 1;
    const uint64_t last = model_.LastSequence(stamp);
    stamp.sequence = random_() % 4 == 0 ? 1 + random_() % (last + 3) : last + 1;
    return stamp;
  }

  void CompareOne() {
    const ProducerStamp stamp = RandomStamp();
    std::optional<uint64_t> previous;
    if (random_() % 4 == 0) previous = random_() % stamp.sequence;
    // A session knows when it began; a new one has not begun after the end.
    const uint64_t end = script_->position().end_offset.value();
    const Offset start(
        random_() % 3 == 0
            ? model_.FirstOffset(stamp).value_or(Offset(end)).value()
            : random_() %
                  (1 +
                   model_.FirstOffset(stamp).value_or(Offset(end)).value()));
    const auto verdict = table_->Check(stamp, previous, start);
    ASSERT_TRUE(verdict.ok()) << verdict.status();
    const ProducerVerdict expected =
        model_.Check(stamp, previous.value_or(stamp.sequence - 1), start);
    ASSERT_EQ(verdict->decision, expected.decision);
    ++decisions_[expected.decision];
    switch (expected.decision) {
      case Decision::kDuplicate:
        ASSERT_EQ(verdict->index, expected.index);
        ASSERT_EQ(verdict->rests_on, expected.rests_on);
        break;
      case Decision::kFenced:
        ASSERT_EQ(verdict->epoch, expected.epoch);
        ASSERT_EQ(verdict->rests_on, expected.rests_on);
        break;
      case Decision::kSequenceGap:
        ASSERT_EQ(verdict->last_sequence, expected.last_sequence);
        break;
      case Decision::kAccept:
        if (random_() % 2 == 0) AppendToBoth(stamp);
        break;
      default:
        break;
    }
  }

  void AppendToBoth(const ProducerStamp& stamp) {
    Batch(stamp);
    model_.Append({script_->last(), raft::EntryKind::kRecords, stamp,
                   script_->position().end_offset, std::nullopt});
  }

  void Step(uint64_t dice) {
    if (dice < 40) {
      const uint64_t pending = script_->last() - model_.committed();
      if (pending == 0) return;
      const LogIndex to = model_.committed() + 1 + random_() % pending;
      ASSERT_TRUE(table_->OnCommitted(to, now_us_).ok());
      model_.Commit(to);
    } else if (dice < 50) {
      const uint64_t n = random_() % 5;
      epochs_[n] += random_() % 2;
      const LogIndex index = Fence(n, 1 + epochs_[n]);
      model_.Append({index, raft::EntryKind::kProducerFence,
                     Named(n, 1 + epochs_[n], 0),
                     script_->position().end_offset, std::nullopt});
    } else if (dice < 55) {
      TruncateBoth();
    } else if (dice < 60) {
      Checkpoint();
      checkpoint_ = model_.committed();
    } else if (dice < 63) {
      Reopen();
      model_.set_committed(checkpoint_);
    } else if (dice < 66) {
      // Written, but the process ends before it is durable.
      ASSERT_TRUE(table_->TakeCheckpoint().ok());
      Reopen();
      model_.set_committed(checkpoint_);
    } else if (dice < 70) {
      Append(script_->Control());
    }
    history_.emplace_back(script_->last(), script_->position());
  }

  void TruncateBoth() {
    // Back to a position seen before, above everything ever committed.
    for (auto it = history_.rbegin(); it != history_.rend(); ++it) {
      if (it->first < model_.highest_committed()) break;
      if (it->first >= script_->last() || random_() % 2 == 0) continue;
      Truncate(it->first.Next(), it->second);
      model_.Truncate(it->first.Next());
      history_.erase(it.base(), history_.end());
      return;
    }
  }

  std::mt19937_64 random_;
  NaiveProducers model_{kSessionsMax};
  uint64_t epochs_[5] = {};
  LogIndex checkpoint_;
  std::vector<std::pair<LogIndex, ReplicaPosition>> history_;
};

TEST_F(ProducerTableRandomTest, AgreesWithAModelThatRemembersEverything) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    ASSERT_NO_FATAL_FAILURE(Run(seed));
  }
  for (const Decision decision :
       {Decision::kAccept, Decision::kDuplicate, Decision::kFenced,
        Decision::kSequenceGap, Decision::kSequenceStored,
        Decision::kUnknown}) {
    EXPECT_GT(decisions_[decision], 5) << static_cast<int>(decision);
  }
}

}  // namespace
}  // namespace kappa::storage

// What a GroupLog keeps until it knows more. Three voters; this is the first.
#include "server/group_log.h"

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/received_entries.h"
#include "storage/damaged_index.h"
#include "storage/memory_log_store.h"
#include "tests/server/manual_clock.h"
#include "tests/storage/log_script.h"

namespace kappa::server {
namespace {

using storage::EntryWrite;
using storage::LogScript;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr GroupId kGroup{7};

ReplicaId Replica(uint64_t node) { return {NodeId(node), Incarnation(1)}; }

// The store holds five entries of term 1, of which nothing more is known.
class GroupLogTest : public testing::Test {
 protected:
  GroupLogTest() {
    replica_.spec.group = kGroup;
    replica_.spec.self = Replica(1);
    replica_.spec.configuration.voters = {Replica(1), Replica(2), Replica(3)};
    replica_.number = store_.CreateReplicas({&replica_.spec, 1})->front();
    LogScript script(replica_.number, replica_.spec);
    storage::GroupWrite write = script.Empty();
    for (int i = 0; i < 5; ++i) {
      if (i == 2) third_ = script.position();
      write.entries.push_back(script.Records("v"));
    }
    write.hard_state = raft::HardState{Term(1), Replica(2)};
    EXPECT_TRUE(store_.Commit({&write, 1}).ok());
    log_.emplace(*GroupLog::Recover(store_, replica_, &append_clock_));
  }

  // From the leader of `term`, of entries after `previous`.
  raft::Message AppendRequest(Term term, raft::EntryId previous,
                              LogIndex committed) {
    raft::Message message;
    message.type = raft::MessageType::kAppendRequest;
    message.from = Replica(2);
    message.to = Replica(1);
    message.group = kGroup;
    message.term = term;
    message.previous = previous;
    message.committed = committed;
    return message;
  }
  absl::Status Step(raft::Message message, std::vector<EntryWrite> entries) {
    std::vector<Payload> contents;
    for (EntryWrite& entry : entries) {
      const storage::StoredEntry stored{std::move(entry.header),
                                        std::move(entry.payload)};
      message.entries.push_back(*MetaOf(stored));
      contents.push_back(ContentOf(stored));
    }
    return log_->Step(std::move(message), std::move(contents));
  }
  // Of replica 2, which was asked for it.
  absl::Status Answer(const storage::StoredEntry& entry) {
    raft::Message message = AppendRequest(Term(1), {}, LogIndex());
    message.type = raft::MessageType::kRepairResponse;
    message.granted = true;
    message.holding = raft::Holding::kHolds;
    message.last = {entry.header.term, entry.header.index};
    message.chain = Digest();
    return Step(std::move(message), {{entry.header, entry.payload}});
  }
  // What replica 2 is asked for, if it is asked next.
  std::set<LogIndex> AskedFor() {
    std::set<LogIndex> asked;
    for (int tick = 0; tick < 40; ++tick) {
      log_->Tick();
      for (const GroupMessage& sent : Collect().messages) {
        if (sent.message.type == raft::MessageType::kRepairRequest) {
          asked.insert(sent.message.last.index);
        }
      }
    }
    return asked;
  }
  GroupLog::Progress Collect() {
    WriteCycle cycle;
    return log_->Collect(nullptr, &cycle);
  }
  // Likewise; what is to be written is durable when this returns.
  GroupLog::Progress CollectDurable() {
    WriteCycle cycle;
    GroupLog::Progress progress = log_->Collect(nullptr, &cycle);
    EXPECT_TRUE(store_.Commit(cycle.writes).ok());
    for (const WriteInFlight& write : cycle.in_flight) {
      log_->OnDurable(*write.token);
    }
    return progress;
  }
  void AnswerReads(const GroupLog::Progress& progress) {
    for (const LogRead& read : progress.reads) {
      log_->OnLogRead(read.id,
                      store_.Read(replica_.number, read.from, read.last,
                                  read.bytes_max, read.read_class));
    }
  }
  // The leader of term 1 says how far all is committed.
  void CommitUpTo(uint64_t index) {
    ASSERT_TRUE(
        Step(AppendRequest(Term(1), {Term(1), LogIndex(5)}, LogIndex(index)),
             {})
            .ok());
    Collect();
  }
  storage::StoredEntry Stored(uint64_t index) {
    return store_
        .Read(replica_.number, LogIndex(index), LogIndex(index), 1000,
              storage::ReadClass::kPoint)
        ->front();
  }

  storage::MemoryLogStore store_;
  storage::ReplicaInfo replica_;
  storage::ReplicaPosition third_;  // before the third entry
  ManualClock clock_{1'767'225'600'000'000};
  AppendClock append_clock_{&clock_};
  std::optional<GroupLog> log_;
};

// The core may cut what is not committed: where the cut log ends must be known.
TEST_F(GroupLogTest, DamageAboveTheCommitIndexIsToldOnceItsCutIsKnown) {
  log_->OnEntriesDamaged(LogIndex(3), LogIndex(4));
  EXPECT_THAT(log_->core().damaged(), IsEmpty());
  const GroupLog::Progress progress = Collect();
  ASSERT_EQ(progress.reads.size(), 1u);
  EXPECT_EQ(progress.reads[0].from, LogIndex(2));
  AnswerReads(progress);
  Collect();
  EXPECT_THAT(log_->core().damaged(), ElementsAre(LogIndex(3), LogIndex(4)));
  EXPECT_THAT(AskedFor(), UnorderedElementsAre(LogIndex(3), LogIndex(4)));
}

// What cannot be read before it is damaged, too, and told first.
TEST_F(GroupLogTest, ACutIsLookedForBelowAllThatIsDamaged) {
  log_->OnEntriesDamaged(LogIndex(4), LogIndex(4));
  store_.DamageEntry(replica_.number, LogIndex(3));
  AnswerReads(Collect());
  EXPECT_THAT(log_->core().damaged(), IsEmpty());
  log_->OnEntriesDamaged(LogIndex(3), LogIndex(3));
  for (int i = 0; i < 2; ++i) {
    log_->Tick();
    AnswerReads(Collect());
  }
  Collect();
  EXPECT_THAT(log_->core().damaged(), ElementsAre(LogIndex(3), LogIndex(4)));
}

TEST_F(GroupLogTest, WhatIsCommittedIsToldAtOnce) {
  CommitUpTo(3);
  log_->OnEntriesDamaged(LogIndex(2), LogIndex(3));
  EXPECT_THAT(log_->core().damaged(), ElementsAre(LogIndex(2), LogIndex(3)));
  // Behind those no read is needed.
  log_->OnEntriesDamaged(LogIndex(4), LogIndex(4));
  EXPECT_THAT(log_->core().damaged(),
              ElementsAre(LogIndex(2), LogIndex(3), LogIndex(4)));
}

// It is no copy that a leader could count.
TEST_F(GroupLogTest, ADamagedCopyIsNotAcknowledged) {
  log_->OnEntriesDamaged(LogIndex(3), LogIndex(3));
  AnswerReads(Collect());
  Collect();
  ASSERT_TRUE(
      Step(AppendRequest(Term(1), {Term(1), LogIndex(5)}, LogIndex(0)), {})
          .ok());
  LogIndex match(99);
  for (const GroupMessage& sent : Collect().messages) {
    if (sent.message.type != raft::MessageType::kAppendResponse) continue;
    match = sent.message.match;
    EXPECT_TRUE(sent.message.unfit);
  }
  EXPECT_EQ(match, LogIndex(2));
}

// A majority never had it: the log ends before it.
TEST_F(GroupLogTest, DamageThatNobodyHasIsCutOff) {
  log_->OnEntriesDamaged(LogIndex(3), LogIndex(4));
  AnswerReads(Collect());
  Collect();
  ASSERT_TRUE(log_->repairing());
  EXPECT_FALSE(log_->MayBeReplaced(LogIndex(3)));
  std::optional<LogIndex> cut;
  for (int tick = 0; tick < 1000 && !cut.has_value(); ++tick) {
    log_->Tick();
    GroupLog::Progress progress = CollectDurable();
    GroupLog::Progress later = CollectDurable();
    cut = progress.truncated_from.has_value() ? progress.truncated_from
                                              : later.truncated_from;
    std::vector<GroupMessage> messages = std::move(progress.messages);
    for (GroupMessage& more : later.messages) messages.push_back(more);
    for (const GroupMessage& sent : messages) {
      raft::Message answer;
      if (sent.message.type == raft::MessageType::kPreVoteRequest) {
        answer.type = raft::MessageType::kPreVoteResponse;
        answer.granted = true;
      } else if (sent.message.type == raft::MessageType::kVoteRequest) {
        answer.type = raft::MessageType::kVoteResponse;
        answer.doubted = sent.message.doubted;
        EXPECT_EQ(answer.doubted.index, LogIndex(3));
        answer.holding = raft::Holding::kLacks;
      } else {
        continue;
      }
      answer.from = sent.message.to;
      answer.to = Replica(1);
      answer.group = kGroup;
      answer.term = sent.message.term;
      ASSERT_TRUE(log_->Step(answer, {}).ok());
    }
  }
  EXPECT_EQ(cut, LogIndex(3));
  EXPECT_EQ(log_->core().last().index, LogIndex(2));
  EXPECT_EQ(log_->tail().last.index, LogIndex(2));
  EXPECT_FALSE(log_->repairing());
  // Who read one of them before may tell so late.
  EXPECT_TRUE(log_->MayBeReplaced(LogIndex(3)));
  EXPECT_FALSE(log_->MayBeReplaced(LogIndex(2)));
}

// Those that nobody has do not keep the others from being asked for.
TEST_F(GroupLogTest, EveryDamagedEntryIsAskedForInTurn) {
  LogScript script(replica_.number, *store_.Position(replica_.number));
  storage::GroupWrite write = script.Empty();
  for (int i = 0; i < 60; ++i) write.entries.push_back(script.Records("v"));
  ASSERT_TRUE(store_.Commit({&write, 1}).ok());
  log_.emplace(*GroupLog::Recover(store_, replica_, &append_clock_));
  ASSERT_TRUE(
      Step(AppendRequest(Term(1), {Term(1), LogIndex(65)}, LogIndex(65)), {})
          .ok());
  Collect();
  std::set<LogIndex> damaged;
  for (uint64_t index = 1; index <= 65; index += 2) {
    log_->OnEntriesDamaged(LogIndex(index), LogIndex(index));
    damaged.insert(LogIndex(index));
  }
  std::set<LogIndex> asked;
  for (int i = 0; i < 10; ++i) asked.merge(AskedFor());
  EXPECT_EQ(asked, damaged);
}

// Nothing is put back before it is proven, nor served before it is durable.
TEST_F(GroupLogTest, ARepairIsProvenThenWrittenThenTold) {
  log_->OnEntriesDamaged(LogIndex(3), LogIndex(4));
  ASSERT_TRUE(
      Step(AppendRequest(Term(1), {Term(1), LogIndex(5)}, LogIndex(5)), {})
          .ok());
  const std::vector<storage::StoredEntry> stored =
      *store_.Read(replica_.number, LogIndex(3), LogIndex(4), 1000,
                   storage::ReadClass::kPoint);
  EXPECT_THAT(AskedFor(), UnorderedElementsAre(LogIndex(3), LogIndex(4)));
  uint64_t id = 0;
  const auto check = [&] {
    ASSERT_TRUE(Answer(stored[0]).ok());
    ASSERT_TRUE(Answer(stored[1]).ok());
    WriteCycle cycle;
    const GroupLog::Progress progress = log_->Collect(nullptr, &cycle);
    ASSERT_TRUE(progress.repair_check.has_value());
    EXPECT_EQ(progress.repair_check->entries.size(), 2u);
    id = progress.repair_check->id;
    EXPECT_TRUE(cycle.empty());
  };
  check();
  log_->OnRepairsChecked(id, {false, false});
  WriteCycle cycle;
  log_->Collect(nullptr, &cycle);
  EXPECT_TRUE(cycle.empty());
  EXPECT_TRUE(log_->repairing());
  check();
  log_->OnRepairsChecked(id, {true, true});
  log_->Collect(nullptr, &cycle);
  std::vector<LogIndex> repaired;
  for (size_t i = 0; i < cycle.writes.size(); ++i) {
    for (const EntryWrite& repair : cycle.writes[i].repairs) {
      repaired.push_back(repair.header.index);
    }
    log_->OnDurable(*cycle.in_flight[i].token);
  }
  EXPECT_THAT(repaired, ElementsAre(LogIndex(3), LogIndex(4)));
  EXPECT_THAT(Collect().repaired, ElementsAre(LogIndex(3), LogIndex(4)));
  EXPECT_FALSE(log_->repairing());
  EXPECT_THAT(log_->core().damaged(), IsEmpty());
  EXPECT_TRUE(log_->MayBeReplaced(LogIndex(3)));
  EXPECT_FALSE(log_->MayBeReplaced(LogIndex(2)));
}

// Several replicas are asked in turn, so an answer may come again at any time.
TEST_F(GroupLogTest, AnAnswerThatComesAgainIsHarmless) {
  log_->OnEntriesDamaged(LogIndex(3), LogIndex(3));
  ASSERT_TRUE(
      Step(AppendRequest(Term(1), {Term(1), LogIndex(5)}, LogIndex(5)), {})
          .ok());
  const storage::StoredEntry stored =
      store_
          .Read(replica_.number, LogIndex(3), LogIndex(3), 1000,
                storage::ReadClass::kPoint)
          ->front();
  AskedFor();
  ASSERT_TRUE(Answer(stored).ok());
  const std::optional<RepairCheck> first = Collect().repair_check;
  ASSERT_TRUE(first.has_value());
  // While it is checked.
  ASSERT_TRUE(Answer(stored).ok());
  EXPECT_FALSE(Collect().repair_check.has_value());
  log_->OnRepairsChecked(first->id, {true});
  // While it is written.
  ASSERT_TRUE(Answer(stored).ok());
  WriteCycle cycle;
  const std::optional<RepairCheck> second =
      log_->Collect(nullptr, &cycle).repair_check;
  ASSERT_TRUE(second.has_value());
  EXPECT_NE(second->id, first->id);
  // An end that was told before is not the end of this one.
  log_->OnRepairsChecked(first->id, {true});
  ASSERT_FALSE(cycle.in_flight.empty());
  for (const auto& written : cycle.in_flight) log_->OnDurable(*written.token);
  EXPECT_FALSE(log_->repairing());
  log_->OnRepairsChecked(second->id, {true});
  WriteCycle after;
  EXPECT_THAT(log_->Collect(nullptr, &after).repaired,
              ElementsAre(LogIndex(3)));
  EXPECT_TRUE(after.empty());
  log_->OnRepairsChecked(second->id, {true});
  // New damage begins anew, whatever is still told of the old.
  log_->OnEntriesDamaged(LogIndex(4), LogIndex(4));
  log_->OnRepairsChecked(second->id, {true});
  EXPECT_TRUE(log_->repairing());
}

// Whose damage is not known one by one is known to be damaged.
TEST_F(GroupLogTest, DamageOfManyEntriesCostsNoMemoryForEach) {
  log_->OnEntriesDamaged(LogIndex(1), LogIndex(~uint64_t{0}));
  ASSERT_TRUE(
      Step(AppendRequest(Term(1), {Term(1), LogIndex(5)}, LogIndex(5)), {})
          .ok());
  Collect();
  EXPECT_EQ(log_->core().damaged().size(), 5u);
}

// What the first entry, or one that begins a term, would tell stands in rows.
TEST_F(GroupLogTest, RowsTellWhereTermsBeginWhenEntriesCannot) {
  // Its rows are written with the next term.
  LogScript script(replica_.number, *store_.Position(replica_.number));
  script.set_term(Term(3));
  ASSERT_TRUE(Step(AppendRequest(Term(3), {Term(1), LogIndex(5)}, LogIndex(5)),
                   {script.Records("w"), script.Records("w")})
                  .ok());
  CollectDurable();
  // Two terms later the leader of term 6 replaces the newest entry.
  storage::ReplicaPosition sixth = *store_.Position(replica_.number);
  const storage::EntryHeader header = Stored(6).header;
  sixth.last = {header.term, header.index};
  sixth.end_offset = header.next_offset();
  sixth.chain = header.chain;
  sixth.last_append_time_us = header.append_time_us;
  LogScript newer(replica_.number, sixth);
  newer.set_term(Term(6));
  ASSERT_TRUE(Step(AppendRequest(Term(6), sixth.last, LogIndex(6)),
                   {newer.Records("x")})
                  .ok());
  AnswerReads(CollectDurable());
  CollectDurable();
  ASSERT_EQ(log_->core().last(), (raft::EntryId{Term(6), LogIndex(7)}));
  for (const uint64_t index : {1, 6, 7}) {
    store_.DamageEntry(replica_.number, LogIndex(index));
    const auto recovered = GroupLog::Recover(store_, replica_, &append_clock_);
    ASSERT_TRUE(recovered.ok()) << recovered.status();
    EXPECT_EQ(storage::DamagedIndexOf(recovered->damage_at_start()),
              LogIndex(1));
    EXPECT_EQ(recovered->core().TermAt(LogIndex(1)), Term(1));
    EXPECT_EQ(recovered->core().TermAt(LogIndex(5)), Term(1));
    EXPECT_EQ(recovered->core().TermAt(LogIndex(6)), Term(3));
    EXPECT_EQ(recovered->core().TermAt(LogIndex(7)), Term(6));
  }
}

// The leader of term 2 replaces what is above the second entry, whose header
// only the store has. What comes until it is read is kept, up to a bound.
TEST_F(GroupLogTest, MessagesThatWaitForAReadAreBoundedInBytes) {
  LogScript script(replica_.number, third_);
  script.set_term(Term(2));
  raft::EntryId previous = third_.last;
  std::vector<raft::EntryId> sent;
  for (int i = 0; i < 20; ++i) {
    EntryWrite entry = script.Records(std::string(1 << 20, 'x'));
    const raft::EntryId id{Term(2), entry.header.index};
    ASSERT_TRUE(
        Step(AppendRequest(Term(2), previous, LogIndex(2)), {std::move(entry)})
            .ok());
    EXPECT_GE(log_->deferred_bytes(), size_t{1} << 20);
    EXPECT_LE(log_->deferred_bytes(), size_t{8} << 20);
    previous = id;
    sent.push_back(id);
  }
  GroupLog::Progress progress = Collect();
  ASSERT_EQ(progress.reads.size(), 1u);
  const LogRead& read = progress.reads.front();
  log_->OnLogRead(read.id, store_.Read(replica_.number, read.from, read.last,
                                       read.bytes_max, read.read_class));
  EXPECT_EQ(log_->deferred_bytes(), 0u);
  // What was kept is taken, in its order; the rest is sent again.
  EXPECT_EQ(log_->core().last(), sent[7]);
}

}  // namespace
}  // namespace kappa::server

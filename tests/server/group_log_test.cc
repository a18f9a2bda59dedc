// What a GroupLog keeps until it knows more. Three voters; this is the first.
#include "server/group_log.h"

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/received_entries.h"
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

  storage::MemoryLogStore store_;
  storage::ReplicaInfo replica_;
  storage::ReplicaPosition third_;  // before the third entry
  ManualClock clock_{1'767'225'600'000'000};
  AppendClock append_clock_{&clock_};
  std::optional<GroupLog> log_;
};

// Of what may be cut the core must not hear: where the cut log ends is not
// known here.
TEST_F(GroupLogTest, DamageIsToldOnceItIsCommitted) {
  log_->OnEntriesDamaged(LogIndex(2), LogIndex(4));
  EXPECT_THAT(log_->core().damaged(), IsEmpty());
  ASSERT_TRUE(
      Step(AppendRequest(Term(1), {Term(1), LogIndex(5)}, LogIndex(3)), {})
          .ok());
  Collect();
  EXPECT_THAT(log_->core().damaged(), ElementsAre(LogIndex(2), LogIndex(3)));
  // The others are asked for equal entries.
  EXPECT_THAT(AskedFor(), UnorderedElementsAre(LogIndex(2), LogIndex(3)));
  ASSERT_TRUE(
      Step(AppendRequest(Term(1), {Term(1), LogIndex(5)}, LogIndex(5)), {})
          .ok());
  Collect();
  EXPECT_THAT(log_->core().damaged(),
              ElementsAre(LogIndex(2), LogIndex(3), LogIndex(4)));
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
  log_->OnRepairsChecked(id, 0);
  WriteCycle cycle;
  log_->Collect(nullptr, &cycle);
  EXPECT_TRUE(cycle.empty());
  EXPECT_TRUE(log_->repairing());
  check();
  log_->OnRepairsChecked(id, 2);
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
  log_->OnRepairsChecked(first->id, 1);
  // While it is written.
  ASSERT_TRUE(Answer(stored).ok());
  WriteCycle cycle;
  const std::optional<RepairCheck> second =
      log_->Collect(nullptr, &cycle).repair_check;
  ASSERT_TRUE(second.has_value());
  EXPECT_NE(second->id, first->id);
  // An end that was told before is not the end of this one.
  log_->OnRepairsChecked(first->id, 1);
  ASSERT_FALSE(cycle.in_flight.empty());
  for (const auto& written : cycle.in_flight) log_->OnDurable(*written.token);
  EXPECT_FALSE(log_->repairing());
  log_->OnRepairsChecked(second->id, 1);
  WriteCycle after;
  EXPECT_THAT(log_->Collect(nullptr, &after).repaired,
              ElementsAre(LogIndex(3)));
  EXPECT_TRUE(after.empty());
  log_->OnRepairsChecked(second->id, 1);
  // New damage begins anew, whatever is still told of the old.
  log_->OnEntriesDamaged(LogIndex(4), LogIndex(4));
  log_->OnRepairsChecked(second->id, 1);
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

// Appending and reading through a node, on every kind of store.
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "server/errors.h"
#include "tests/server/awaited.h"
#include "tests/server/node_driver.h"
#include "tests/server/node_harness.h"

namespace kappa::server {
namespace {

using Values = std::vector<std::string>;

constexpr Offset kNoLimit{~uint64_t{0}};

class NodeLogTest : public testing::TestWithParam<HarnessFactory> {
 protected:
  void SetUp() override {
    ASSERT_TRUE(harness_->Open().ok());
    driver_.MakeTopic("t", 3);
    group_ = driver_.GroupOf("t", 1);
  }
  void Reopen() {
    harness_->Stop();
    ASSERT_EQ(harness_->Open(), absl::OkStatus());
  }
  void KillAndReopen() {
    harness_->Kill();
    ASSERT_EQ(harness_->Open(), absl::OkStatus());
  }
  Offset Append(const Values& values) {
    absl::StatusOr<AppendResult> result = driver_.Append(group_, values);
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? result->base_offset : kNoLimit;
  }
  ReadChunk Read(uint64_t from, uint64_t until, size_t bytes_max,
                 bool backwards = false) {
    ReadCommand command;
    command.group = group_;
    command.from = Offset(from);
    command.until = Offset(until);
    command.bytes_max = bytes_max;
    command.backwards = backwards;
    absl::StatusOr<ReadChunk> chunk = driver_.Read(command);
    EXPECT_TRUE(chunk.ok()) << chunk.status();
    return chunk.ok() ? *std::move(chunk) : ReadChunk();
  }

  std::unique_ptr<NodeHarness> harness_ = GetParam()();
  NodeDriver driver_{harness_.get()};
  GroupId group_;
};

TEST_P(NodeLogTest, OffsetsAreDenseAndBatchesContiguous) {
  EXPECT_EQ(Append({"a", "b", "c"}), Offset(0));
  EXPECT_EQ(Append({"d"}), Offset(3));
  EXPECT_EQ(Append({"e", "f"}), Offset(4));
  EXPECT_EQ(driver_.GetEnd(group_)->end_offset, Offset(6));
  EXPECT_EQ(driver_.ReadAll(group_), Values({"a", "b", "c", "d", "e", "f"}));
  EXPECT_EQ(driver_.ReadAll(driver_.GroupOf("t", 0)), Values());
}

TEST_P(NodeLogTest, AnAppendTellsItsPlaceTimeAndChain) {
  absl::StatusOr<AppendResult> first = driver_.Append(group_, {"a", "b"});
  harness_->clock.Advance(250);
  absl::StatusOr<AppendResult> second = driver_.Append(group_, {"c"});
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(first->next_offset, Offset(2));
  EXPECT_FALSE(first->duplicate);
  EXPECT_EQ(first->append_time_us, kStartUs);
  EXPECT_EQ(second->append_time_us, kStartUs + 250);
  EXPECT_NE(first->chain, second->chain);
  const absl::StatusOr<PartitionEnd> end = driver_.GetEnd(group_);
  ASSERT_TRUE(end.ok());
  EXPECT_EQ(end->chain, second->chain);
  EXPECT_EQ(end->last_append_time_us, kStartUs + 250);
  EXPECT_EQ(end->first_offset, Offset(0));
}

TEST_P(NodeLogTest, AppendTimeNeverFalls) {
  ASSERT_TRUE(driver_.Append(group_, {"a"}).ok());
  harness_->clock.SetNow(kStartUs - 5'000'000);
  EXPECT_EQ(driver_.Append(group_, {"b"})->append_time_us, kStartUs);
  harness_->clock.SetNow(kStartUs + 7);
  EXPECT_EQ(driver_.Append(group_, {"c"})->append_time_us, kStartUs + 7);
}

TEST_P(NodeLogTest, WhatIsSettledIsKeptWhenTheClockIsSetBack) {
  Append({"a"});
  harness_->clock.Advance(10'000'000);
  const int64_t settled_us = driver_.GetEnd(group_)->settled_time_us;
  EXPECT_GT(settled_us, kStartUs);
  EXPECT_LT(settled_us, harness_->clock.NowUs());
  harness_->clock.SetNow(kStartUs + 1);
  EXPECT_GE(driver_.GetEnd(group_)->settled_time_us, settled_us);
  EXPECT_GE(driver_.Append(group_, {"b"})->append_time_us, settled_us);
  EXPECT_EQ(*driver_.FindTime(group_, settled_us), Offset(1));
}

TEST_P(NodeLogTest, RestartAndKillKeepEverything) {
  Append({"a", "b"});
  Append({"c"});
  const PartitionEnd before = *driver_.GetEnd(group_);
  Reopen();
  EXPECT_EQ(driver_.GroupOf("t", 1), group_);
  EXPECT_EQ(driver_.ReadAll(group_), Values({"a", "b", "c"}));
  EXPECT_EQ(driver_.GetEnd(group_)->chain, before.chain);
  EXPECT_EQ(driver_.GetEnd(group_)->last_append_time_us,
            before.last_append_time_us);
  EXPECT_EQ(Append({"d"}), Offset(3));
  KillAndReopen();
  EXPECT_EQ(Append({"e"}), Offset(4));
  EXPECT_EQ(driver_.ReadAll(group_), Values({"a", "b", "c", "d", "e"}));
  EXPECT_EQ(driver_.GetEnd(driver_.GroupOf("t", 0))->last_append_time_us, 0);
}

TEST_P(NodeLogTest, ReadsForwardsFromMemoryAndFromTheStoreAgree) {
  for (int i = 0; i < 10; ++i) {
    Append({"x" + std::to_string(i), "y" + std::to_string(i)});
  }
  for (const bool from_window : {true, false}) {
    const ReadChunk middle = Read(7, 12, 1 << 20);
    EXPECT_EQ(middle.from_window, from_window);
    // Whole batches: the one that holds 7, up to the one before 12.
    EXPECT_EQ(ValuesOf(middle), Values({"x3", "y3", "x4", "y4", "x5", "y5"}));
    EXPECT_EQ(middle.next_offset, Offset(12));
    EXPECT_EQ(middle.end_offset, Offset(20));
    EXPECT_FALSE(middle.gap_until.has_value());
    const ReadChunk one = Read(8, 20, 1);
    EXPECT_EQ(ValuesOf(one), Values({"x4", "y4"}));
    EXPECT_EQ(one.next_offset, Offset(10));
    EXPECT_EQ(Read(20, ~uint64_t{0}, 100).entries.size(), 0u);
    EXPECT_EQ(Read(20, ~uint64_t{0}, 100).next_offset, Offset(20));
    EXPECT_EQ(Read(5, 5, 100).entries.size(), 0u);
    EXPECT_EQ(driver_.ReadAll(group_, 0, 1).size(), 20u);
    if (from_window) Reopen();
  }
}

TEST_P(NodeLogTest, ReadsBackwardsFromMemoryAndFromTheStoreAgree) {
  for (int i = 0; i < 10; ++i) {
    Append({"x" + std::to_string(i), "y" + std::to_string(i)});
  }
  for (const bool from_window : {true, false}) {
    const ReadChunk newest = Read(20, 15, 1 << 20, true);
    EXPECT_EQ(newest.from_window, from_window);
    EXPECT_EQ(ValuesOf(newest), Values({"x9", "y9", "x8", "y8", "x7", "y7"}));
    EXPECT_EQ(newest.next_offset, Offset(14));
    const ReadChunk one = Read(9, 0, 1, true);
    EXPECT_EQ(ValuesOf(one), Values({"x4", "y4"}));
    EXPECT_EQ(one.next_offset, Offset(8));
    EXPECT_EQ(Read(0, 0, 100, true).entries.size(), 0u);
    Values all;
    uint64_t from = 20;
    while (from > 0) {
      const ReadChunk chunk = Read(from, 0, 20, true);
      for (std::string& value : ValuesOf(chunk)) all.push_back(value);
      ASSERT_LT(chunk.next_offset, Offset(from));
      from = chunk.next_offset.value();
    }
    EXPECT_EQ(all.size(), 20u);
    EXPECT_EQ(all.front(), "x9");
    EXPECT_EQ(all.back(), "y0");
    if (from_window) Reopen();
  }
}

TEST_P(NodeLogTest, ControlEntriesAreNeverDelivered) {
  Append({"a"});
  for (int i = 0; i < 4; ++i) Reopen();
  Append({"b"});
  for (int i = 0; i < 4; ++i) Reopen();
  EXPECT_EQ(driver_.ReadAll(group_, 0, 1), Values({"a", "b"}));
  EXPECT_EQ(ValuesOf(Read(2, 0, 1 << 20, true)), Values({"b", "a"}));
  EXPECT_EQ(ValuesOf(Read(1, 0, 1, true)), Values({"a"}));
}

TEST_P(NodeLogTest, ReadingBeyondTheEndIsRefusedWithTheEnd) {
  Append({"a", "b"});
  ReadCommand command;
  command.group = group_;
  command.from = Offset(3);
  command.until = kNoLimit;
  const absl::Status status = driver_.Read(command).status();
  EXPECT_EQ(ReasonOf(status), "OFFSET_OUT_OF_RANGE");
  EXPECT_EQ(FactOf(status, "end_offset"), "2");
  EXPECT_EQ(FactOf(status, "outcome"), "definite");
}

TEST_P(NodeLogTest, OldBatchesLeaveTheWindowAndStayReadable) {
  const std::string large(300'000, 'v');
  for (int i = 0; i < 40; ++i) Append({large + std::to_string(i)});
  const NodeStats stats = driver_.node().Stats();
  uint64_t window_bytes = 0;
  for (const ShardStats& shard : stats.shards) {
    EXPECT_LE(shard.window_bytes, harness_->options.window_bytes / 2);
    window_bytes += shard.window_bytes;
  }
  EXPECT_GT(window_bytes, large.size());
  EXPECT_FALSE(Read(0, 1, 1).from_window);
  EXPECT_TRUE(Read(39, 40, 1).from_window);
  const Values all = driver_.ReadAll(group_);
  ASSERT_EQ(all.size(), 40u);
  for (int i = 0; i < 40; ++i) EXPECT_EQ(all[i], large + std::to_string(i));
}

TEST_P(NodeLogTest, FindsTheFirstBatchOfATime) {
  Append({"a", "b"});
  harness_->clock.Advance(1000);
  Append({"c"});
  Reopen();
  harness_->clock.Advance(1000);
  Append({"d"});
  EXPECT_EQ(*driver_.FindTime(group_, 0), Offset(0));
  EXPECT_EQ(*driver_.FindTime(group_, kStartUs), Offset(0));
  EXPECT_EQ(*driver_.FindTime(group_, kStartUs + 1), Offset(2));
  EXPECT_EQ(*driver_.FindTime(group_, kStartUs + 1000), Offset(2));
  EXPECT_EQ(*driver_.FindTime(group_, kStartUs + 1001), Offset(3));
  EXPECT_EQ(*driver_.FindTime(group_, kStartUs + 2000), Offset(3));
  EXPECT_EQ(*driver_.FindTime(group_, kStartUs + 2001), Offset(4));
}

TEST_P(NodeLogTest, AnExpectedOffsetIsComparedWithTheTail) {
  EXPECT_EQ(driver_.Append(group_, {"a"}, std::nullopt, 0)->base_offset,
            Offset(0));
  const absl::Status status =
      driver_.Append(group_, {"b"}, std::nullopt, 0).status();
  EXPECT_EQ(ReasonOf(status), "EXPECTED_OFFSET_MISMATCH");
  EXPECT_EQ(FactOf(status, "end_offset"), "1");
  EXPECT_EQ(ReasonOf(driver_.Append(group_, {"b"}, std::nullopt, 2).status()),
            "EXPECTED_OFFSET_MISMATCH");
  EXPECT_EQ(driver_.Append(group_, {"b"}, std::nullopt, 1)->base_offset,
            Offset(1));
  EXPECT_EQ(driver_.ReadAll(group_), Values({"a", "b"}));
}

TEST_P(NodeLogTest, WaitersHearOfTheEndOnce) {
  Awaited<Offset> at_once;
  Append({"a"});
  driver_.node().WaitForEnd(group_, Offset(0), at_once.callback());
  EXPECT_EQ(*at_once.Get(), Offset(1));
  Awaited<Offset> later;
  driver_.node().WaitForEnd(group_, Offset(1), later.callback());
  Awaited<Offset> cancelled;
  const uint64_t token =
      driver_.node().WaitForEnd(group_, Offset(5), cancelled.callback());
  driver_.node().CancelWait(group_, token);
  EXPECT_TRUE(absl::IsCancelled(cancelled.Get().status()));
  EXPECT_FALSE(later.has_answer());
  Append({"b", "c"});
  EXPECT_EQ(*later.Get(), Offset(3));
  driver_.node().CancelWait(group_, token);  // answered before: nothing
  Awaited<Offset> at_shutdown;
  driver_.node().WaitForEnd(group_, Offset(3), at_shutdown.callback());
  driver_.node().Shutdown();
  EXPECT_EQ(ReasonOf(at_shutdown.Get().status()), "SHUTTING_DOWN");
}

TEST_P(NodeLogTest, ShutdownRefusesNewWork) {
  Append({"a"});
  driver_.node().Shutdown();
  EXPECT_EQ(ReasonOf(driver_.Append(group_, {"b"}).status()), "SHUTTING_DOWN");
  EXPECT_EQ(ReasonOf(driver_.GetEnd(group_).status()), "SHUTTING_DOWN");
  Reopen();
  EXPECT_EQ(driver_.ReadAll(group_), Values({"a"}));
}

TEST_P(NodeLogTest, ClosingWhileTheStoreFlushesIsNoFailure) {
  const std::string large(1 << 20, 'v');
  uint64_t records = 0;
  for (int life = 0; life < 5; ++life) {
    for (int i = 0; i < 6; ++i, ++records) Append({large});
    Reopen();
    EXPECT_EQ(harness_->fatal_errors.load(), 0);
  }
  EXPECT_EQ(driver_.GetEnd(group_)->end_offset, Offset(records));
}

TEST_P(NodeLogTest, AGroupThatDoesNotExistIsRefused) {
  EXPECT_EQ(ReasonOf(driver_.Append(GroupId(99), {"a"}).status()),
            "TOPIC_NOT_FOUND");
  EXPECT_EQ(ReasonOf(driver_.GetEnd(GroupId(0)).status()), "TOPIC_NOT_FOUND");
}

TEST_P(NodeLogTest, AClockFarBehindIsRefusedUnlessAccepted) {
  Append({"a"});
  harness_->Stop();
  harness_->clock.SetNow(kStartUs - int64_t{24} * 3600 * 1'000'000 - 1);
  EXPECT_EQ(harness_->Open().code(), absl::StatusCode::kFailedPrecondition);
  harness_->options.accept_clock_behind = true;
  ASSERT_TRUE(harness_->Open().ok());
  EXPECT_EQ(driver_.Append(group_, {"b"})->append_time_us, kStartUs);
  Reopen();
  harness_->Stop();
  harness_->options.accept_clock_behind = false;
  harness_->clock.SetNow(kStartUs - int64_t{24} * 3600 * 1'000'000);
  EXPECT_TRUE(harness_->Open().ok());
}

TEST_P(NodeLogTest, StatsCountWhatHappened) {
  Append({"a", "b"});
  Append({"c"});
  driver_.Append(group_, {"d"}, std::nullopt, 0).status().IgnoreError();
  const NodeStats stats = driver_.node().Stats();
  uint64_t appends = 0;
  uint64_t records = 0;
  uint64_t refusals = 0;
  uint64_t partitions = 0;
  for (const ShardStats& shard : stats.shards) {
    appends += shard.appends;
    records += shard.append_records;
    refusals += shard.refusals[v1::ERROR_REASON_EXPECTED_OFFSET_MISMATCH];
    partitions += shard.partitions;
    EXPECT_EQ(shard.uncommitted_entries, 0u);
  }
  EXPECT_EQ(appends, 2u);
  EXPECT_EQ(records, 3u);
  EXPECT_EQ(refusals, 1u);
  EXPECT_EQ(partitions, 3u);
  EXPECT_EQ(stats.partitions, 3u);
  EXPECT_EQ(stats.topics, 1u);
  EXPECT_EQ(stats.positions.end_offset, 3u);
  EXPECT_EQ(stats.positions.last, 3u);  // a no-op, two batches
  EXPECT_EQ(stats.positions.committed, 3u);
  EXPECT_EQ(stats.in_flight_append_bytes, 0u);
  EXPECT_GT(stats.writer.cycles, 0u);
}

INSTANTIATE_TEST_SUITE_P(Stores, NodeLogTest, testing::ValuesIn(Harnesses()));

}  // namespace
}  // namespace kappa::server

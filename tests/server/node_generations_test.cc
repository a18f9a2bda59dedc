// Three nodes with directories of their own: an older copy of one is put back
// (RELIABILITY.md S5, S6).
#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/identity.h"
#include "server/metadata_group.h"
#include "server/random_uuid.h"
#include "tests/server/directory_cluster.h"
#include "tests/server/held_clock.h"

namespace kappa::server {
namespace {

using testing::ElementsAre;

constexpr size_t kA = 0;
constexpr size_t kB = 1;
constexpr size_t kX = 2;

class NodeGenerationsTest : public testing::Test {
 protected:
  // X and A commit "kept" while B is cut off; then A is away, and X comes back
  // with a copy from before. Returns how X starts.
  absl::Status ForgetAnAcknowledgement() {
    cluster_.StartAll();
    group_ = cluster_.MakeTopic("t");
    cluster_.Append(group_, "first", {kA, kB, kX});
    cluster_.Stop(kX);
    const std::string copy = cluster_.Copy(kX);
    EXPECT_TRUE(cluster_.Start(kX).ok());
    EXPECT_THAT(cluster_.ReadAll(kX, group_, 1), ElementsAre("first"));
    // One of them leads, so B hears of this open of X.
    cluster_.Cut(kA);
    cluster_.Append(group_, "second", {kB, kX});
    cluster_.ReadAll(kB, group_, 2);
    cluster_.Mend(kA);
    cluster_.Cut(kB);
    cluster_.Append(group_, "kept", {kA, kX});
    cluster_.Cut(kA);
    cluster_.Stop(kX);
    cluster_.PutBack(kX, copy);
    cluster_.Mend(kB);
    return cluster_.Start(kX);
  }

  // The node comes back with a copy from before its last start, which all have
  // heard of; it is replaced.
  void Replace(size_t node) {
    cluster_.Stop(node);
    const std::string copy = cluster_.Copy(node);
    ASSERT_TRUE(cluster_.Start(node).ok());
    cluster_.ReadAll(node, group_, appended_);
    Append({kA, kB, kX});
    cluster_.ReadAll(node, group_, appended_);
    cluster_.Stop(node);
    cluster_.PutBack(node, copy);
    cluster_.AllowReplacement();
    const absl::Status started = cluster_.Start(node);
    ASSERT_TRUE(started.ok()) << started;
    ASSERT_TRUE(
        std::filesystem::exists(cluster_.directory(node) + "/set-aside-1/db"));
    cluster_.ReadAll(node, group_, appended_);
  }
  void Append(const std::vector<size_t>& nodes) {
    cluster_.Append(group_, "more", nodes);
    ++appended_;
  }
  // Asks the node, which is being started, to take `joins` in, until it
  // answers; returns what it says.
  absl::Status AwaitAnswer(size_t node, uint64_t joins) {
    raft::v1::JoinRequest request;
    request.mutable_self()->set_node_id(joins);
    request.mutable_self()->set_disk_id(std::string(16, '4'));
    absl::Status told;
    EXPECT_TRUE(cluster_.Await([&] {
      told = cluster_.network().Join(NodeId(node + 1), request).status();
      return told.message() != "it is not reached";
    }));
    return told;
  }

  DirectoryCluster cluster_;
  GroupId group_;
  uint64_t appended_ = 0;
};

TEST_F(NodeGenerationsTest, AnOlderCopyIsSetAsideAndLosesNothing) {
  const absl::Status started = ForgetAnAcknowledgement();
  // It waits to be taken in, with an empty directory.
  EXPECT_TRUE(absl::IsCancelled(started)) << started;
  EXPECT_TRUE(std::filesystem::exists(cluster_.directory(kX) +
                                      "/set-aside-1/watermark"));
  EXPECT_TRUE(
      std::filesystem::exists(cluster_.directory(kX) + "/set-aside-1/REASON"));
  // B has no majority, so nothing takes the place of what was acknowledged.
  EXPECT_FALSE(cluster_.Appends(group_, "wrong", {kB}, 1'000'000));
  cluster_.Mend(kA);
  cluster_.Append(group_, "last", {kA, kB});
  for (const size_t node : {kA, kB}) {
    const std::vector<std::string> all = cluster_.ReadAll(node, group_, 4);
    EXPECT_EQ(all[2], "kept");
    EXPECT_EQ(all[3], "last");
  }
  // It stays so at the next start.
  EXPECT_TRUE(absl::IsCancelled(cluster_.Start(kX)));
}

TEST_F(NodeGenerationsTest, ANodeThatForgotIsReplacedAndRebuilt) {
  cluster_.StartAll();
  const GroupId group = cluster_.MakeTopic("t");
  cluster_.Append(group, "first", {kA, kB, kX});
  cluster_.Stop(kX);
  const std::string copy = cluster_.Copy(kX);
  ASSERT_TRUE(cluster_.Start(kX).ok());
  cluster_.ReadAll(kX, group, 1);
  cluster_.Append(group, "second", {kA, kB, kX});
  cluster_.ReadAll(kX, group, 2);
  cluster_.Stop(kX);
  cluster_.PutBack(kX, copy);
  cluster_.AllowReplacement();
  const absl::Status started = cluster_.Start(kX);
  ASSERT_TRUE(started.ok()) << started;
  EXPECT_TRUE(
      std::filesystem::exists(cluster_.directory(kX) + "/set-aside-1/db"));
  const auto identity = ReadIdentity(cluster_.directory(kX));
  ASSERT_TRUE(identity.ok() && identity->has_value());
  EXPECT_EQ((*identity)->incarnation, Incarnation(2));
  EXPECT_THAT(cluster_.ReadAll(kX, group, 2), ElementsAre("first", "second"));
  // It votes by and by: then any other one may be away.
  ASSERT_TRUE(cluster_.MakeLead(kX, group));
  ASSERT_TRUE(cluster_.MakeLead(kX, kMetadataGroup));
  cluster_.Cut(kA);
  cluster_.Append(group, "third", {kB, kX});
  EXPECT_THAT(cluster_.ReadAll(kX, group, 3),
              ElementsAre("first", "second", "third"));
  const GroupId another = cluster_.MakeTopic("u", {kB, kX});
  cluster_.Append(another, "more", {kB, kX});
  cluster_.Mend(kA);
  // And its next start is one like any other.
  cluster_.Stop(kX);
  ASSERT_TRUE(cluster_.Start(kX).ok());
  EXPECT_THAT(cluster_.ReadAll(kX, group, 3),
              ElementsAre("first", "second", "third"));
  EXPECT_THAT(cluster_.ReadAll(kX, another, 1), ElementsAre("more"));
  EXPECT_THAT(cluster_.ReadAll(kA, another, 1), ElementsAre("more"));
}

// Whoever comes last learns from a leader that is not on its first disk either.
TEST_F(NodeGenerationsTest, TwoNodesAreReplacedOneAfterTheOther) {
  cluster_.StartAll();
  cluster_.AllowReplacement();
  const GroupId group = cluster_.MakeTopic("t");
  cluster_.Append(group, "first", {kA, kB, kX});
  for (const size_t node : {kX, kB}) {
    cluster_.Stop(node);
    cluster_.Wipe(node);
    const absl::Status started = cluster_.Start(node);
    ASSERT_TRUE(started.ok()) << started;
    EXPECT_THAT(cluster_.ReadAll(node, group, 1), ElementsAre("first"));
    ASSERT_TRUE(cluster_.MakeLead(node, group));
    ASSERT_TRUE(cluster_.MakeLead(node, kMetadataGroup));
  }
  cluster_.Cut(kA);
  cluster_.Append(group, "second", {kB, kX});
  EXPECT_THAT(cluster_.ReadAll(kX, group, 2), ElementsAre("first", "second"));
}

// What the check is for: without it the acknowledged batch is lost.
TEST_F(NodeGenerationsTest, WithoutTheCheckAnAcknowledgedBatchIsLost) {
  cluster_.network().HideEvidence();
  const absl::Status started = ForgetAnAcknowledgement();
  ASSERT_TRUE(started.ok()) << started;
  EXPECT_TRUE(cluster_.Appends(group_, "wrong", {kB, kX}, 30'000'000));
  EXPECT_EQ(cluster_.ReadAll(kB, group_, 3)[2], "wrong");
}

TEST_F(NodeGenerationsTest, TheNewestStateMayBePutBack) {
  cluster_.StartAll();
  const GroupId group = cluster_.MakeTopic("t");
  cluster_.Append(group, "first", {kA, kB, kX});
  cluster_.ReadAll(kX, group, 1);
  cluster_.Stop(kX);
  const std::string copy = cluster_.Copy(kX);
  cluster_.Append(group, "second", {kA, kB});
  cluster_.PutBack(kX, copy);
  ASSERT_TRUE(cluster_.Start(kX).ok());
  // And it counts: with B away it takes two to append.
  cluster_.Cut(kB);
  cluster_.Append(group, "third", {kA, kX});
  EXPECT_THAT(cluster_.ReadAll(kX, group, 3),
              ElementsAre("first", "second", "third"));
}

TEST_F(NodeGenerationsTest, ANodeThatMeetsNobodyWaitsBeforeItServes) {
  cluster_.StartAll();
  const GroupId group = cluster_.MakeTopic("t");
  cluster_.Stop(kX);
  const std::string copy = cluster_.Copy(kX);
  ASSERT_TRUE(cluster_.Start(kX).ok());
  cluster_.Append(group, "first", {kA, kB, kX});
  cluster_.ReadAll(kX, group, 1);
  cluster_.Stop(kX);
  cluster_.PutBack(kX, copy);
  cluster_.Cut(kX);
  const int64_t begun_us = cluster_.clock().MonotonicUs();
  ASSERT_TRUE(cluster_.Start(kX).ok());
  EXPECT_GE(cluster_.clock().MonotonicUs() - begun_us, 5'000'000);
  // Found out as soon as somebody can say so; from then on it is silent, so the
  // two others are not enough once one of them is away.
  cluster_.Mend(kX);
  ASSERT_TRUE(cluster_.Await([&] { return cluster_.forgot(kX); }));
  cluster_.Cut(kB);
  EXPECT_FALSE(cluster_.Appends(group, "wrong", {kA, kX}, 1'000'000));
  cluster_.Mend(kB);
  cluster_.Append(group, "second", {kA, kB});
  // Where A led it keeps what it could not promise, and commits it now.
  const std::vector<std::string> all = cluster_.ReadAll(kA, group, 2);
  EXPECT_EQ(all.front(), "first");
  EXPECT_EQ(all.back(), "second");
  // It is not forgotten again when nobody is there to say so.
  cluster_.Stop(kX);
  cluster_.Cut(kX);
  EXPECT_TRUE(absl::IsCancelled(cluster_.Start(kX)));
  EXPECT_TRUE(
      std::filesystem::exists(cluster_.directory(kX) + "/set-aside-1/FORGOT"));
}

// What the read of the metadata group is for: until then A cannot know.
TEST_F(NodeGenerationsTest, ANodeThatWasAwayRefusesAFormerDiskByAndBy) {
  cluster_.StartAll();
  group_ = cluster_.MakeTopic("t");
  Append({kA, kB, kX});
  const auto former = ReadIdentity(cluster_.directory(kX));
  ASSERT_TRUE(former.ok() && former->has_value());
  ASSERT_NO_FATAL_FAILURE(Replace(kX));
  cluster_.Stop(kA);
  ASSERT_TRUE(cluster_.Start(kA).ok());
  raft::v1::Hello hello;
  hello.mutable_greeting()->set_from_node(kX + 1);
  hello.mutable_greeting()->set_disk_id(BytesOf((*former)->disk_id));
  hello.mutable_greeting()->set_open_id(77);
  absl::Status told;
  EXPECT_TRUE(cluster_.Await([&] {
    told = cluster_.network().Judge(NodeId(kA + 1), hello);
    return absl::IsFailedPrecondition(told);
  })) << told;
  EXPECT_THAT(std::string(told.message()),
              testing::HasSubstr("node 3 of this cluster has disk"));
}

// After a power cut: whoever remembers comes last, and long after the others
// are a majority.
TEST_F(NodeGenerationsTest, TheFirstToStartWaitForTheLast) {
  cluster_.StartAll();
  group_ = cluster_.MakeTopic("t");
  Append({kA, kB, kX});
  cluster_.ReadAll(kX, group_, appended_);
  cluster_.Stop(kX);
  const std::string copy = cluster_.Copy(kX);
  // Only A hears of this open of X.
  cluster_.Stop(kB);
  ASSERT_TRUE(cluster_.Start(kX).ok());
  Append({kA, kX});
  cluster_.Stop(kX);
  cluster_.Stop(kA);
  cluster_.PutBack(kX, copy);
  absl::Status started;
  std::thread x([&] { started = cluster_.Start(kX); });
  EXPECT_FALSE(AwaitAnswer(kX, std::numeric_limits<uint64_t>::max()).ok());
  const int64_t begun_us = cluster_.clock().MonotonicUs();
  // X has been alone for longer than others take that run.
  ASSERT_TRUE(cluster_.Await(
      [&] { return cluster_.clock().MonotonicUs() - begun_us > 600'000; }));
  // However long the others take, X's 5 s are not over by then.
  cluster_.clock_of(kX).Hold();
  ASSERT_TRUE(cluster_.Start(kB).ok());
  cluster_.clock_of(kX).Advance(1'200'000);
  EXPECT_FALSE(cluster_.Appends(group_, "wrong", {kB}, 1));
  ASSERT_TRUE(cluster_.Start(kA).ok());
  x.join();
  cluster_.clock_of(kX).Release();
  // It waits to be taken in, with an empty directory.
  EXPECT_TRUE(absl::IsCancelled(started)) << started;
  EXPECT_FALSE(cluster_.forgot(kX));
  Append({kA, kB});
  EXPECT_THAT(cluster_.ReadAll(kB, group_, appended_),
              ElementsAre("more", "more", "more"));
}

// Whoever asks it then to take a node in is told to ask again.
TEST_F(NodeGenerationsTest, ANodeThatMeetsOthersTakesNobodyIn) {
  cluster_.StartAll();
  cluster_.Stop(kX);
  cluster_.Stop(kA);
  cluster_.Stop(kB);
  absl::Status started;
  // It meets others until it is asked.
  cluster_.clock_of(kX).Hold();
  std::thread x([&] { started = cluster_.Start(kX); });
  EXPECT_EQ(AwaitAnswer(kX, 4),
            absl::UnavailableError(
                "the node does not serve others yet, or any more"));
  cluster_.clock_of(kX).Release();
  x.join();
  EXPECT_TRUE(started.ok()) << started;
}

TEST_F(NodeGenerationsTest, AReplacedLeaderRebuildsTheNextThatIsReplaced) {
  cluster_.StartAll();
  group_ = cluster_.MakeTopic("t");
  Append({kA, kB, kX});
  ASSERT_NO_FATAL_FAILURE(Replace(kX));
  ASSERT_TRUE(cluster_.MakeLead(kX, kMetadataGroup));
  ASSERT_TRUE(cluster_.MakeLead(kX, group_));
  // It is taken in with the founders' former disks.
  ASSERT_NO_FATAL_FAILURE(Replace(kB));
  ASSERT_TRUE(cluster_.MakeLead(kX, kMetadataGroup));
  const GroupId another = cluster_.MakeTopic("u");
  cluster_.Append(another, "first", {kA, kB, kX});
  EXPECT_THAT(cluster_.ReadAll(kB, another, 1), ElementsAre("first"));
}

TEST_F(NodeGenerationsTest, WhatAReplacedNodeRemembersIsHeardBeforeServing) {
  cluster_.StartAll();
  group_ = cluster_.MakeTopic("t");
  Append({kA, kB, kX});
  ASSERT_NO_FATAL_FAILURE(Replace(kX));
  ASSERT_TRUE(cluster_.MakeLead(kX, group_));
  cluster_.ReadAll(kB, group_, appended_);
  cluster_.Stop(kB);
  const std::string copy = cluster_.Copy(kB);
  // Only X hears of this open of B.
  cluster_.Cut(kA);
  ASSERT_TRUE(cluster_.Start(kB).ok());
  Append({kB, kX});
  cluster_.Stop(kB);
  cluster_.PutBack(kB, copy);
  cluster_.Mend(kA);
  const absl::Status started = cluster_.Start(kB);
  ASSERT_TRUE(started.ok()) << started;
  EXPECT_FALSE(cluster_.forgot(kB));
  EXPECT_TRUE(
      std::filesystem::exists(cluster_.directory(kB) + "/set-aside-1/db"));
  cluster_.ReadAll(kB, group_, appended_);
}

}  // namespace
}  // namespace kappa::server

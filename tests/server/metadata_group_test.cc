#include "server/metadata_group.h"

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "server/errors.h"
#include "tests/server/metadata_cluster.h"
#include "tests/server/node_driver.h"

namespace kappa::server {
namespace {

using storage::v1::MetadataCommand;

MetadataCommand OpenOf(const std::string& name) {
  MetadataCommand command;
  command.mutable_open_producer()->set_name(name);
  command.mutable_open_producer()->set_new_id(std::string(16, 'p'));
  return command;
}

MetadataCommand TopicOf(const std::string& name) {
  MetadataCommand command;
  command.mutable_create_topic()->mutable_topic()->set_name(name);
  command.mutable_create_topic()->mutable_topic()->set_uuid(
      std::string(16, 't'));
  command.mutable_create_topic()->mutable_topic()->set_partitions(1);
  return command;
}

class MetadataGroupTest : public testing::Test {
 protected:
  size_t AwaitLeader() {
    EXPECT_TRUE(cluster_.RunUntil([&] { return cluster_.Settled(); }));
    return *cluster_.Leader();
  }
  // "OK", or the reason it failed for.
  std::string Execute(size_t node, MetadataCommand command) {
    std::optional<std::string> told;
    cluster_.Execute(node, std::move(command),
                     [&told](absl::StatusOr<CommandOutcome> outcome) {
                       told = outcome.ok() ? "OK" : ReasonOf(outcome.status());
                     });
    cluster_.RunUntil([&] { return told.has_value(); }, 200);
    return told.value_or("nothing");
  }

  MetadataCluster cluster_{1};
};

TEST_F(MetadataGroupTest, TheFirstLeaderFormsTheCluster) {
  AwaitLeader();
  for (size_t i = 0; i < MetadataCluster::kNodes; ++i) {
    EXPECT_TRUE(cluster_.group(i).state().formed());
    EXPECT_EQ(cluster_.group(i).state().cluster().nodes_size(), 4);
  }
  EXPECT_EQ(cluster_.StoredCommands(0).size(), 1u);
  EXPECT_TRUE(cluster_.StoredCommands(0).front().has_form_cluster());
}

TEST_F(MetadataGroupTest, ALaterLeaderDoesNotFormItAgain) {
  const size_t leader = AwaitLeader();
  cluster_.Crash(leader, 0);
  ASSERT_TRUE(cluster_.RunUntil([&] { return cluster_.Leader().has_value(); }));
  EXPECT_EQ(Execute(*cluster_.Leader(), OpenOf("p")), "OK");
  cluster_.Start(leader);
  AwaitLeader();
  EXPECT_EQ(cluster_.StoredCommands(0).size(), 2u);
}

TEST_F(MetadataGroupTest, WhoDoesNotLeadSaysWhoDoes) {
  const size_t leader = AwaitLeader();
  const size_t other = (leader + 1) % MetadataCluster::kNodes;
  absl::Status told;
  cluster_.Execute(other, OpenOf("p"),
                   [&told](absl::StatusOr<CommandOutcome> outcome) {
                     told = outcome.status();
                   });
  EXPECT_EQ(ReasonOf(told), "NOT_LEADER");
  EXPECT_EQ(ErrorInfoOf(told).metadata().at("leader_node"),
            absl::StrCat(leader + 1));
}

TEST_F(MetadataGroupTest, EveryNodeIsToldOfNodes) {
  const size_t leader = AwaitLeader();
  std::vector<size_t> told(MetadataCluster::kNodes);
  for (size_t i = 0; i < MetadataCluster::kNodes; ++i) {
    cluster_.With(i, [&told, i](MetadataGroup& group) {
      group.SetNodesChanged([&told, i](const std::vector<NodeInfo>& nodes) {
        told[i] = nodes.size();
      });
    });
    EXPECT_EQ(told[i], 4u);
  }
  MetadataCommand command;
  command.mutable_register_node()->mutable_node()->set_disk_id(
      std::string(16, 'n'));
  EXPECT_EQ(Execute(leader, command), "OK");
  ASSERT_TRUE(cluster_.RunUntil([&] { return cluster_.Settled(); }));
  EXPECT_EQ(told, std::vector<size_t>(MetadataCluster::kNodes, 5));
  EXPECT_EQ(cluster_.group(0).state().nodes()[4].node, NodeId(5));
  // Known now: it takes no entry.
  const LogIndex last = cluster_.group(leader).log().tail().last.index;
  EXPECT_EQ(Execute(leader, command), "OK");
  EXPECT_EQ(cluster_.group(leader).log().tail().last.index, last);
}

TEST_F(MetadataGroupTest, EveryNodeAppliesAndMakesReal) {
  const size_t leader = AwaitLeader();
  EXPECT_EQ(Execute(leader, TopicOf("t")), "OK");
  ASSERT_TRUE(cluster_.RunUntil([&] { return cluster_.Settled(); }));
  EXPECT_EQ(cluster_.counts.effects, MetadataCluster::kNodes);
  for (size_t i = 0; i < MetadataCluster::kNodes; ++i) {
    EXPECT_NE(cluster_.group(i).state().topics().Find("t"), nullptr);
    EXPECT_EQ(cluster_.RowsOf(i), cluster_.RowsOf(0));
  }
}

TEST_F(MetadataGroupTest, WhatChangesNothingIsAnsweredWithoutAnEntry) {
  const size_t leader = AwaitLeader();
  EXPECT_EQ(Execute(leader, TopicOf("t")), "OK");
  ASSERT_TRUE(cluster_.RunUntil([&] { return cluster_.Settled(); }));
  const LogIndex last = cluster_.group(leader).log().tail().last.index;
  EXPECT_EQ(Execute(leader, TopicOf("t")), "OK");
  EXPECT_EQ(cluster_.group(leader).log().tail().last.index, last);
}

TEST_F(MetadataGroupTest, ADeposedLeaderAnswersNothingFromItsState) {
  const size_t leader = AwaitLeader();
  EXPECT_EQ(Execute(leader, TopicOf("t")), "OK");
  ASSERT_TRUE(cluster_.RunUntil([&] { return cluster_.Settled(); }));
  cluster_.Cut(leader);
  // It does not know yet that it is alone.
  ASSERT_TRUE(cluster_.group(leader).leads());
  std::optional<absl::Status> told;
  // After the lease that lets it answer alone, and before it steps down.
  cluster_.RunUntil([&] { return !cluster_.group(leader).leads(); }, 100);
  cluster_.Execute(leader, TopicOf("t"),
                   [&told](absl::StatusOr<CommandOutcome> outcome) {
                     told = outcome.status();
                   });
  ASSERT_TRUE(cluster_.RunUntil([&] { return told.has_value(); }, 200));
  EXPECT_EQ(ReasonOf(*told), "NOT_LEADER");
}

TEST_F(MetadataGroupTest, WhatWasProposedByADeposedLeaderIsUnknown) {
  const size_t leader = AwaitLeader();
  cluster_.Cut(leader);
  EXPECT_EQ(Execute(leader, TopicOf("t")), "OUTCOME_UNKNOWN");
  cluster_.Mend(leader);
  AwaitLeader();
  for (size_t i = 0; i < MetadataCluster::kNodes; ++i) {
    EXPECT_EQ(cluster_.RowsOf(i), cluster_.RowsOf(0));
  }
}

TEST_F(MetadataGroupTest, AReplicaWhoseDiskHangsIsReadToLater) {
  const size_t leader = AwaitLeader();
  const size_t slow = (leader + 1) % MetadataCluster::kVoters;
  EXPECT_EQ(Execute(leader, OpenOf("p0")), "OK");
  ASSERT_TRUE(cluster_.RunUntil([&] { return cluster_.Settled(); }));
  cluster_.HangReaders(slow);
  // More than it keeps in memory.
  uint64_t answered = 0;
  for (int i = 0; i < 2500; ++i) {
    cluster_.Execute(leader, OpenOf(absl::StrCat("p", i)),
                     [&answered](absl::StatusOr<CommandOutcome> outcome) {
                       if (outcome.ok()) ++answered;
                     });
    if (i % 50 == 0) cluster_.RunRound();
  }
  ASSERT_TRUE(cluster_.RunUntil([&] { return answered >= 2400; }));
  EXPECT_LT(cluster_.group(slow).state().applied(), LogIndex(100));
  cluster_.FreeReaders(slow);
  ASSERT_TRUE(cluster_.RunUntil([&] { return cluster_.Settled(); }));
  EXPECT_EQ(cluster_.RowsOf(slow), cluster_.RowsOf(leader));
}

// What a log held at a start is read to be applied; others have it whole.
TEST_F(MetadataGroupTest, DamageThatIsMetWhileApplyingIsRepairedFirst) {
  const size_t leader = AwaitLeader();
  const size_t damaged = (leader + 1) % MetadataCluster::kVoters;
  const LogIndex applied = cluster_.group(damaged).state().applied();
  // A producer's row cannot be read: nothing is applied from there on.
  cluster_.HangReaders(damaged);
  EXPECT_EQ(Execute(leader, OpenOf("p")), "OK");
  EXPECT_EQ(Execute(leader, TopicOf("t")), "OK");
  EXPECT_EQ(Execute(leader, OpenOf("q")), "OK");
  const LogIndex last = cluster_.group(leader).log().tail().last.index;
  ASSERT_EQ(last.value(), applied.value() + 3);
  ASSERT_TRUE(cluster_.RunUntil([&] {
    return cluster_.group(damaged).log().committed_tail().last.index == last;
  }));
  ASSERT_EQ(cluster_.group(damaged).state().applied(), applied);
  cluster_.Crash(damaged, /*kept=*/100);
  cluster_.DamageEntry(damaged, applied.Next().Next());
  cluster_.Start(damaged);
  // Read again and again, told once.
  ASSERT_TRUE(cluster_.RunUntil([&] { return cluster_.Settled(); }));
  EXPECT_EQ(cluster_.counts.damaged, 1u);
  EXPECT_EQ(cluster_.RowsOf(damaged), cluster_.RowsOf(leader));
  EXPECT_EQ(cluster_.StoredCommands(damaged).size(),
            cluster_.StoredCommands(leader).size());
  EXPECT_NE(cluster_.group(damaged).state().topics().Find("t"), nullptr);
}

TEST_F(MetadataGroupTest, ReadsOfAFollowerIncludeWhatWasAnswered) {
  const size_t leader = AwaitLeader();
  for (uint64_t epoch = 1; epoch <= 5; ++epoch) {
    EXPECT_EQ(Execute(leader, OpenOf("p")), "OK");
    for (size_t i = 0; i < MetadataCluster::kNodes; ++i) {
      std::optional<uint64_t> found;
      cluster_.With(i, [&found](MetadataGroup& group) {
        group.AfterReadPoint([&found, &group](const absl::Status& status) {
          EXPECT_TRUE(status.ok()) << status;
          group.FindProducer(
              "p",
              [&found](absl::StatusOr<std::optional<NamedProducer>> producer) {
                ASSERT_TRUE(producer.ok() && producer->has_value());
                found = (*producer)->epoch;
              });
        });
      });
      ASSERT_TRUE(cluster_.RunUntil([&] { return found.has_value(); }, 200));
      EXPECT_EQ(*found, epoch);
    }
  }
}

}  // namespace
}  // namespace kappa::server

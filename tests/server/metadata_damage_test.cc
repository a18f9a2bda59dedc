// An entry of the metadata group's log that is damaged on one node: a scrub
// finds it, it is repaired from the others, and topics are made meanwhile.
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "server/maintenance.h"
#include "server/metadata_group.h"
#include "tests/server/node_cluster.h"

namespace kappa::server {
namespace {

namespace fs = std::filesystem;

constexpr size_t kNodes = NodeCluster::kNodes;

class MetadataDamageTest : public testing::Test {
 protected:
  MetadataDamageTest() {
    std::string pattern = testing::TempDir() + "/metadata_damage_XXXXXX";
    root_ = mkdtemp(pattern.data());
    cluster_.emplace([this](size_t i, MemoryHarness& node) {
      node.options.data_dir = absl::StrCat(root_, "/", i);
      fs::create_directory(node.options.data_dir);
    });
    for (int i = 0; i < 5; ++i) MakeTopic();
    // Nothing of it is in memory any more.
    for (size_t i = 0; i < kNodes; ++i) cluster_->Kill(i);
    for (size_t i = 0; i < kNodes; ++i) cluster_->Start(i);
    // All entries but this one are of the terms before.
    MakeTopic();
  }
  ~MetadataDamageTest() override {
    cluster_.reset();
    fs::remove_all(root_);
  }

  void MakeTopic() {
    cluster_->MakeTopic(absl::StrCat("t", topics_), 1);
    ++topics_;
  }
  bool Leads(size_t i) {
    return cluster_->TransferLeadership(i, kMetadataGroup, NodeId(i + 1)).ok();
  }
  size_t Leader() {
    size_t leader = 0;
    EXPECT_TRUE(cluster_->Await([&] {
      for (leader = 0; leader < kNodes; ++leader) {
        if (Leads(leader)) return true;
      }
      return false;
    }));
    return leader;
  }

  // Damages the creation of one of the first topics.
  void DamageAt(size_t i) {
    storage::MemoryLogStore& store = cluster_->harness(i).store();
    const ReplicaNumber number = cluster_->NumberOf(i, kMetadataGroup);
    const std::string name = "t3";
    const LogIndex last = store.Position(number)->last.index;
    for (LogIndex index(1); index < last; index = index.Next()) {
      const auto entry =
          store.Read(number, index, index, 1, storage::ReadClass::kPoint);
      ASSERT_TRUE(entry.ok()) << entry.status();
      if (!absl::StrContains(entry->front().payload.ToString(), name)) continue;
      store.DamageEntry(number, index);
      damaged_ = index;
      return;
    }
    FAIL() << "no command makes " << name;
  }
  bool IsWhole(size_t i) {
    storage::MemoryLogStore& store = cluster_->harness(i).store();
    return store
        .Read(cluster_->NumberOf(i, kMetadataGroup), damaged_, damaged_, 1,
              storage::ReadClass::kPoint)
        .ok();
  }
  void Scrub(size_t i) {
    auto& maintenance = dynamic_cast<Maintenance&>(cluster_->node(i));
    maintenance.KeepScrubbing(ScrubSettings());
    EXPECT_TRUE(cluster_->Await([&] {
      const v1::ScrubStatus status = maintenance.GetScrubStatus();
      return status.pass() > 0 && !status.running();
    }));
    EXPECT_EQ(maintenance.GetScrubStatus().damaged_entries(), 1u);
  }
  int DamageListed(size_t i) {
    int listed = 0;
    const v1::GetHealthResponse health = cluster_->Health(i);
    for (const v1::HealthProblem& problem : health.problems()) {
      if (problem.kind() == v1::HEALTH_PROBLEM_KIND_DAMAGED) ++listed;
    }
    return listed;
  }
  void ExpectAllTopicsOn(size_t i) {
    for (int topic = 0; topic < topics_; ++topic) {
      EXPECT_NE(cluster_->node(i).FindTopic(absl::StrCat("t", topic)), nullptr)
          << "node " << i << ", topic " << topic;
    }
  }

  std::string root_;
  std::optional<NodeCluster> cluster_;
  int topics_ = 0;
  LogIndex damaged_;
};

// On a follower, then on the leader.
class MetadataDamageOnTest : public MetadataDamageTest,
                             public testing::WithParamInterface<size_t> {};

TEST_P(MetadataDamageOnTest, ItIsRepairedAndTheOthersGoOn) {
  const size_t damaged = (Leader() + GetParam()) % kNodes;
  ASSERT_NO_FATAL_FAILURE(DamageAt(damaged));
  ASSERT_FALSE(IsWhole(damaged));
  Scrub(damaged);
  MakeTopic();
  EXPECT_TRUE(cluster_->Await([&] { return IsWhole(damaged); }));
  EXPECT_TRUE(cluster_->Await([&] { return DamageListed(damaged) == 0; }));
  // It serves as before, after a restart too, and may lead.
  cluster_->Kill(damaged);
  MakeTopic();
  cluster_->Start(damaged);
  EXPECT_TRUE(cluster_->Await([&] {
    return cluster_
        ->TransferLeadership(Leader(), kMetadataGroup, NodeId(damaged + 1))
        .ok();
  }));
  MakeTopic();
  for (size_t i = 0; i < kNodes; ++i) ExpectAllTopicsOn(i);
}

INSTANTIATE_TEST_SUITE_P(Roles, MetadataDamageOnTest, testing::Values(1, 0),
                         [](const auto& info) {
                           return info.param == 0 ? "Leader" : "Follower";
                         });

// A start reads it, no scrub.
TEST_F(MetadataDamageTest, TheLastEntryIsRepairedAfterAStart) {
  const size_t damaged = (Leader() + 1) % kNodes;
  cluster_->Kill(damaged);
  storage::MemoryLogStore& store = cluster_->harness(damaged).store();
  const ReplicaNumber number = cluster_->NumberOf(damaged, kMetadataGroup);
  damaged_ = store.Position(number)->last.index;
  store.DamageEntry(number, damaged_);
  cluster_->Start(damaged);
  EXPECT_TRUE(cluster_->Await([&] { return IsWhole(damaged); }));
  MakeTopic();
  ExpectAllTopicsOn(damaged);
}

// Every copy of it: topics are made on, nothing is lost, and each node says
// what it lacks.
TEST_F(MetadataDamageTest, WhereNoCopyIsLeftHealthTells) {
  for (size_t i = 0; i < kNodes; ++i) {
    ASSERT_NO_FATAL_FAILURE(DamageAt(i));
  }
  for (size_t i = 0; i < kNodes; ++i) Scrub(i);
  for (size_t i = 0; i < kNodes; ++i) {
    EXPECT_TRUE(cluster_->Await([&] { return DamageListed(i) == 1; }))
        << "node " << i;
    EXPECT_FALSE(IsWhole(i));
    ExpectAllTopicsOn(i);
  }
}

}  // namespace
}  // namespace kappa::server

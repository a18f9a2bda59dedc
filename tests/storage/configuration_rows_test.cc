#include "storage/configuration_rows.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "storage/memory_log_store.h"

namespace kappa::storage {
namespace {

ReplicaId Id(uint64_t node) { return {NodeId(node), Incarnation(node + 10)}; }

std::vector<raft::Configuration> Samples() {
  std::vector<raft::Configuration> samples(3);
  samples[1].voters = {Id(1), Id(2), Id(3)};
  samples[1].learners = {Id(4)};
  samples[2].voters = {Id(1)};
  samples[2].outgoing_voters = {Id(2), Id(3)};
  samples[2].learners = {Id(4), Id(5)};
  samples[2].learners_next = {Id(3)};
  samples[2].promoting = {Id(5)};
  samples[2].auto_leave = true;
  return samples;
}

TEST(ConfigurationRowsTest, AConfigurationIsDecodedAsItWas) {
  for (const raft::Configuration& sample : Samples()) {
    const auto decoded = DecodeConfiguration(EncodeConfiguration(sample));
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    EXPECT_EQ(*decoded, sample);
  }
}

TEST(ConfigurationRowsTest, AnyFlippedBitIsSeen) {
  for (const raft::Configuration& sample : Samples()) {
    const std::string bytes = EncodeConfiguration(sample);
    for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
      std::string damaged = bytes;
      damaged[bit / 8] ^= static_cast<char>(1 << (bit % 8));
      EXPECT_TRUE(absl::IsDataLoss(DecodeConfiguration(damaged).status()));
    }
    EXPECT_FALSE(DecodeConfiguration(bytes.substr(1)).ok());
    EXPECT_FALSE(DecodeConfiguration(bytes + "x").ok());
  }
}

class ConfigurationRowTest : public testing::Test {
 protected:
  ConfigurationRowTest() {
    ReplicaSpec spec;
    spec.group = GroupId(1);
    spec.self = Id(1);
    const ReplicaSpec specs[] = {spec};
    replica_ = store_.CreateReplicas(specs)->front();
  }
  void Put(const std::vector<raft::ConfigurationAt>& newest) {
    GroupWrite write;
    write.replica = replica_;
    write.side_rows.push_back(ConfigurationRow(replica_, newest));
    const GroupWrite writes[] = {write};
    ASSERT_TRUE(store_.Commit(writes).ok());
  }

  MemoryLogStore store_;
  ReplicaNumber replica_;
};

TEST_F(ConfigurationRowTest, NoRowNamesNone) {
  EXPECT_TRUE(ReadConfigurationRow(store_, replica_)->empty());
}

TEST_F(ConfigurationRowTest, TheRowNamesTheNewestEntries) {
  const std::vector<raft::Configuration> samples = Samples();
  Put({{LogIndex(4), samples[1]}, {LogIndex(9), samples[2]}});
  const auto newest = ReadConfigurationRow(store_, replica_);
  ASSERT_TRUE(newest.ok()) << newest.status();
  ASSERT_EQ(newest->size(), 2u);
  EXPECT_EQ((*newest)[0].index, LogIndex(4));
  EXPECT_EQ((*newest)[0].configuration, samples[1]);
  EXPECT_EQ((*newest)[1].index, LogIndex(9));
  EXPECT_EQ((*newest)[1].configuration, samples[2]);
}

TEST_F(ConfigurationRowTest, TheRowGoesWithTheLastEntry) {
  Put({{LogIndex(4), Samples()[1]}});
  Put({});
  EXPECT_TRUE(ReadConfigurationRow(store_, replica_)->empty());
}

TEST_F(ConfigurationRowTest, ADamagedRowIsNotBelieved) {
  SideRow row = ConfigurationRow(replica_, {{LogIndex(4), Samples()[1]}});
  (*row.value)[7] ^= 1;
  GroupWrite write;
  write.replica = replica_;
  write.side_rows.push_back(row);
  const GroupWrite writes[] = {write};
  ASSERT_TRUE(store_.Commit(writes).ok());
  EXPECT_TRUE(
      absl::IsDataLoss(ReadConfigurationRow(store_, replica_).status()));
}

}  // namespace
}  // namespace kappa::storage

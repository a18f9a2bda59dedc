// Topics of a node, on every kind of store.
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "server/node_stats.h"
#include "tests/server/awaited.h"
#include "tests/server/node_driver.h"
#include "tests/server/node_harness.h"

namespace kappa::server {
namespace {

using Values = std::vector<std::string>;

v1::CreateTopicRequest RequestFor(const std::string& name,
                                  uint32_t partitions = 0) {
  v1::CreateTopicRequest request;
  request.set_name(name);
  request.set_partitions(partitions);
  return request;
}

class NodeTopicTest : public testing::TestWithParam<HarnessFactory> {
 protected:
  void SetUp() override { ASSERT_EQ(harness_->Open(), absl::OkStatus()); }
  void Reopen() {
    harness_->Stop();
    ASSERT_EQ(harness_->Open(), absl::OkStatus());
  }

  std::unique_ptr<NodeHarness> harness_ = GetParam()();
  NodeDriver driver_{harness_.get()};
};

TEST_P(NodeTopicTest, ATopicIsMadeWithDefaultsAndStays) {
  const absl::StatusOr<v1::CreateTopicResponse> made =
      driver_.CreateTopic(RequestFor("t"));
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_TRUE(made->created());
  const v1::Topic& topic = made->topic();
  EXPECT_EQ(topic.uuid().size(), 16u);
  EXPECT_EQ(topic.partitions(), 1u);
  EXPECT_EQ(topic.replicas(), 1u);
  EXPECT_TRUE(topic.deletion_protection());
  EXPECT_EQ(topic.limits().batch_bytes_max(), 3'145'728u);
  EXPECT_EQ(topic.limits().batch_records_max(), 65'536u);
  EXPECT_EQ(topic.accepted_compressions_size(), 2);
  EXPECT_EQ(topic.create_time_us(), kStartUs);
  Reopen();
  const auto found = driver_.node().FindTopic("t");
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->topic.SerializeAsString(), topic.SerializeAsString());
  EXPECT_EQ(found->groups.size(), 1u);
  EXPECT_EQ(found->batch_bytes_max, 3'145'728u);
  EXPECT_TRUE(found->accepts_zstd && found->accepts_lz4);
  EXPECT_EQ(driver_.node().FindTopic("u"), nullptr);
}

TEST_P(NodeTopicTest, MakingItAgainReturnsItUnlessSettingsDiffer) {
  const v1::Topic topic = driver_.CreateTopic(RequestFor("t", 2))->topic();
  harness_->clock.Advance(100);
  const v1::CreateTopicResponse again =
      *driver_.CreateTopic(RequestFor("t", 2));
  EXPECT_FALSE(again.created());
  EXPECT_EQ(again.topic().SerializeAsString(), topic.SerializeAsString());
  EXPECT_EQ(ReasonOf(driver_.CreateTopic(RequestFor("t", 3)).status()),
            "TOPIC_EXISTS");
  EXPECT_EQ(driver_.node().FindTopic("t")->groups.size(), 2u);
}

TEST_P(NodeTopicTest, ManyAtOnceGetOneTopic) {
  std::vector<Awaited<v1::CreateTopicResponse>> answers(20);
  for (Awaited<v1::CreateTopicResponse>& answer : answers) {
    driver_.node().CreateTopic(RequestFor("t", 2), answer.callback());
  }
  int created = 0;
  for (Awaited<v1::CreateTopicResponse>& answer : answers) {
    const absl::StatusOr<v1::CreateTopicResponse> made = answer.Get();
    ASSERT_TRUE(made.ok()) << made.status();
    created += made->created() ? 1 : 0;
    // Whoever has an answer finds the topic.
    ASSERT_NE(driver_.node().FindTopic("t"), nullptr);
    EXPECT_EQ(made->topic().uuid(),
              driver_.node().FindTopic("t")->topic.uuid());
  }
  EXPECT_EQ(created, 1);
  EXPECT_EQ(driver_.node().Stats().partitions, 2u);
}

TEST_P(NodeTopicTest, ADeletedTopicIsGoneAndItsSuccessorStartsAnew) {
  driver_.MakeTopic("t", 2);
  driver_.MakeTopic("kept", 1);
  const GroupId group = driver_.GroupOf("t", 0);
  ASSERT_TRUE(driver_.Append(group, {"a"}).ok());
  ASSERT_TRUE(driver_.Append(driver_.GroupOf("kept", 0), {"k"}).ok());
  const std::string uuid = driver_.node().FindTopic("t")->topic.uuid();
  Awaited<Offset> waiter;
  driver_.node().WaitForEnd(group, Offset(1), waiter.callback());
  const absl::StatusOr<v1::DeleteTopicResponse> deleted =
      driver_.DeleteTopic("t");
  ASSERT_TRUE(deleted.ok()) << deleted.status();
  EXPECT_EQ(deleted->topic_uuid(), uuid);
  EXPECT_EQ(driver_.node().FindTopic("t"), nullptr);
  EXPECT_EQ(ReasonOf(waiter.Get().status()), "TOPIC_NOT_FOUND");
  EXPECT_EQ(ReasonOf(driver_.Append(group, {"b"}).status()), "TOPIC_NOT_FOUND");
  EXPECT_EQ(ReasonOf(driver_.DeleteTopic("t").status()), "TOPIC_NOT_FOUND");
  driver_.MakeTopic("t", 2);
  EXPECT_NE(driver_.GroupOf("t", 0), group);
  EXPECT_NE(driver_.node().FindTopic("t")->topic.uuid(), uuid);
  EXPECT_EQ(driver_.Append(driver_.GroupOf("t", 0), {"c"})->base_offset,
            Offset(0));
  Reopen();
  EXPECT_EQ(driver_.ReadAll(driver_.GroupOf("t", 0)), Values({"c"}));
  EXPECT_EQ(driver_.ReadAll(driver_.GroupOf("kept", 0)), Values({"k"}));
  EXPECT_EQ(driver_.node().Stats().partitions, 3u);
}

TEST_P(NodeTopicTest, DeletionProtectionAndUuidAreChecked) {
  ASSERT_TRUE(driver_.CreateTopic(RequestFor("t")).ok());
  EXPECT_EQ(ReasonOf(driver_.DeleteTopic("t").status()), "DELETION_PROTECTED");
  v1::UpdateTopicRequest update;
  update.set_name("t");
  update.set_deletion_protection(false);
  update.set_topic_uuid(std::string(16, 'x'));
  EXPECT_EQ(ReasonOf(driver_.UpdateTopic(update).status()),
            "TOPIC_UUID_MISMATCH");
  update.clear_topic_uuid();
  ASSERT_TRUE(driver_.UpdateTopic(update).ok());
  v1::DeleteTopicRequest other;
  other.set_name("t");
  other.set_topic_uuid(std::string(16, 'x'));
  Awaited<v1::DeleteTopicResponse> answer;
  driver_.node().DeleteTopic(other, answer.callback());
  EXPECT_EQ(ReasonOf(answer.Get().status()), "TOPIC_UUID_MISMATCH");
  EXPECT_TRUE(driver_.DeleteTopic("t").ok());
}

TEST_P(NodeTopicTest, AnUpdateChangesWhatItNames) {
  v1::CreateTopicRequest request = RequestFor("t");
  request.set_description("before");
  request.add_labels()->set_name("b");
  ASSERT_TRUE(driver_.CreateTopic(request).ok());
  v1::UpdateTopicRequest update;
  update.set_name("t");
  update.mutable_limits()->set_batch_bytes_max(1000);
  update.mutable_accepted_compressions()->add_compressions(v1::COMPRESSION_LZ4);
  const absl::StatusOr<v1::UpdateTopicResponse> updated =
      driver_.UpdateTopic(update);
  ASSERT_TRUE(updated.ok()) << updated.status();
  Reopen();
  const auto topic = driver_.node().FindTopic("t");
  EXPECT_EQ(topic->topic.SerializeAsString(),
            updated->topic().SerializeAsString());
  EXPECT_EQ(topic->topic.description(), "before");
  EXPECT_EQ(topic->topic.labels(0).name(), "b");
  EXPECT_EQ(topic->batch_bytes_max, 1000u);
  EXPECT_EQ(topic->batch_records_max, 65'536u);
  EXPECT_FALSE(topic->accepts_zstd);
  EXPECT_TRUE(topic->accepts_lz4);
  update.set_name("none");
  EXPECT_EQ(ReasonOf(driver_.UpdateTopic(update).status()), "TOPIC_NOT_FOUND");
}

TEST_P(NodeTopicTest, PartitionsAreAddedAndOldOnesKeepTheirRecords) {
  driver_.MakeTopic("t", 2);
  ASSERT_TRUE(driver_.AddPartitions("t", 3, false).ok());  // no records yet
  const GroupId group = driver_.GroupOf("t", 2);
  ASSERT_TRUE(driver_.Append(group, {"a"}).ok());
  EXPECT_EQ(ReasonOf(driver_.AddPartitions("t", 5, false).status()),
            "KEY_MOVEMENT_NOT_ACCEPTED");
  const absl::StatusOr<v1::AddPartitionsResponse> more =
      driver_.AddPartitions("t", 5, true);
  ASSERT_TRUE(more.ok()) << more.status();
  EXPECT_EQ(more->topic().partitions(), 5u);
  EXPECT_TRUE(driver_.AddPartitions("t", 5, false).ok());
  EXPECT_EQ(ReasonOf(driver_.AddPartitions("t", 4, true).status()),
            "LIMIT_EXCEEDED");
  EXPECT_EQ(ReasonOf(driver_.AddPartitions("t", 10'001, true).status()),
            "LIMIT_EXCEEDED");
  EXPECT_EQ(driver_.GroupOf("t", 2), group);
  ASSERT_TRUE(driver_.Append(driver_.GroupOf("t", 4), {"b"}).ok());
  Reopen();
  EXPECT_EQ(driver_.ReadAll(driver_.GroupOf("t", 2)), Values({"a"}));
  EXPECT_EQ(driver_.ReadAll(driver_.GroupOf("t", 4)), Values({"b"}));
}

TEST_P(NodeTopicTest, TellsWherePartitionsStandAsleepOrNot) {
  driver_.MakeTopic("b", 2);
  driver_.MakeTopic("a", 1);
  ASSERT_TRUE(driver_.Append(driver_.GroupOf("b", 1), {"x", "y"}).ok());
  for (int opens = 0; opens < 2; ++opens) {
    const std::vector<PartitionStats> all = driver_.node().Partitions(10);
    ASSERT_EQ(all.size(), 3u);
    EXPECT_EQ(all[0].topic, "a");
    EXPECT_EQ(all[2].topic, "b");
    EXPECT_EQ(all[2].partition, 1u);
    EXPECT_EQ(all[2].end_offset, 2u);
    EXPECT_EQ(all[1].end_offset, 0u);
    EXPECT_EQ(driver_.node().Partitions(2).size(), 2u);
    Reopen();
  }
}

TEST_P(NodeTopicTest, TopicsAreListedInOrderAndInPages) {
  for (const std::string name : {"b", "a", "ab", "c", "abc"}) {
    driver_.MakeTopic(name, 1);
  }
  const auto names = [this](std::string_view prefix, std::string_view after,
                            size_t count) {
    Values found;
    for (const auto& topic : driver_.node().ListTopics(prefix, after, count)) {
      found.push_back(topic->topic.name());
    }
    return found;
  };
  EXPECT_EQ(names("", "", 100), Values({"a", "ab", "abc", "b", "c"}));
  EXPECT_EQ(names("", "ab", 2), Values({"abc", "b"}));
  EXPECT_EQ(names("a", "", 100), Values({"a", "ab", "abc"}));
  EXPECT_EQ(names("ab", "ab", 100), Values({"abc"}));
  EXPECT_EQ(names("b", "c", 100), Values());
  EXPECT_EQ(names("", "c", 100), Values());
}

INSTANTIATE_TEST_SUITE_P(Stores, NodeTopicTest, testing::ValuesIn(Harnesses()));

}  // namespace
}  // namespace kappa::server

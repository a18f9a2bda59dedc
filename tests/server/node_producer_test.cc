// Producers: exact appends through a node, on every kind of store.
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/server/node_driver.h"
#include "tests/server/node_harness.h"

namespace kappa::server {
namespace {

using Values = std::vector<std::string>;

class NodeProducerTest : public testing::TestWithParam<HarnessFactory> {
 protected:
  void SetUp() override {
    ASSERT_EQ(harness_->Open(), absl::OkStatus());
    driver_.MakeTopic("t", 2);
    group_ = driver_.GroupOf("t", 0);
  }
  void Reopen() {
    harness_->Stop();
    ASSERT_EQ(harness_->Open(), absl::OkStatus());
  }
  void KillAndReopen() {
    harness_->Kill();
    ASSERT_EQ(harness_->Open(), absl::OkStatus());
  }
  // Opens the producer "p" in both partitions.
  v1::OpenProducerResponse OpenProducer() {
    absl::StatusOr<v1::OpenProducerResponse> opened =
        driver_.OpenProducer("p", "t", {0, 1});
    EXPECT_TRUE(opened.ok()) << opened.status();
    return opened.ok() ? *opened : v1::OpenProducerResponse();
  }

  std::unique_ptr<NodeHarness> harness_ = GetParam()();
  NodeDriver driver_{harness_.get()};
  GroupId group_;
};

TEST_P(NodeProducerTest, ARepetitionGetsTheFirstResult) {
  const v1::OpenProducerResponse p = OpenProducer();
  const v1::ProducerSequence first = Sequence(p.producer_id(), 1, 1);
  const AppendResult stored = *driver_.Append(group_, {"a", "b"}, first);
  EXPECT_FALSE(stored.duplicate);
  ASSERT_TRUE(
      driver_.Append(group_, {"c"}, Sequence(p.producer_id(), 1, 2)).ok());
  for (int life = 0; life < 3; ++life) {
    const absl::StatusOr<AppendResult> again =
        driver_.Append(group_, {"a", "b"}, first);
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_TRUE(again->duplicate);
    EXPECT_EQ(again->base_offset, stored.base_offset);
    EXPECT_EQ(again->next_offset, stored.next_offset);
    EXPECT_EQ(again->append_time_us, stored.append_time_us);
    EXPECT_EQ(again->chain, stored.chain);
    if (life == 0) Reopen();
    if (life == 1) KillAndReopen();
  }
  EXPECT_EQ(driver_.ReadAll(group_), Values({"a", "b", "c"}));
}

TEST_P(NodeProducerTest, ARepetitionWithOtherBytesIsRefused) {
  const v1::OpenProducerResponse p = OpenProducer();
  const v1::ProducerSequence first = Sequence(p.producer_id(), 1, 1);
  ASSERT_TRUE(driver_.Append(group_, {"a"}, first).ok());
  EXPECT_EQ(ReasonOf(driver_.Append(group_, {"b"}, first).status()),
            "SEQUENCE_REUSED");
  Reopen();
  EXPECT_EQ(ReasonOf(driver_.Append(group_, {"b"}, first).status()),
            "SEQUENCE_REUSED");
  EXPECT_EQ(driver_.ReadAll(group_), Values({"a"}));
}

TEST_P(NodeProducerTest, AnIdOrEpochThatWasNeverGivenOutIsRefused) {
  const v1::OpenProducerResponse p = OpenProducer();
  const std::string made_up(16, 'x');
  EXPECT_EQ(
      ReasonOf(driver_.Append(group_, {"a"}, Sequence(made_up, 1, 1)).status()),
      "PRODUCER_UNKNOWN");
  EXPECT_EQ(
      ReasonOf(driver_.Append(group_, {"a"}, Sequence(p.producer_id(), 2, 1))
                   .status()),
      "PRODUCER_UNKNOWN");
  Reopen();
  EXPECT_EQ(
      ReasonOf(driver_.Append(group_, {"a"}, Sequence(made_up, 1, 1)).status()),
      "PRODUCER_UNKNOWN");
  ASSERT_TRUE(
      driver_.Append(group_, {"b"}, Sequence(p.producer_id(), 1, 1)).ok());
  EXPECT_EQ(driver_.ReadAll(group_), Values({"b"}));
}

TEST_P(NodeProducerTest, AnOldRepetitionIsKnownWithoutItsResult) {
  const v1::OpenProducerResponse p = OpenProducer();
  for (uint64_t sequence = 1; sequence <= 130; ++sequence) {
    ASSERT_TRUE(driver_
                    .Append(group_, {std::to_string(sequence)},
                            Sequence(p.producer_id(), 1, sequence))
                    .ok());
  }
  EXPECT_EQ(
      ReasonOf(driver_.Append(group_, {"2"}, Sequence(p.producer_id(), 1, 2))
                   .status()),
      "SEQUENCE_STORED");
  const absl::StatusOr<AppendResult> kept =
      driver_.Append(group_, {"3"}, Sequence(p.producer_id(), 1, 3));
  ASSERT_TRUE(kept.ok()) << kept.status();
  EXPECT_TRUE(kept->duplicate);
  EXPECT_EQ(kept->base_offset, Offset(2));
}

TEST_P(NodeProducerTest, AGapIsRefusedWithTheLastSequence) {
  const v1::OpenProducerResponse p = OpenProducer();
  ASSERT_TRUE(
      driver_.Append(group_, {"a"}, Sequence(p.producer_id(), 1, 1)).ok());
  const absl::Status gap =
      driver_.Append(group_, {"c"}, Sequence(p.producer_id(), 1, 3)).status();
  EXPECT_EQ(ReasonOf(gap), "SEQUENCE_GAP");
  EXPECT_EQ(FactOf(gap, "last_sequence"), "1");
  v1::ProducerSequence jump = Sequence(p.producer_id(), 1, 3);
  jump.set_previous_sequence(1);
  EXPECT_EQ(driver_.Append(group_, {"c"}, jump)->base_offset, Offset(1));
}

TEST_P(NodeProducerTest, OpeningFencesTheOlderEpoch) {
  const v1::OpenProducerResponse first = OpenProducer();
  EXPECT_EQ(first.epoch(), 1u);
  EXPECT_EQ(first.producer_id().size(), 16u);
  EXPECT_EQ(first.positions_size(), 2);
  ASSERT_TRUE(
      driver_.Append(group_, {"a"}, Sequence(first.producer_id(), 1, 1)).ok());
  Reopen();
  const v1::OpenProducerResponse second = OpenProducer();
  EXPECT_EQ(second.epoch(), 2u);
  EXPECT_EQ(second.producer_id(), first.producer_id());
  EXPECT_EQ(second.positions(0).last_sequence(), 1u);
  EXPECT_EQ(second.positions(0).epoch(), 2u);
  EXPECT_EQ(second.positions(1).last_sequence(), 0u);
  const absl::Status fenced =
      driver_.Append(group_, {"b"}, Sequence(first.producer_id(), 1, 2))
          .status();
  EXPECT_EQ(ReasonOf(fenced), "PRODUCER_FENCED");
  EXPECT_EQ(FactOf(fenced, "epoch"), "2");
  EXPECT_TRUE(
      driver_.Append(group_, {"b"}, Sequence(first.producer_id(), 2, 2)).ok());
  KillAndReopen();
  EXPECT_EQ(ReasonOf(driver_
                         .Append(driver_.GroupOf("t", 1), {"c"},
                                 Sequence(first.producer_id(), 1, 1))
                         .status()),
            "PRODUCER_FENCED");
  EXPECT_EQ(driver_.ReadAll(group_), Values({"a", "b"}));
}

TEST_P(NodeProducerTest, StateComesBackWithTheSequence) {
  const v1::OpenProducerResponse p = OpenProducer();
  v1::ProducerSequence with_state = Sequence(p.producer_id(), 1, 1);
  with_state.set_state("position 17");
  ASSERT_TRUE(driver_.Append(group_, {"a"}, with_state).ok());
  for (const bool reopened : {false, true}) {
    if (reopened) KillAndReopen();
    absl::StatusOr<v1::GetProducerResponse> known =
        driver_.GetProducer("p", "t", {1, 0});
    ASSERT_TRUE(known.ok()) << known.status();
    EXPECT_EQ(known->producer_id(), p.producer_id());
    EXPECT_EQ(known->epoch(), 1u);
    ASSERT_EQ(known->positions_size(), 2);
    EXPECT_EQ(known->positions(0).partition(), 1u);
    EXPECT_FALSE(known->positions(0).has_state());
    EXPECT_EQ(known->positions(1).partition(), 0u);
    EXPECT_EQ(known->positions(1).last_sequence(), 1u);
    EXPECT_EQ(known->positions(1).state(), "position 17");
  }
}

TEST_P(NodeProducerTest, AProducerNobodyOpenedIsRefused) {
  EXPECT_EQ(ReasonOf(driver_.GetProducer("nobody", "t", {}).status()),
            "PRODUCER_NOT_FOUND");
  EXPECT_EQ(ReasonOf(driver_.OpenProducer("a/b", "t", {}).status()),
            "INVALID_NAME");
  EXPECT_EQ(ReasonOf(driver_.OpenProducer("p", "none", {}).status()),
            "TOPIC_NOT_FOUND");
  EXPECT_EQ(ReasonOf(driver_.OpenProducer("p", "t", {2}).status()),
            "PARTITION_NOT_FOUND");
  EXPECT_EQ(ReasonOf(driver_.OpenProducer("p", "t", {1, 1}).status()),
            "MALFORMED_REQUEST");
}

TEST_P(NodeProducerTest, AnUnnamedSessionIsExactToo) {
  const std::string id = "session-00000001";
  EXPECT_TRUE(driver_.Append(group_, {"a"}, Sequence(id, 0, 1)).ok());
  EXPECT_TRUE(driver_.Append(group_, {"a"}, Sequence(id, 0, 1))->duplicate);
  Reopen();
  EXPECT_TRUE(driver_.Append(group_, {"a"}, Sequence(id, 0, 1))->duplicate);
  EXPECT_EQ(driver_.Append(group_, {"b"}, Sequence(id, 0, 2))->base_offset,
            Offset(1));
}

TEST_P(NodeProducerTest, MalformedSequencesChangeNothing) {
  const std::string id = "session-00000001";
  v1::ProducerSequence previous_too_high = Sequence(id, 0, 1);
  previous_too_high.set_previous_sequence(1);
  v1::ProducerSequence large_state = Sequence(id, 0, 1);
  large_state.set_state(std::string(1025, 's'));
  const std::vector<std::pair<v1::ProducerSequence, std::string>> cases = {
      {Sequence("short", 0, 1), "MALFORMED_REQUEST"},
      {Sequence(std::string(16, '\0'), 0, 1), "MALFORMED_REQUEST"},
      {Sequence(id, 0, 0), "MALFORMED_REQUEST"},
      {previous_too_high, "MALFORMED_REQUEST"},
      {large_state, "LIMIT_EXCEEDED"},
  };
  for (const auto& [producer, reason] : cases) {
    EXPECT_EQ(ReasonOf(driver_.Append(group_, {"a"}, producer).status()),
              reason);
  }
  EXPECT_EQ(driver_.GetEnd(group_)->end_offset, Offset(0));
}

INSTANTIATE_TEST_SUITE_P(Stores, NodeProducerTest,
                         testing::ValuesIn(Harnesses()));

}  // namespace
}  // namespace kappa::server

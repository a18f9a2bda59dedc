#include "server/met_nodes.h"

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "server/random_uuid.h"
#include "storage/generation_ledger.h"

namespace kappa::server {
namespace {

constexpr uint64_t kOpen = 0x10;
constexpr uint64_t kLaterOpen = 0x11;

class MetNodesTest : public testing::Test {
 protected:
  MetNodesTest() {
    // Open 1 ended at cycle 8, open 2 has come to cycle 12.
    ledger_.Begin({{.open_id = 1, .first_cycle = 1}},
                  {.open_id = 2, .first_cycle = 9}, {});
    ledger_.OnDurable(12, true);
  }

  raft::v1::Greeting From(uint64_t open_id, bool answer = false) const {
    raft::v1::Greeting greeting;
    greeting.set_from_node(7);
    greeting.set_disk_id(BytesOf(their_disk_));
    greeting.set_open_id(open_id);
    greeting.set_known_disk_id(BytesOf(own_disk_));
    greeting.set_answer(answer);
    return greeting;
  }
  raft::v1::Greeting Remembering(uint64_t open_id, uint64_t cycle) const {
    raft::v1::Greeting greeting = From(kOpen);
    raft::v1::OpenEvidence* const evidence = greeting.add_evidence();
    evidence->set_open_id(open_id);
    evidence->set_cycle(cycle);
    return greeting;
  }
  absl::Status Hear(uint64_t open_id, uint64_t cycle) {
    return met_.Note(NodeId(7), their_disk_, {open_id, cycle});
  }

  const Uuid own_disk_ = RandomUuid();
  const Uuid their_disk_ = RandomUuid();
  storage::GenerationLedger ledger_;
  MetNodes met_{own_disk_, &ledger_};
};

TEST_F(MetNodesTest, WhatTheDirectoryKnowsOfItselfIsNoNews) {
  for (const auto& [open, cycle] :
       {std::pair<uint64_t, uint64_t>{1, 1}, {1, 8}, {2, 9}, {2, 12}, {3, 0}}) {
    EXPECT_TRUE(met_.Judge(Remembering(open, cycle)).ok())
        << open << " " << cycle;
  }
  EXPECT_TRUE(met_.forgotten().ok());
}

TEST_F(MetNodesTest, AnOpenOrACycleThatTheDirectoryLacksIsForgotten) {
  for (const auto& [open, cycle] :
       {std::pair<uint64_t, uint64_t>{1, 9}, {2, 13}, {3, 1}}) {
    MetNodes met(own_disk_, &ledger_);
    const absl::Status judged = met.Judge(Remembering(open, cycle));
    EXPECT_TRUE(IsForgotten(judged)) << open << " " << cycle;
    EXPECT_EQ(judged.code(), absl::StatusCode::kDataLoss);
    // From now on nobody is listened to.
    EXPECT_TRUE(IsForgotten(met.Judge(From(kOpen))));
    EXPECT_TRUE(IsForgotten(met.Note(NodeId(7), their_disk_, {kOpen, 1})));
    EXPECT_TRUE(IsForgotten(met.forgotten()));
  }
}

// Whoever says it: also one whom nobody here knows on that disk.
TEST_F(MetNodesTest, EvidenceCountsBeforeItsSenderIsKnown) {
  raft::v1::Greeting greeting = Remembering(3, 1);
  greeting.set_known_disk_id(BytesOf(RandomUuid()));
  EXPECT_TRUE(met_.JudgeEvidence(greeting).ok());
  EXPECT_TRUE(met_.JudgeEvidence(Remembering(2, 12)).ok());
  EXPECT_TRUE(met_.forgotten().ok());
  EXPECT_TRUE(IsForgotten(met_.JudgeEvidence(Remembering(3, 1))));
  EXPECT_TRUE(IsForgotten(met_.forgotten()));
}

TEST_F(MetNodesTest, WhatIsRememberedOfAnotherDiskIsNoEvidence) {
  raft::v1::Greeting greeting = Remembering(3, 1);
  greeting.set_known_disk_id(BytesOf(RandomUuid()));
  const absl::Status judged = met_.Judge(greeting);
  EXPECT_EQ(judged.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_FALSE(IsForgotten(judged));
  greeting.set_known_disk_id("");
  EXPECT_TRUE(met_.Judge(greeting).ok());
}

TEST_F(MetNodesTest, ANodeIsMetOnceItHasAnswered) {
  ASSERT_TRUE(met_.Judge(From(kOpen)).ok());
  EXPECT_FALSE(met_.HasMet(NodeId(7)));
  ASSERT_TRUE(met_.Judge(From(kOpen, /*answer=*/true)).ok());
  EXPECT_TRUE(met_.HasMet(NodeId(7)));
  // What it answered in an earlier open may be less than it knows now.
  ASSERT_TRUE(met_.Judge(From(kLaterOpen)).ok());
  EXPECT_FALSE(met_.HasMet(NodeId(7)));
}

TEST_F(MetNodesTest, FramesAreEvidenceAndHellosAreNot) {
  EXPECT_FALSE(Hear(kOpen, 5).ok());  // not met yet
  ASSERT_TRUE(met_.Judge(From(kOpen)).ok());
  EXPECT_EQ(met_.EvidenceAbout(their_disk_).evidence_size(), 0);
  ASSERT_TRUE(Hear(kOpen, 5).ok());
  ASSERT_TRUE(Hear(kOpen, 4).ok());  // late, nothing more
  ASSERT_TRUE(Hear(kOpen, 0).ok());  // says nothing
  const raft::v1::Greeting known = met_.EvidenceAbout(their_disk_);
  EXPECT_EQ(known.known_disk_id(), BytesOf(their_disk_));
  ASSERT_EQ(known.evidence_size(), 1);
  EXPECT_EQ(known.evidence(0).open_id(), kOpen);
  EXPECT_EQ(known.evidence(0).cycle(), 5u);
}

TEST_F(MetNodesTest, AnEarlierOpenCountsNoMore) {
  ASSERT_TRUE(met_.Judge(From(kOpen)).ok());
  ASSERT_TRUE(Hear(kOpen, 5).ok());
  ASSERT_TRUE(met_.Judge(From(kLaterOpen)).ok());
  EXPECT_EQ(Hear(kOpen, 6).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(met_.EvidenceAbout(their_disk_).evidence(0).cycle(), 5u);
  EXPECT_TRUE(Hear(kLaterOpen, 7).ok());
  EXPECT_EQ(met_.Judge(From(kOpen)).code(),
            absl::StatusCode::kFailedPrecondition);
}

// The hello of a process that is long gone may be read after that of the next.
TEST_F(MetNodesTest, AHelloThatIsReadLateShutsNobodyOut) {
  ASSERT_TRUE(met_.Judge(From(kLaterOpen)).ok());
  ASSERT_TRUE(met_.Judge(From(kOpen)).ok());
  // Nobody is listened to that was not told everything after that.
  EXPECT_FALSE(Hear(kLaterOpen, 7).ok());
  ASSERT_TRUE(met_.Judge(From(kLaterOpen)).ok());
  ASSERT_TRUE(Hear(kLaterOpen, 7).ok());
  // Which of them was first is not known by their hellos.
  EXPECT_TRUE(met_.Judge(From(kOpen)).ok());
  EXPECT_TRUE(met_.Judge(From(kLaterOpen)).ok());
}

// A frame answers this node's answer: whoever said a hello before is over.
TEST_F(MetNodesTest, FramesTellTheOrderOfOpens) {
  ASSERT_TRUE(met_.Judge(From(kOpen)).ok());
  ASSERT_TRUE(met_.Judge(From(kLaterOpen)).ok());
  ASSERT_TRUE(met_.Judge(From(kOpen)).ok());
  ASSERT_TRUE(met_.Judge(From(kLaterOpen)).ok());
  ASSERT_TRUE(Hear(kLaterOpen, 0).ok());
  EXPECT_FALSE(met_.Judge(From(kOpen)).ok());
  EXPECT_TRUE(Hear(kLaterOpen, 7).ok());
}

TEST_F(MetNodesTest, AnEarlierOpenIsKnownFromBeforeTheStart) {
  ledger_.Note(their_disk_, {kOpen, 5});
  ledger_.Note(their_disk_, {kLaterOpen, 7});
  EXPECT_FALSE(met_.Judge(From(kOpen)).ok());
  EXPECT_TRUE(met_.Judge(From(kLaterOpen)).ok());
}

TEST_F(MetNodesTest, WithoutGenerationsNothingIsKnown) {
  MetNodes met(own_disk_, nullptr);
  EXPECT_TRUE(met.Judge(Remembering(3, 1)).ok());
  EXPECT_TRUE(met.EvidenceAbout(their_disk_).known_disk_id().empty());
}

}  // namespace
}  // namespace kappa::server

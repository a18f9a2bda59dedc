// MessageEncoder and MessageDecoder: what one node says is what the other
// hears, and nothing that foreign bytes can say harms it.
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "kappa/raft/v1/message.pb.h"
#include "raft/message.h"
#include "server/message_decoder.h"
#include "server/message_encoder.h"
#include "tests/server/message_samples.h"

namespace kappa {
namespace {

constexpr int kTypes = static_cast<int>(raft::MessageType::kLeaderQuery) + 1;

// A message with its contents, owned.
struct Sample {
  raft::Message message;
  std::vector<std::string> contents;
  std::string state;
};

std::string Encode(const Sample& sample) {
  MessageEncoder encoder;
  std::string bytes;
  const std::vector<std::string_view> contents(sample.contents.begin(),
                                               sample.contents.end());
  encoder.Encode(sample.message, contents, sample.state, &bytes);
  return bytes;
}

// Every field that a message of the type may carry, and some it may not: the
// codec passes on what it is given.
Sample FullSample(raft::MessageType type) {
  Sample sample;
  raft::Message& message = sample.message;
  message.type = type;
  message.group = GroupId(12);
  message.from = SampleReplica(3, 2);
  message.to = SampleReplica(9, 4);
  message.term = Term(40);
  SetSampleScalars(&message);
  if (type == raft::MessageType::kRepairResponse) {
    message.entries = {SampleEntry(39, 120, raft::EntryKind::kRecords)};
  } else {
    message.entries = {SampleEntry(38, 100, raft::EntryKind::kRecords),
                       SampleEntry(40, 101, raft::EntryKind::kNoOp),
                       SampleEntry(40, 102, raft::EntryKind::kConfiguration),
                       SampleEntry(40, 103, raft::EntryKind::kProducerFence)};
  }
  for (size_t i = 0; i < message.entries.size(); ++i) {
    sample.contents.push_back("content " + std::to_string(i));
  }
  if (type == raft::MessageType::kBaseRequest) {
    auto chunk = std::make_shared<raft::BaseChunk>();
    chunk->base.id = raft::EntryId{Term(20), LogIndex(50)};
    chunk->base.configuration = SampleJointConfiguration();
    chunk->base.offset = Offset(44);
    chunk->base.chain.fill(0xcd);
    chunk->base.append_time_us = -5;
    chunk->base.state_bytes = 100;
    chunk->offset = 95;
    sample.state = "state";
    chunk->bytes = sample.state.size();
    message.chunk = std::move(chunk);
  }
  return sample;
}

void ExpectSameEntries(const raft::Message& a, const raft::Message& b) {
  ASSERT_EQ(a.entries.size(), b.entries.size());
  for (size_t i = 0; i < a.entries.size(); ++i) {
    EXPECT_EQ(a.entries[i].id, b.entries[i].id);
    EXPECT_EQ(a.entries[i].kind, b.entries[i].kind);
    EXPECT_EQ(a.entries[i].record_count, b.entries[i].record_count);
    EXPECT_EQ(a.entries[i].payload_bytes, b.entries[i].payload_bytes);
    ASSERT_EQ(a.entries[i].configuration == nullptr,
              b.entries[i].configuration == nullptr);
    if (a.entries[i].configuration != nullptr) {
      EXPECT_EQ(*a.entries[i].configuration, *b.entries[i].configuration);
    }
  }
}

void ExpectSame(const raft::Message& a, const raft::Message& b) {
  EXPECT_EQ(a.type, b.type);
  EXPECT_EQ(a.group, b.group);
  EXPECT_EQ(a.from, b.from);
  EXPECT_EQ(a.to, b.to);
  EXPECT_EQ(a.term, b.term);
  EXPECT_EQ(a.generation, b.generation);
  EXPECT_EQ(a.previous, b.previous);
  EXPECT_EQ(a.committed, b.committed);
  EXPECT_EQ(a.last, b.last);
  EXPECT_EQ(a.granted, b.granted);
  EXPECT_EQ(a.match, b.match);
  EXPECT_EQ(a.term_starts, b.term_starts);
  EXPECT_EQ(a.read_round, b.read_round);
  EXPECT_EQ(a.beat, b.beat);
  EXPECT_EQ(a.quiesce, b.quiesce);
  EXPECT_EQ(a.full, b.full);
  EXPECT_EQ(a.unfit, b.unfit);
  EXPECT_EQ(a.priority, b.priority);
  EXPECT_EQ(a.donor, b.donor);
  EXPECT_EQ(a.transfer, b.transfer);
  EXPECT_EQ(a.doubted, b.doubted);
  EXPECT_EQ(a.holding, b.holding);
  EXPECT_EQ(a.read_id, b.read_id);
  EXPECT_EQ(a.read_instance, b.read_instance);
  EXPECT_EQ(a.read_index, b.read_index);
  EXPECT_EQ(a.chain, b.chain);
  EXPECT_EQ(a.chunk_end, b.chunk_end);
  ExpectSameEntries(a, b);
  ASSERT_EQ(a.chunk == nullptr, b.chunk == nullptr);
  if (a.chunk != nullptr) {
    EXPECT_EQ(a.chunk->base, b.chunk->base);
    EXPECT_EQ(a.chunk->offset, b.chunk->offset);
    EXPECT_EQ(a.chunk->bytes, b.chunk->bytes);
  }
}

TEST(MessageCodecTest, EveryTypeArrivesAsItWasSent) {
  MessageDecoder decoder;
  for (int type = 0; type < kTypes; ++type) {
    SCOPED_TRACE(type);
    const Sample sample = FullSample(static_cast<raft::MessageType>(type));
    ASSERT_EQ(decoder.Decode(Encode(sample)), absl::OkStatus());
    ExpectSame(decoder.decoded().message, sample.message);
    EXPECT_EQ(decoder.decoded().state, sample.state);
    ASSERT_EQ(decoder.decoded().contents.size(), sample.contents.size());
    for (size_t i = 0; i < sample.contents.size(); ++i) {
      EXPECT_EQ(decoder.decoded().contents[i], sample.contents[i]);
    }
  }
}

TEST(MessageCodecTest, NothingOfTheMessageBeforeIsLeftOver) {
  MessageDecoder decoder;
  Sample plain;
  plain.message.type = raft::MessageType::kLeaderQuery;
  plain.message.from = SampleReplica(1);
  plain.message.to = SampleReplica(2);
  for (int type = 0; type < kTypes; ++type) {
    SCOPED_TRACE(type);
    const Sample full = FullSample(static_cast<raft::MessageType>(type));
    ASSERT_EQ(decoder.Decode(Encode(full)), absl::OkStatus());
    ASSERT_EQ(decoder.Decode(Encode(plain)), absl::OkStatus());
    ExpectSame(decoder.decoded().message, plain.message);
    EXPECT_TRUE(decoder.decoded().contents.empty());
    EXPECT_TRUE(decoder.decoded().state.empty());
  }
}

TEST(MessageCodecTest, AnEncoderKeepsNothingOfTheMessageBefore) {
  MessageEncoder encoder;
  std::string reused;
  for (int type = 0; type < kTypes; ++type) {
    const Sample sample = FullSample(static_cast<raft::MessageType>(type));
    const std::vector<std::string_view> contents(sample.contents.begin(),
                                                 sample.contents.end());
    encoder.Encode(sample.message, contents, sample.state, &reused);
    EXPECT_EQ(reused, Encode(sample)) << type;
  }
}

// --- foreign bytes ---

// What comes out of an accepted message can be said again.
void ExpectSane(const DecodedMessage& decoded) {
  ASSERT_EQ(decoded.contents.size(), decoded.message.entries.size());
  MessageEncoder encoder;
  std::string bytes;
  encoder.Encode(decoded.message, decoded.contents, decoded.state, &bytes);
  MessageDecoder again;
  ASSERT_EQ(again.Decode(bytes), absl::OkStatus());
  ExpectSame(again.decoded().message, decoded.message);
}

TEST(MessageCodecTest, CutOffAnywhereIsRefusedOrSane) {
  MessageDecoder decoder;
  size_t refused = 0;
  for (int type = 0; type < kTypes; ++type) {
    const std::string bytes =
        Encode(FullSample(static_cast<raft::MessageType>(type)));
    for (size_t size = 0; size < bytes.size(); ++size) {
      if (decoder.Decode(std::string_view(bytes).substr(0, size)).ok()) {
        ExpectSane(decoder.decoded());
      } else {
        ++refused;
      }
    }
  }
  EXPECT_GT(refused, 1000u);
}

TEST(MessageCodecTest, RandomMutationsAreRefusedOrSane) {
  std::mt19937_64 random(20261126);
  MessageDecoder decoder;
  size_t accepted = 0;
  size_t refused = 0;
  for (int run = 0; run < 20'000; ++run) {
    std::string bytes =
        Encode(FullSample(static_cast<raft::MessageType>(random() % kTypes)));
    for (size_t n = 1 + random() % 3; n > 0; --n) {
      const size_t at = random() % bytes.size();
      switch (random() % 3) {
        case 0:
          bytes[at] = static_cast<char>(random());
          break;
        case 1:
          bytes.erase(at, 1 + random() % 4);
          break;
        default:
          bytes.insert(at, 1 + random() % 4, static_cast<char>(random()));
      }
      if (bytes.empty()) break;
    }
    const absl::Status status = decoder.Decode(bytes);
    if (status.ok()) {
      ++accepted;
      ExpectSane(decoder.decoded());
    } else {
      ++refused;
      EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    }
  }
  EXPECT_GT(accepted, 500u);
  EXPECT_GT(refused, 5000u);
}

// A message that is right but for one change to its fields.
std::string ErrorAfter(
    void (*change)(raft::v1::Message*),
    raft::MessageType type = raft::MessageType::kAppendRequest) {
  raft::v1::Message message;
  EXPECT_TRUE(message.ParseFromString(Encode(FullSample(type))));
  change(&message);
  MessageDecoder decoder;
  const absl::Status status = decoder.Decode(message.SerializeAsString());
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  return std::string(status.message());
}

using WireMessage = raft::v1::Message;
constexpr uint64_t kTooFar = uint64_t{1} << 63;

TEST(MessageCodecTest, RefusalsNameFieldAndValue) {
  EXPECT_EQ(ErrorAfter([](WireMessage* m) {
              m->set_type(static_cast<raft::v1::MessageType>(77));
            }),
            "decode raft message: type is 77: unknown");
  EXPECT_EQ(ErrorAfter([](WireMessage* m) { m->set_from_node(0); }),
            "decode raft message: from_node is 0: no node");
  EXPECT_EQ(ErrorAfter([](WireMessage* m) { m->set_to_incarnation(0); }),
            "decode raft message: to_incarnation is 0: no incarnation");
  EXPECT_EQ(ErrorAfter([](WireMessage* m) { m->set_committed(kTooFar); }),
            "decode raft message: committed is 9223372036854775808: more than "
            "2^63 - 1");
  EXPECT_EQ(ErrorAfter([](WireMessage* m) { m->set_previous_term(0); }),
            "decode raft message: previous_index is 99: of no term");
  EXPECT_EQ(ErrorAfter([](WireMessage* m) { m->set_priority(256); }),
            "decode raft message: priority is 256: more than 255");
  EXPECT_EQ(ErrorAfter([](WireMessage* m) { m->set_donor_node(0); }),
            "decode raft message: donor_node is 0: half a replica id");
  EXPECT_EQ(ErrorAfter([](WireMessage* m) { m->set_chain("short"); }),
            "decode raft message: chain size is 5: not 32 bytes");
}

TEST(MessageCodecTest, EntriesThatNoLogHoldsAreRefused) {
  EXPECT_EQ(
      ErrorAfter([](WireMessage* m) { m->mutable_entries(1)->set_index(102); }),
      "decode raft message: entries.index is 102: follows 100");
  EXPECT_EQ(
      ErrorAfter([](WireMessage* m) { m->mutable_entries(2)->set_term(39); }),
      "decode raft message: entries.term is 39: follows term 40");
  EXPECT_EQ(ErrorAfter([](WireMessage* m) { m->set_term(39); }),
            "decode raft message: entries.term is 40: the sender is in term "
            "39");
  EXPECT_EQ(
      ErrorAfter([](WireMessage* m) {
        m->mutable_entries(0)->set_kind(static_cast<raft::v1::EntryKind>(9));
      }),
      "decode raft message: entries.kind is 9: unknown");
  EXPECT_EQ(ErrorAfter([](WireMessage* m) {
              m->mutable_entries(2)->clear_configuration();
            }),
            "decode raft message: entries.kind is 3: without a configuration");
  EXPECT_EQ(
      ErrorAfter([](WireMessage* m) { *m->add_entries() = m->entries(0); },
                 raft::MessageType::kRepairResponse),
      "decode raft message: entries size is 2: a repair has one entry");
}

TEST(MessageCodecTest, ConfigurationsThatNoGroupHasAreRefused) {
  EXPECT_EQ(ErrorAfter([](WireMessage* m) {
              m->mutable_entries(2)->mutable_configuration()->clear_voters();
            }),
            "decode raft message: configuration.voters is 0: joint without a "
            "voter");
  EXPECT_EQ(ErrorAfter([](WireMessage* m) {
              auto* c = m->mutable_entries(2)->mutable_configuration();
              *c->add_voters() = c->voters(0);
            }),
            "decode raft message: configuration.voters.node is 1: not in "
            "ascending order");
  EXPECT_EQ(ErrorAfter([](WireMessage* m) {
              auto* c = m->mutable_entries(2)->mutable_configuration();
              c->mutable_learners(0)->set_node(3);
            }),
            "decode raft message: configuration.learners.node is 3: a voter "
            "too");
  EXPECT_EQ(ErrorAfter([](WireMessage* m) {
              auto* c = m->mutable_entries(2)->mutable_configuration();
              c->mutable_promoting(0)->set_node(8);
            }),
            "decode raft message: configuration.promoting.node is 8: no "
            "learner");
}

TEST(MessageCodecTest, ChunksBeyondTheirBaseAreRefused) {
  EXPECT_EQ(
      ErrorAfter([](WireMessage* m) { m->mutable_chunk()->set_offset(96); },
                 raft::MessageType::kBaseRequest),
      "decode raft message: chunk.offset is 96: with 5 bytes beyond 100");
  EXPECT_EQ(ErrorAfter([](WireMessage* m) { m->clear_chunk(); },
                       raft::MessageType::kBaseRequest),
            "decode raft message: type is 10: without a chunk");
  EXPECT_EQ(ErrorAfter([](WireMessage* m) {
              m->mutable_chunk()->set_offset(kTooFar);
            }),
            "decode raft message: type is 5: with a chunk");
}

TEST(MessageCodecTest, TermStartsAscend) {
  EXPECT_EQ(
      ErrorAfter(
          [](WireMessage* m) { m->mutable_term_starts(1)->set_term(1); }),
      "decode raft message: term_starts.index is 80: not in ascending order");
}

}  // namespace
}  // namespace kappa

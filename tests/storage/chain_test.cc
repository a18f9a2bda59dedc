// The expected digests come from tests/data/chain_known_answers.py.
#include "storage/chain.h"

#include <string>

#include "gtest/gtest.h"
#include "proto/wire/sha256.h"

namespace kappa::storage {
namespace {

Digest Start() {
  Uuid topic;
  for (uint8_t i = 0; i < 16; ++i) topic[i] = i;
  return ChainStart(topic, 7);
}

EntryHeader Plain() {
  EntryHeader header;
  header.kind = raft::EntryKind::kRecords;
  header.encoding = PayloadEncoding::kRecordSet;
  header.record_count = 3;
  header.append_time_us = 1'700'000'000'000'000;
  header.payload_sha256 = Sha256("three records");
  return header;
}

EntryHeader WithProducer() {
  EntryHeader header;
  header.kind = raft::EntryKind::kRecords;
  header.encoding = PayloadEncoding::kRecordSet;
  header.codec = Codec::kZstd;
  header.record_count = 1;
  header.base_offset = Offset(3);
  header.append_time_us = 1'700'000'000'000'001;
  header.producer.id.fill(0xaa);
  header.producer.epoch = 2;
  header.producer.sequence = 9;
  header.producer_state = "lsn 0/16B3748";
  header.payload_sha256 = Sha256("\x28\xb5\x2f\xfd");
  return header;
}

EntryHeader WithEmptyState() {
  EntryHeader header;
  header.kind = raft::EntryKind::kRecords;
  header.encoding = PayloadEncoding::kCommand;
  header.record_count = 65536;
  header.base_offset = Offset(4);
  header.append_time_us = -1;
  header.producer.id.fill(0xbb);
  header.producer.epoch = ~uint64_t{0};
  header.producer.sequence = uint64_t{1} << 63;
  header.producer_state = "";
  header.payload_sha256 = Sha256("");
  return header;
}

TEST(ChainTest, GivesTheKnownAnswers) {
  EXPECT_EQ(HexDigest(Start()),
            "b401b0fd8d30027cfbf322f0e7f664cf7aafe3e1ac61561eb1edd851328fea50");
  const Digest one = ChainNext(Start(), Plain());
  EXPECT_EQ(HexDigest(one),
            "06c01681c26b820aa976c243c565efd22d4bfff4004ec66e480bf4a83c873c58");
  const Digest two = ChainNext(one, WithProducer());
  EXPECT_EQ(HexDigest(two),
            "4e9509f108cd680c6ec1cc23a7769c40ec2c5d7cadf24af91cc17cd850ba15db");
  EXPECT_EQ(HexDigest(ChainNext(two, WithEmptyState())),
            "0d5b90fcf506b7d7ba9d626300f5814505af22fe3769e4e6a2e095559a23e704");
}

TEST(ChainTest, ControlEntriesRepeatTheDigest) {
  for (const raft::EntryKind kind :
       {raft::EntryKind::kNoOp, raft::EntryKind::kConfiguration,
        raft::EntryKind::kProducerFence}) {
    EntryHeader header = WithProducer();
    header.kind = kind;
    EXPECT_EQ(ChainNext(Start(), header), Start());
  }
}

TEST(ChainTest, EverythingUsersSeeIsCovered) {
  const Digest base = ChainNext(Start(), WithProducer());
  void (*const changes[])(EntryHeader*) = {
      [](EntryHeader* h) { h->base_offset = Offset(4); },
      [](EntryHeader* h) { ++h->record_count; },
      [](EntryHeader* h) { ++h->append_time_us; },
      [](EntryHeader* h) { h->producer.id[15] ^= 1; },
      [](EntryHeader* h) { ++h->producer.epoch; },
      [](EntryHeader* h) { ++h->producer.sequence; },
      [](EntryHeader* h) { h->producer_state = "lsn 0/16B3749"; },
      [](EntryHeader* h) { h->producer_state.reset(); },
      [](EntryHeader* h) { h->encoding = PayloadEncoding::kCommand; },
      [](EntryHeader* h) { h->codec = Codec::kLz4; },
      [](EntryHeader* h) { h->payload_sha256[0] ^= 1; },
  };
  for (const auto& change : changes) {
    EntryHeader header = WithProducer();
    change(&header);
    EXPECT_NE(ChainNext(Start(), header), base) << &change - changes;
  }
}

TEST(ChainTest, WhatRaftAddsIsNotCovered) {
  EntryHeader header = WithProducer();
  const Digest base = ChainNext(Start(), header);
  header.term = Term(77);
  header.index = LogIndex(88);
  header.chain.fill(9);
  header.payload_crc32c = 1;
  header.payload_bytes = 2;
  EXPECT_EQ(ChainNext(Start(), header), base);
}

}  // namespace
}  // namespace kappa::storage

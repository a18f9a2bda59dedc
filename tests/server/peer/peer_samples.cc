#include "tests/server/peer/peer_samples.h"

#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "server/message_encoder.h"

namespace kappa::server {
namespace {

ReplicaId Replica(uint64_t node, uint64_t incarnation = 1) {
  return ReplicaId{NodeId(node), Incarnation(incarnation)};
}

raft::Configuration JointConfiguration() {
  raft::Configuration configuration;
  configuration.voters = {Replica(1), Replica(2, 7)};
  configuration.outgoing_voters = {Replica(1), Replica(3), Replica(4)};
  configuration.learners = {Replica(5), Replica(6)};
  configuration.learners_next = {Replica(4)};
  configuration.promoting = {Replica(6)};
  configuration.auto_leave = true;
  return configuration;
}

raft::EntryMeta Entry(uint64_t term, uint64_t index, raft::EntryKind kind) {
  raft::EntryMeta entry;
  entry.id = raft::EntryId{Term(term), LogIndex(index)};
  entry.kind = kind;
  if (kind == raft::EntryKind::kRecords) {
    entry.record_count = 70'000;
    entry.payload_bytes = 3 << 20;
  }
  if (kind == raft::EntryKind::kConfiguration) {
    entry.configuration =
        std::make_shared<raft::Configuration>(JointConfiguration());
  }
  return entry;
}

raft::Message Plain(raft::MessageType type, uint64_t from, uint64_t to,
                    uint64_t group) {
  raft::Message message;
  message.type = type;
  message.group = GroupId(group);
  message.from = Replica(from);
  message.to = Replica(to);
  message.term = Term(40);
  return message;
}

void SetScalars(raft::Message* message) {
  message->generation = raft::Generation{0xfedcba9876543210, 17};
  message->previous = raft::EntryId{Term(38), LogIndex(99)};
  message->committed = LogIndex(98);
  message->last = raft::EntryId{Term(39), LogIndex(120)};
  message->granted = true;
  message->match = LogIndex(97);
  message->term_starts = {{Term(2), LogIndex(3)}, {Term(38), LogIndex(80)}};
  message->read_round = 5;
  message->beat = 6;
  message->quiesce = true;
  message->full = true;
  message->unfit = true;
  message->priority = 3;
  message->donor = Replica(7, 8);
  message->transfer = true;
  message->doubted = raft::EntryId{Term(37), LogIndex(77)};
  message->holding = raft::Holding::kLacks;
  message->read_id = 10;
  message->read_instance = 11;
  message->read_index = LogIndex(96);
  message->chain.emplace().fill(0xab);
  message->chunk_end = 1234;
}

// In two pieces, as the network cuts it.
Payload InPieces(std::string bytes) {
  auto owner = std::make_shared<const std::string>(std::move(bytes));
  const std::string_view whole(*owner);
  const size_t cut = whole.size() / 3;
  return Payload({whole.substr(0, cut), whole.substr(cut)}, owner);
}

}  // namespace

PeerMessage Heartbeat(uint64_t from, uint64_t to, uint64_t group,
                      uint64_t beat) {
  PeerMessage sample;
  sample.message = Plain(raft::MessageType::kAppendRequest, from, to, group);
  sample.message.beat = beat;
  return sample;
}

PeerMessage EntryMessage(uint64_t from, uint64_t to, uint64_t group,
                         uint64_t index, Payload content) {
  PeerMessage sample;
  sample.message = Plain(raft::MessageType::kAppendRequest, from, to, group);
  sample.message.previous = raft::EntryId{Term(40), LogIndex(index - 1)};
  if (index == 1) sample.message.previous.term = Term(0);
  sample.message.entries = {Entry(40, index, raft::EntryKind::kRecords)};
  sample.contents.push_back(std::move(content));
  return sample;
}

PeerMessage FullMessage(raft::MessageType type, uint64_t from, uint64_t to) {
  PeerMessage sample;
  sample.message = Plain(type, from, to, 12);
  raft::Message& message = sample.message;
  message.from.incarnation = Incarnation(2);
  message.to.incarnation = Incarnation(4);
  SetScalars(&message);
  if (type == raft::MessageType::kRepairResponse) {
    message.entries = {Entry(39, 120, raft::EntryKind::kRecords)};
  } else {
    message.entries = {Entry(38, 100, raft::EntryKind::kRecords),
                       Entry(40, 101, raft::EntryKind::kNoOp),
                       Entry(40, 102, raft::EntryKind::kConfiguration),
                       Entry(40, 103, raft::EntryKind::kProducerFence)};
  }
  // Small, empty, copied only by the receiver, and never copied.
  const size_t sizes[] = {40'000, 0, 100, 5'000};
  for (size_t i = 0; i < message.entries.size(); ++i) {
    sample.contents.push_back(InPieces(Pattern(sizes[i])));
  }
  if (type == raft::MessageType::kBaseRequest) {
    auto chunk = std::make_shared<raft::BaseChunk>();
    chunk->base.id = raft::EntryId{Term(20), LogIndex(50)};
    chunk->base.configuration = JointConfiguration();
    chunk->base.offset = Offset(44);
    chunk->base.chain.fill(0xcd);
    chunk->base.append_time_us = -5;
    chunk->base.state_bytes = 900'000;
    chunk->offset = 95;
    sample.state = InPieces(Pattern(700'000));
    chunk->bytes = sample.state.bytes();
    message.chunk = std::move(chunk);
  }
  return sample;
}

std::string EncodeWhole(const PeerMessage& message) {
  std::vector<std::string> contents;
  for (const Payload& content : message.contents) {
    contents.push_back(content.ToString());
  }
  const std::vector<std::string_view> views(contents.begin(), contents.end());
  std::string bytes;
  MessageEncoder().Encode(message.message, views, message.state.ToString(),
                          &bytes);
  return bytes;
}

std::string Pattern(size_t bytes) {
  std::string out(bytes, '\0');
  for (size_t i = 0; i < bytes; ++i) {
    out[i] = static_cast<char>((i * 2654435761u) >> 13);
  }
  return out;
}

}  // namespace kappa::server

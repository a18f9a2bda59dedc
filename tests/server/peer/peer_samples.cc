#include "tests/server/peer/peer_samples.h"

#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "server/message_encoder.h"
#include "tests/server/message_samples.h"

namespace kappa::server {
namespace {

raft::Message Plain(raft::MessageType type, uint64_t from, uint64_t to,
                    uint64_t group) {
  raft::Message message;
  message.type = type;
  message.group = GroupId(group);
  message.from = SampleReplica(from);
  message.to = SampleReplica(to);
  message.term = Term(40);
  return message;
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
  sample.message.entries = {SampleEntry(40, index, raft::EntryKind::kRecords)};
  sample.contents.push_back(std::move(content));
  return sample;
}

PeerMessage FullMessage(raft::MessageType type, uint64_t from, uint64_t to) {
  PeerMessage sample;
  sample.message = Plain(type, from, to, 12);
  raft::Message& message = sample.message;
  message.from.incarnation = Incarnation(2);
  message.to.incarnation = Incarnation(4);
  SetSampleScalars(&message);
  if (type == raft::MessageType::kRepairResponse) {
    message.entries = {SampleEntry(39, 120, raft::EntryKind::kRecords)};
  } else {
    message.entries = {SampleEntry(38, 100, raft::EntryKind::kRecords),
                       SampleEntry(40, 101, raft::EntryKind::kNoOp),
                       SampleEntry(40, 102, raft::EntryKind::kConfiguration),
                       SampleEntry(40, 103, raft::EntryKind::kProducerFence)};
  }
  // Small, empty, copied only by the receiver, and never copied.
  const size_t sizes[] = {40'000, 0, 100, 5'000};
  for (size_t i = 0; i < message.entries.size(); ++i) {
    sample.contents.push_back(InPieces(Pattern(sizes[i])));
  }
  if (type == raft::MessageType::kBaseRequest) {
    auto chunk = std::make_shared<raft::BaseChunk>();
    chunk->base.id = raft::EntryId{Term(20), LogIndex(50)};
    chunk->base.configuration = SampleJointConfiguration();
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

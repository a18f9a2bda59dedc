// FrameWriter and FrameReader: what one end says is what the other hears, and
// content is not copied on the way.
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "kappa/raft/v1/peer_service.pb.h"
#include "proto/wire/string_view.h"
#include "proto/wire/wire_format.h"
#include "server/peer/frame_reader.h"
#include "server/peer/frame_writer.h"
#include "server/peer/peer_limits.h"
#include "tests/server/peer/peer_samples.h"

namespace kappa::server {
namespace {

std::vector<PeerMessage> AllTypes() {
  std::vector<PeerMessage> messages;
  for (int type = 0; type < kMessageTypes; ++type) {
    messages.push_back(FullMessage(static_cast<raft::MessageType>(type), 3, 9));
  }
  messages.push_back(Heartbeat(3, 9, 0, 1));
  return messages;
}

struct Heard {
  absl::Status status;
  std::vector<PeerMessage> messages;
  std::string error() const { return std::string(ToStd(status.message())); }
};

Heard Read(const Payload& frame) {
  Heard heard;
  FrameReader reader(NodeId(3), NodeId(9));
  heard.status = reader.Read(frame, [&](PeerMessage message) {
    heard.messages.push_back(std::move(message));
  });
  return heard;
}

Heard Read(std::string frame) {
  return Read(Payload::FromString(std::move(frame)));
}

std::string FrameOf(std::string_view message) {
  std::string frame;
  AppendBytesField(&frame, 2, message);
  return frame;
}

// The bytes, one payload piece each `piece` bytes.
Payload Cut(std::string bytes, size_t piece) {
  auto owner = std::make_shared<const std::string>(std::move(bytes));
  Payload::Pieces pieces;
  for (size_t at = 0; at < owner->size(); at += piece) {
    pieces.push_back(std::string_view(*owner).substr(at, piece));
  }
  return Payload(std::move(pieces), owner);
}

TEST(FrameTest, IsTheProtoThatItClaimsToBe) {
  const std::vector<PeerMessage> messages = AllTypes();
  raft::v1::ConnectRequest parsed;
  ASSERT_TRUE(parsed.ParseFromString(FrameWriter().Write(messages).ToString()));
  ASSERT_EQ(static_cast<size_t>(parsed.messages_size()), messages.size());
  for (size_t i = 0; i < messages.size(); ++i) {
    EXPECT_EQ(parsed.messages(static_cast<int>(i)).SerializeAsString(),
              EncodeWhole(messages[i]))
        << i;
  }
}

TEST(FrameTest, CarriesEveryFieldOfEveryType) {
  const std::vector<PeerMessage> messages = AllTypes();
  FrameWriter writer;
  for (size_t piece : {7, 1'000, 8'192, 10'000'000}) {
    const Heard heard = Read(Cut(writer.Write(messages).ToString(), piece));
    ASSERT_TRUE(heard.status.ok()) << heard.status;
    ASSERT_EQ(heard.messages.size(), messages.size());
    for (size_t i = 0; i < messages.size(); ++i) {
      EXPECT_EQ(EncodeWhole(heard.messages[i]), EncodeWhole(messages[i])) << i;
    }
  }
}

TEST(FrameTest, LeavesContentWhereItIs) {
  std::vector<PeerMessage> messages;
  messages.push_back(
      EntryMessage(3, 9, 1, 5, Payload::FromString(Pattern(100'000))));
  const std::string_view content = messages[0].contents[0].pieces()[0];
  const WireMessage frame = FrameWriter().Write(messages);
  ASSERT_FALSE(frame.parts().empty());
  EXPECT_EQ(frame.parts()[0].payload.pieces()[0].data(), content.data());

  const Payload received = Payload::FromString(frame.ToString());
  const Heard heard = Read(received);
  ASSERT_TRUE(heard.status.ok()) << heard.status;
  const Payload& taken = heard.messages[0].contents[0];
  EXPECT_EQ(taken.owner(), received.owner());
  EXPECT_EQ(taken.ToString(), content);
}

TEST(FrameTest, CopiesSmallContentThatWouldKeepTheFrame) {
  std::vector<PeerMessage> messages;
  messages.push_back(EntryMessage(
      3, 9, 1, 5, Payload::FromString(Pattern(kPeerCopiedBytesMax))));
  const Payload received =
      Payload::FromString(FrameWriter().Write(messages).ToString());
  const Heard heard = Read(received);
  ASSERT_TRUE(heard.status.ok()) << heard.status;
  EXPECT_NE(heard.messages[0].contents[0].owner(), received.owner());
}

TEST(FrameTest, CopiesContentThatIsASmallPartOfItsFrame) {
  std::vector<PeerMessage> messages;
  for (const size_t bytes : {70'000, 150'000, 1'000'000}) {
    messages.push_back(
        EntryMessage(3, 9, 1, 5, Payload::FromString(Pattern(bytes))));
  }
  const Payload received =
      Payload::FromString(FrameWriter().Write(messages).ToString());
  const Heard heard = Read(received);
  ASSERT_TRUE(heard.status.ok()) << heard.status;
  for (size_t i = 0; i < 3; ++i) {
    const Payload& content = heard.messages[i].contents[0];
    EXPECT_EQ(content.owner() == received.owner(), i > 0) << i;
    EXPECT_EQ(content.ToString(), messages[i].contents[0].ToString()) << i;
  }
}

TEST(FrameTest, HandsOverNoMoreThanAMessageMayHold) {
  const std::string beat = FrameOf(EncodeWhole(Heartbeat(3, 9, 1, 1)));
  std::string frame;
  while (frame.size() < (size_t{4} << 20)) frame += beat;
  const Heard heard = Read(std::move(frame));
  EXPECT_EQ(heard.status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(heard.error().find("bytes of messages, more than 18874368"),
            std::string::npos)
      << heard.error();
  size_t cost = 0;
  for (const PeerMessage& message : heard.messages) cost += CostOf(message);
  EXPECT_LE(cost, kPeerMessageBytesMax);
  EXPECT_GT(cost, kPeerMessageBytesMax - 2'000);
}

TEST(FrameTest, EmptyFrameHasNoMessages) {
  const WireMessage frame = FrameWriter().Write({});
  EXPECT_EQ(frame.bytes(), 0u);
  EXPECT_TRUE(Read(frame.ToString()).status.ok());
}

TEST(FrameTest, TellsHowFarTheSendersDiskHasComeBeforeItsMessages) {
  const std::string frame =
      FrameWriter().Write({Heartbeat(3, 9, 1, 1)}, 0, 77).ToString();
  FrameReader reader(NodeId(3), NodeId(9));
  std::vector<uint64_t> cycles;
  const auto take = [&](PeerMessage) { cycles.push_back(reader.cycle()); };
  ASSERT_TRUE(reader.Read(Payload::FromString(frame), take).ok());
  EXPECT_EQ(cycles, std::vector<uint64_t>{77});
  // The next frame does not say.
  ASSERT_TRUE(reader.Read(Payload::FromString(""), take).ok());
  EXPECT_EQ(reader.cycle(), 0u);

  std::string late = FrameOf(EncodeWhole(Heartbeat(3, 9, 1, 1)));
  AppendVarintField(&late, 4, 77);
  EXPECT_EQ(Read(late).error(),
            "read frame: a cycle after messages, whose promises it covers");
}

TEST(FrameTest, RefusesOtherNodesThanThoseOfTheHandshake) {
  EXPECT_EQ(Read(FrameOf(EncodeWhole(Heartbeat(4, 9, 1, 1)))).error(),
            "read frame: a message from node 4 to node 9 on a stream from node "
            "3 to node 9");
  EXPECT_EQ(Read(FrameOf(EncodeWhole(Heartbeat(3, 8, 1, 1)))).error(),
            "read frame: a message from node 3 to node 8 on a stream from node "
            "3 to node 9");
}

TEST(FrameTest, DeliversWhatComesBeforeWhatIsRefused) {
  const Heard heard =
      Read(FrameOf(EncodeWhole(Heartbeat(3, 9, 1, 1))) + FrameOf("no message"));
  EXPECT_EQ(heard.messages.size(), 1u);
  EXPECT_EQ(heard.status.code(), absl::StatusCode::kInvalidArgument);
}

TEST(FrameTest, RefusesWhatTheDecoderRefuses) {
  raft::v1::Message message;
  message.set_from_node(3);
  EXPECT_EQ(Read(FrameOf(message.SerializeAsString())).error(),
            "decode raft message: type is 0: unknown");
}

TEST(FrameTest, RefusesASecondHello) {
  std::string frame;
  AppendBytesField(&frame, 1, "");
  EXPECT_EQ(Read(frame).error(), "read frame: a second hello");
}

TEST(FrameTest, RefusesWhatWouldGrowWhenParsed) {
  std::string entries;
  while (entries.size() <= kPeerHeadBytesMax) {
    AppendBytesField(&entries, 12, "");
  }
  EXPECT_EQ(Read(FrameOf(entries)).error(),
            "read frame: a message has 524290 bytes besides its content, more "
            "than 524288");
  std::string voters;
  while (voters.size() <= kPeerHeadBytesMax) AppendBytesField(&voters, 1, "");
  std::string base;
  AppendBytesField(&base, 3, voters);
  std::string chunk;
  AppendBytesField(&chunk, 1, base);
  std::string message;
  AppendBytesField(&message, 34, chunk);
  const std::string error = Read(FrameOf(message)).error();
  EXPECT_NE(error.find("bytes besides its content"), std::string::npos)
      << error;
}

TEST(FrameTest, NoCutAndNoChangedByteHarms) {
  std::vector<PeerMessage> messages;
  messages.push_back(FullMessage(raft::MessageType::kFetchResponse, 3, 9));
  messages.push_back(FullMessage(raft::MessageType::kVoteRequest, 3, 9));
  messages[0].contents[0] = Payload::FromString("short");
  messages[1].contents = messages[0].contents;
  const std::string frame = FrameWriter().Write(messages).ToString();
  for (size_t size = 0; size < frame.size(); size += 3) {
    Read(frame.substr(0, size));
  }
  std::mt19937_64 random(20261126);
  for (int i = 0; i < 5'000; ++i) {
    std::string changed = frame;
    for (int k = 0; k < 3; ++k) {
      changed[random() % changed.size()] = static_cast<char>(random());
    }
    const Heard heard = Read(Cut(changed, 1 + random() % 900));
    for (const PeerMessage& message : heard.messages) {
      ASSERT_EQ(message.contents.size(), message.message.entries.size());
    }
  }
}

}  // namespace
}  // namespace kappa::server

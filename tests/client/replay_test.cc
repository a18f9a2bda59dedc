#include "client/cpp/replay.h"

#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "client/cpp/client.h"
#include "client/cpp/error.h"
#include "client/cpp/producer.h"
#include "client/cpp/topic_replay.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/fake_log.h"
#include "tests/client/fake_server.h"

namespace kappa::client {
namespace {

using ::kappa::tests::FakeLog;
using ::kappa::tests::FakeServer;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Kind = ReplayEvent::Kind;

class ReplayTest : public ::testing::Test {
 protected:
  ReplayTest() : server_(&log_) {
    log_.CreateTopic("t", 3);
    ClientOptions options;
    options.seeds = server_.address();
    options.backoff_min = absl::Milliseconds(1);
    options.backoff_max = absl::Milliseconds(20);
    client_ = *Client::Connect(options);
  }

  // Appends values "first" to "last - 1" in batches of `batch_records`.
  void Fill(int first, int last, uint32_t partition = 0,
            uint32_t batch_records = 4, Codec codec = Codec::kNone) {
    ProducerOptions options;
    options.topic = "t";
    options.batch_records = batch_records;
    options.linger = absl::Hours(1);
    options.send_when_idle = false;
    options.compression = codec;
    std::unique_ptr<Producer> producer = *Producer::Create(client_, options);
    for (int i = first; i < last; ++i) {
      const std::string value = std::to_string(i);
      const std::string key = i % 2 == 0 ? "even" : "odd";
      ASSERT_TRUE(
          producer->Append({.key = key, .value = value}, partition).ok());
    }
    ASSERT_TRUE(producer->Flush(absl::Seconds(30)).ok());
  }

  std::unique_ptr<Replay> Start(ReplayOptions options) {
    options.topic = "t";
    absl::StatusOr<std::unique_ptr<Replay>> replay =
        Replay::Start(client_, std::move(options));
    EXPECT_TRUE(replay.ok()) << replay.status();
    return *std::move(replay);
  }

  // Reads until the end; checks that values are offsets.
  static std::vector<int> ReadAll(Replay* replay) {
    std::vector<int> values;
    for (const ReplayRecord& record : *replay) {
      values.push_back(std::stoi(std::string(*record.value)));
      EXPECT_EQ(record.offset, Offset(values.back()));
    }
    return values;
  }

  static std::vector<int> Range(int first, int last) {
    std::vector<int> range;
    for (int i = first; i < last; ++i) range.push_back(i);
    return range;
  }

  FakeLog log_;
  FakeServer server_;
  std::shared_ptr<Client> client_;
};

TEST_F(ReplayTest, ReadsAPartitionToItsEnd) {
  Fill(0, 50);
  std::unique_ptr<Replay> replay = Start({.stop = ReplayPosition::End()});
  EXPECT_EQ(ReadAll(replay.get()), Range(0, 50));
  EXPECT_TRUE(replay->status().ok()) << replay->status();
  EXPECT_EQ(replay->next_offset(), Offset(50));
  EXPECT_EQ(replay->end_offset(), Offset(50));
  EXPECT_GT(replay->payload_bytes(), 0u);
}

TEST_F(ReplayTest, TellsEverythingOfARecord) {
  Fill(0, 1, 2);
  std::unique_ptr<Replay> replay =
      Start({.partition = 2, .stop = ReplayPosition::End()});
  ASSERT_TRUE(replay->Next());
  const ReplayRecord& record = replay->record();
  EXPECT_EQ(record.partition, 2u);
  EXPECT_EQ(record.offset, Offset(0));
  EXPECT_GT(record.append_time_us, 0);
  EXPECT_EQ(record.key, "even");
  EXPECT_EQ(record.value, "0");
  EXPECT_EQ(record.event_time_us, std::nullopt);
  EXPECT_FALSE(replay->Next());
}

TEST_F(ReplayTest, AnEmptyPartitionEndsAtOnce) {
  std::unique_ptr<Replay> replay = Start({.stop = ReplayPosition::End()});
  EXPECT_THAT(ReadAll(replay.get()), IsEmpty());
  EXPECT_TRUE(replay->status().ok());
}

TEST_F(ReplayTest, InflatesBatches) {
  Fill(0, 40, 0, 20, Codec::kZstd);
  Fill(40, 80, 0, 20, Codec::kLz4);
  std::unique_ptr<Replay> replay = Start({.stop = ReplayPosition::End()});
  EXPECT_EQ(ReadAll(replay.get()), Range(0, 80));
}

TEST_F(ReplayTest, StartsAndStopsInsideOfBatches) {
  Fill(0, 40);
  std::unique_ptr<Replay> replay =
      Start({.start = ReplayPosition::At(Offset(5)),
             .stop = ReplayPosition::At(Offset(22))});
  EXPECT_EQ(ReadAll(replay.get()), Range(5, 22));
  replay = Start({.start = ReplayPosition::At(Offset(7)), .records_max = 9});
  EXPECT_EQ(ReadAll(replay.get()), Range(7, 16));
  EXPECT_TRUE(replay->status().ok());
}

TEST_F(ReplayTest, StartsAtATime) {
  Fill(0, 12);
  std::unique_ptr<Replay> all = Start({.stop = ReplayPosition::End()});
  int64_t time_us = 0;
  for (const ReplayRecord& record : *all) {
    if (record.offset == Offset(4)) time_us = record.append_time_us;
  }
  std::unique_ptr<Replay> replay =
      Start({.start = ReplayPosition::AppendTime(time_us),
             .stop = ReplayPosition::End()});
  EXPECT_EQ(ReadAll(replay.get()), Range(4, 12));
}

TEST_F(ReplayTest, ReadsBackwardsBatchByBatch) {
  Fill(0, 10);
  std::unique_ptr<Replay> replay = Start({.backwards = true});
  EXPECT_THAT(ReadAll(replay.get()), ElementsAre(8, 9, 4, 5, 6, 7, 0, 1, 2, 3));
  EXPECT_EQ(replay->next_offset(), Offset(0));
}

TEST_F(ReplayTest, FiltersAtTheServer) {
  Fill(0, 20);
  v1::RecordFilter filter;
  filter.set_key("odd");
  std::unique_ptr<Replay> replay =
      Start({.stop = ReplayPosition::End(), .filter = filter});
  EXPECT_THAT(ReadAll(replay.get()),
              ElementsAre(1, 3, 5, 7, 9, 11, 13, 15, 17, 19));
}

TEST_F(ReplayTest, GoesOnAfterEveryLostConnection) {
  Fill(0, 200);
  std::atomic<int> messages{0};
  server_.SetReplayHook(
      [&](v1::ReplayResponse*) { return ++messages % 4 != 0; });
  std::vector<Kind> events;
  std::unique_ptr<Replay> replay =
      Start({.stop = ReplayPosition::End(),
             .on_event = [&](const ReplayEvent& event) {
               events.push_back(event.kind);
             }});
  EXPECT_EQ(ReadAll(replay.get()), Range(0, 200));
  EXPECT_TRUE(replay->status().ok()) << replay->status();
  EXPECT_GT(std::count(events.begin(), events.end(), Kind::kReconnecting), 3);
}

TEST_F(ReplayTest, LostConnectionsDoNotChangeTheRecordLimit) {
  Fill(0, 200);
  std::atomic<int> messages{0};
  server_.SetReplayHook(
      [&](v1::ReplayResponse*) { return ++messages % 4 != 0; });
  std::unique_ptr<Replay> replay = Start({.records_max = 123});
  EXPECT_EQ(ReadAll(replay.get()), Range(0, 123));
}

TEST_F(ReplayTest, GoesOnBackwardsAfterALostConnection) {
  Fill(0, 80);
  std::atomic<int> messages{0};
  server_.SetReplayHook(
      [&](v1::ReplayResponse*) { return ++messages % 3 != 0; });
  std::unique_ptr<Replay> replay = Start({.backwards = true});
  std::vector<int> values = ReadAll(replay.get());
  EXPECT_EQ(values.front(), 76);
  EXPECT_EQ(values.back(), 3);
  std::sort(values.begin(), values.end());
  EXPECT_EQ(values, Range(0, 80));
}

TEST_F(ReplayTest, SurvivesARestartOfTheServer) {
  Fill(0, 20);
  std::unique_ptr<Replay> replay =
      Start({.stop = ReplayPosition::At(Offset(30))});
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(replay->Next());
  server_.Stop();
  server_.Start();
  Fill(20, 30);
  EXPECT_EQ(ReadAll(replay.get()), Range(20, 30));
  EXPECT_TRUE(replay->status().ok());
}

TEST_F(ReplayTest, FollowsTheTail) {
  Fill(0, 4);
  std::promise<void> caught_up;
  bool told = false;
  std::unique_ptr<Replay> replay =
      Start({.on_event = [&](const ReplayEvent& event) {
        if (event.kind == Kind::kCaughtUp && !std::exchange(told, true)) {
          EXPECT_EQ(event.end_offset, Offset(4));
          caught_up.set_value();
        }
      }});
  std::thread writer([&] {
    caught_up.get_future().wait();
    Fill(4, 8);
  });
  std::vector<int> values;
  for (const ReplayRecord& record : *replay) {
    values.push_back(std::stoi(std::string(*record.value)));
    if (values.size() == 8) break;
  }
  writer.join();
  EXPECT_EQ(values, Range(0, 8));
  EXPECT_EQ(replay->next_offset(), Offset(8));
}

TEST_F(ReplayTest, TheEndIsThatOfTheStart) {
  Fill(0, 10);
  std::unique_ptr<Replay> replay = Start({.stop = ReplayPosition::End()});
  Fill(10, 20);
  EXPECT_EQ(ReadAll(replay.get()), Range(0, 10));
}

TEST_F(ReplayTest, CancelWakesAWaitingReader) {
  std::promise<void> caught_up;
  bool told = false;
  std::unique_ptr<Replay> replay =
      Start({.on_event = [&](const ReplayEvent& event) {
        if (event.kind == Kind::kCaughtUp && !std::exchange(told, true)) {
          caught_up.set_value();
        }
      }});
  std::thread canceller([&] {
    caught_up.get_future().wait();
    replay->Cancel();
  });
  EXPECT_THAT(ReadAll(replay.get()), IsEmpty());
  EXPECT_EQ(replay->status().code(), absl::StatusCode::kCancelled);
  canceller.join();
}

TEST_F(ReplayTest, TellsHeartbeats) {
  std::promise<void> heard;
  bool told = false;
  std::unique_ptr<Replay> replay = Start(
      {.heartbeat = absl::Milliseconds(100),
       .on_event = [&](const ReplayEvent& event) {
         if (event.kind == Kind::kHeartbeat && !std::exchange(told, true)) {
           heard.set_value();
         }
       }});
  std::thread canceller([&] {
    heard.get_future().wait();
    replay->Cancel();
  });
  EXPECT_FALSE(replay->Next());
  canceller.join();
}

TEST_F(ReplayTest, ASilentServerIsGivenUp) {
  server_.MuteReplays(true);
  std::promise<void> reconnecting;
  bool told = false;
  std::unique_ptr<Replay> replay = Start(
      {.stop = ReplayPosition::At(Offset(1)),
       .heartbeat = absl::Milliseconds(100),
       .on_event = [&](const ReplayEvent& event) {
         if (event.kind == Kind::kReconnecting && !std::exchange(told, true)) {
           reconnecting.set_value();
         }
       }});
  std::thread helper([&] {
    reconnecting.get_future().wait();
    Fill(0, 1);
    server_.MuteReplays(false);
  });
  EXPECT_EQ(ReadAll(replay.get()), Range(0, 1));
  helper.join();
}

TEST_F(ReplayTest, RetriesEndAtTheRetryTimeout) {
  server_.Stop();
  std::unique_ptr<Replay> replay =
      Start({.retry_timeout = absl::Milliseconds(50)});
  EXPECT_FALSE(replay->Next());
  EXPECT_EQ(replay->status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(ReplayTest, BeyondTheEndIsATypedError) {
  Fill(0, 3);
  std::unique_ptr<Replay> replay =
      Start({.start = ReplayPosition::At(Offset(4))});
  EXPECT_FALSE(replay->Next());
  EXPECT_EQ(ReasonOf(replay->status()), v1::ERROR_REASON_OFFSET_OUT_OF_RANGE);
  EXPECT_EQ(NumberOf(replay->status(), "end_offset"), 3u);
}

TEST_F(ReplayTest, AnUnknownTopicIsATypedError) {
  EXPECT_EQ(ReasonOf(Replay::Start(client_, {.topic = "absent",
                                             .stop = ReplayPosition::End()})
                         .status()),
            v1::ERROR_REASON_TOPIC_NOT_FOUND);
  std::unique_ptr<Replay> replay = *Replay::Start(client_, {.topic = "absent"});
  EXPECT_FALSE(replay->Next());
  EXPECT_EQ(ReasonOf(replay->status()), v1::ERROR_REASON_TOPIC_NOT_FOUND);
}

TEST_F(ReplayTest, TellsATrimmedStretch) {
  Fill(0, 12);
  log_.Trim("t", 0, 8);
  std::vector<ReplayEvent> gaps;
  std::unique_ptr<Replay> replay =
      Start({.start = ReplayPosition::At(Offset(2)),
             .stop = ReplayPosition::End(),
             .on_event = [&](const ReplayEvent& event) {
               if (event.kind == Kind::kGap) gaps.push_back(event);
             }});
  EXPECT_EQ(ReadAll(replay.get()), Range(8, 12));
  ASSERT_EQ(gaps.size(), 1u);
  EXPECT_EQ(gaps[0].gap_first, Offset(2));
  EXPECT_EQ(gaps[0].gap_next, Offset(8));
}

TEST_F(ReplayTest, DamageInPassingIsReadAgain) {
  Fill(0, 100);
  std::atomic<int> messages{0};
  server_.SetReplayHook([&](v1::ReplayResponse* message) {
    if (++messages == 3) {
      message->mutable_batches(1)->set_payload_crc32c(1);
    }
    return true;
  });
  std::unique_ptr<Replay> replay = Start({.stop = ReplayPosition::End()});
  EXPECT_EQ(ReadAll(replay.get()), Range(0, 100));
  EXPECT_TRUE(replay->status().ok()) << replay->status();
  EXPECT_EQ(server_.streams(), 3u);  // one appended, two replayed
}

// By a server that skips what it should send. A message has three batches.
TEST_F(ReplayTest, WhatWasLeftOutIsReadAgain) {
  Fill(0, 100);
  struct LeftOut {
    int message, batch, count;
  };
  const std::vector<LeftOut> cases = {{1, 0, 1}, {1, 1, 1}, {1, 2, 1},
                                      {3, 0, 1}, {3, 1, 1}, {3, 2, 1},
                                      {3, 0, 3}};
  for (const LeftOut& left_out : cases) {
    server_.SetReplayHook(
        [left_out, messages = std::make_shared<std::atomic<int>>(0)](
            v1::ReplayResponse* message) {
          if (++*messages == left_out.message) {
            message->mutable_batches()->DeleteSubrange(left_out.batch,
                                                       left_out.count);
          }
          return true;
        });
    std::unique_ptr<Replay> replay =
        Start({.start = ReplayPosition::At(Offset(0)),
               .stop = ReplayPosition::End()});
    EXPECT_EQ(ReadAll(replay.get()), Range(0, 100));
    EXPECT_TRUE(replay->status().ok()) << replay->status();
  }
  // One appended, two replayed each time.
  EXPECT_EQ(server_.streams(), 1 + 2 * cases.size());
}

// What a gap tells is all that may be missing.
TEST_F(ReplayTest, WhatIsMissingBehindAGapIsReadAgain) {
  Fill(0, 40);
  log_.Trim("t", 0, 8);
  server_.SetReplayHook([messages = std::make_shared<std::atomic<int>>(0)](
                            v1::ReplayResponse* message) {
    if (++*messages == 1) message->mutable_batches()->DeleteSubrange(0, 1);
    return true;
  });
  std::unique_ptr<Replay> replay = Start(
      {.start = ReplayPosition::At(Offset(2)), .stop = ReplayPosition::End()});
  EXPECT_EQ(ReadAll(replay.get()), Range(8, 40));
  EXPECT_TRUE(replay->status().ok()) << replay->status();
  EXPECT_EQ(server_.streams(), 3u);  // one appended, two replayed
}

TEST_F(ReplayTest, ABatchThatIsLeftOutForEverEndsTheReplayBeforeIt) {
  Fill(0, 100);
  server_.SetReplayHook([](v1::ReplayResponse* message) {
    auto* batches = message->mutable_batches();
    for (int i = 0; i < batches->size(); ++i) {
      if (batches->Get(i).base_offset() == 40) batches->DeleteSubrange(i, 1);
    }
    return true;
  });
  std::unique_ptr<Replay> replay = Start({.stop = ReplayPosition::End()});
  EXPECT_EQ(ReadAll(replay.get()), Range(0, 40));
  EXPECT_EQ(replay->status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(replay->next_offset(), Offset(40));
}

TEST_F(ReplayTest, LastingDamageEndsTheReplayBeforeIt) {
  Fill(0, 100);
  server_.SetReplayHook([](v1::ReplayResponse* message) {
    for (v1::DeliveredBatch& batch : *message->mutable_batches()) {
      if (batch.base_offset() == 40) batch.set_payload_crc32c(1);
    }
    return true;
  });
  std::unique_ptr<Replay> replay = Start({.stop = ReplayPosition::End()});
  EXPECT_EQ(ReadAll(replay.get()), Range(0, 40));
  EXPECT_EQ(replay->status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(replay->next_offset(), Offset(40));
}

TEST_F(ReplayTest, ReadAheadIsBounded) {
  Fill(0, 4'000, 0, 1);
  std::atomic<int> messages{0};
  server_.SetReplayHook([&](v1::ReplayResponse*) {
    ++messages;
    return true;
  });
  std::unique_ptr<Replay> replay =
      Start({.stop = ReplayPosition::End(), .read_ahead_bytes = 1});
  ASSERT_TRUE(replay->Next());
  EXPECT_EQ(ReadAll(replay.get()).size(), 3'999u);
}

TEST_F(ReplayTest, ABreakInTheLoopAbandonsTheCall) {
  Fill(0, 100);
  std::unique_ptr<Replay> replay =
      Start({.stop = ReplayPosition::End(), .read_ahead_bytes = 1});
  for (const ReplayRecord& record : *replay) {
    if (record.offset == Offset(10)) break;
  }
  EXPECT_EQ(replay->next_offset(), Offset(11));
  replay = nullptr;
}

TEST_F(ReplayTest, ForEachStopsWhenToldTo) {
  Fill(0, 100);
  std::unique_ptr<Replay> replay = Start({.stop = ReplayPosition::End()});
  int seen = 0;
  EXPECT_TRUE(
      replay->ForEach([&](const ReplayRecord&) { return ++seen < 7; }).ok());
  EXPECT_EQ(seen, 7);
}

class TopicReplayTest : public ReplayTest {
 protected:
  std::unique_ptr<TopicReplay> StartAll(ReplayOptions options,
                                        TopicReplaySettings settings = {}) {
    options.topic = "t";
    absl::StatusOr<std::unique_ptr<TopicReplay>> replay =
        TopicReplay::Start(client_, std::move(options), std::move(settings));
    EXPECT_TRUE(replay.ok()) << replay.status();
    return *std::move(replay);
  }
};

TEST_F(TopicReplayTest, ReadsAllPartitionsToTheirEnds) {
  Fill(0, 30, 0);
  Fill(0, 5, 1);
  for (const size_t at_once : {1, 2, 8}) {
    std::unique_ptr<TopicReplay> replay = StartAll(
        {.stop = ReplayPosition::End()}, {.partitions_at_once = at_once});
    EXPECT_EQ(replay->records_expected(), 35u);
    std::vector<uint64_t> next(3, 0);
    const absl::Status status =
        replay->ForEach([&](const ReplayRecord& record) {
          EXPECT_EQ(record.offset, Offset(next[record.partition]++));
          return true;
        });
    EXPECT_TRUE(status.ok()) << status;
    EXPECT_THAT(next, ElementsAre(30, 5, 0));
    EXPECT_THAT(replay->next_offsets(),
                ElementsAre(Offset(30), Offset(5), Offset(0)));
  }
}

TEST_F(TopicReplayTest, StartsEachPartitionWhereItIsTold) {
  Fill(0, 30, 0);
  Fill(0, 30, 2);
  std::unique_ptr<TopicReplay> replay =
      StartAll({.stop = ReplayPosition::End()},
               {.partitions = {2, 0}, .starts = {Offset(28), Offset(29)}});
  EXPECT_EQ(replay->records_expected(), 3u);
  int records = 0;
  EXPECT_TRUE(replay
                  ->ForEach([&](const ReplayRecord&) {
                    ++records;
                    return true;
                  })
                  .ok());
  EXPECT_EQ(records, 3);
}

TEST_F(TopicReplayTest, TheRecordLimitIsThatOfTheTopic) {
  Fill(0, 30, 0);
  Fill(0, 30, 1);
  std::unique_ptr<TopicReplay> replay =
      StartAll({.stop = ReplayPosition::End(), .records_max = 40});
  EXPECT_EQ(replay->records_expected(), 40u);
  int records = 0;
  EXPECT_TRUE(replay
                  ->ForEach([&](const ReplayRecord&) {
                    ++records;
                    return true;
                  })
                  .ok());
  EXPECT_EQ(records, 40);
}

TEST_F(TopicReplayTest, FollowsAllTailsUntilCancelled) {
  Fill(0, 4, 0);
  std::unique_ptr<TopicReplay> replay = StartAll({});
  std::promise<void> first_read;
  std::thread writer([&] {
    first_read.get_future().wait();
    Fill(0, 4, 1);
    Fill(0, 4, 2);
  });
  int records = 0;
  const absl::Status status = replay->ForEach([&](const ReplayRecord&) {
    ++records;
    if (records == 4) first_read.set_value();
    if (records == 12) replay->Cancel();
    return true;
  });
  writer.join();
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(records, 12);
}

TEST_F(TopicReplayTest, OneFailureEndsIt) {
  Fill(0, 30, 0);
  Fill(0, 30, 1);
  server_.SetReplayHook([](v1::ReplayResponse* message) {
    for (v1::DeliveredBatch& batch : *message->mutable_batches()) {
      if (batch.base_offset() == 20) batch.set_payload_crc32c(1);
    }
    return true;
  });
  std::unique_ptr<TopicReplay> replay =
      StartAll({.stop = ReplayPosition::End()});
  EXPECT_EQ(replay->ForEach([](const ReplayRecord&) { return true; }).code(),
            absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace kappa::client

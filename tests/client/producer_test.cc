// Producer: batching, partitions, limits, memory, outcomes.
#include "client/cpp/producer.h"

#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "client/cpp/error.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/wire/mutex.h"
#include "proto/wire/partitioner.h"
#include "tests/client/fake_log.h"
#include "tests/client/fake_server.h"
#include "tests/client/producer_fixture.h"

namespace kappa::client {
namespace {

using ::kappa::tests::FakeRecord;
using ::testing::ElementsAre;

TEST_F(ProducerTest, TellsWhereARecordIs) {
  std::unique_ptr<Producer> producer = Create();
  const absl::StatusOr<AppendResult> first =
      producer->AppendFuture({.key = "k", .value = "a"}, 1).get();
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->partition, 1u);
  EXPECT_EQ(first->offset, Offset(0));
  EXPECT_GT(first->append_time_us, 0);
  EXPECT_FALSE(first->duplicate);
  const absl::StatusOr<AppendResult> second =
      producer->AppendFuture({.value = "b"}, 1).get();
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(second->offset, Offset(1));
  const std::vector<FakeRecord> records = log_.Records("t", 1);
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].record.key(), "k");
  EXPECT_FALSE(records[1].record.has_key());
}

TEST_F(ProducerTest, StoresEverythingOfARecord) {
  std::unique_ptr<Producer> producer = Create();
  const HeaderView headers[] = {{"h", "1"}, {"h", ""}};
  ASSERT_TRUE(producer
                  ->Append({.key = "",
                            .value = std::string_view("\0x", 2),
                            .headers = headers,
                            .event_time_us = -5},
                           0)
                  .ok());
  ASSERT_TRUE(producer->Flush(kPatience).ok());
  const v1::Record record = log_.Records("t", 0).at(0).record;
  EXPECT_TRUE(record.has_key());
  EXPECT_EQ(record.value(), std::string("\0x", 2));
  ASSERT_EQ(record.headers_size(), 2);
  EXPECT_EQ(record.headers(0).name(), "h");
  EXPECT_EQ(record.event_time_us(), -5);
}

TEST_F(ProducerTest, FullBatchesGoAtOnceAndKeepTheOrder) {
  ProducerOptions options;
  options.batch_records = 10;
  options.linger = absl::Hours(1);
  options.send_when_idle = false;
  std::unique_ptr<Producer> producer = Create(options);
  for (int i = 0; i < 40; ++i) {
    ASSERT_TRUE(producer->Append({.value = std::to_string(i)}, 0).ok());
  }
  ASSERT_TRUE(server_.WaitUntil([&] { return Values(0).size() == 40; }));
  EXPECT_THAT(log_.BatchSizes("t", 0), ElementsAre(10, 10, 10, 10));
  EXPECT_EQ(Values(0), Numbers(40));
}

TEST_F(ProducerTest, ABatchIsSealedBeforeItPassesItsBytes) {
  ProducerOptions options;
  options.batch_bytes = 1'000;
  options.linger = absl::Hours(1);
  options.send_when_idle = false;
  std::unique_ptr<Producer> producer = Create(options);
  for (int i = 0; i < 6; ++i) {
    ASSERT_TRUE(producer->Append({.value = std::string(400, 'x')}, 0).ok());
  }
  // Larger than a batch: alone.
  ASSERT_TRUE(producer->Append({.value = std::string(5'000, 'x')}, 0).ok());
  ASSERT_TRUE(producer->Flush(kPatience).ok());
  EXPECT_THAT(log_.BatchSizes("t", 0), ElementsAre(2, 2, 2, 1));
}

TEST_F(ProducerTest, LingerSendsAnOpenBatch) {
  ProducerOptions options;
  options.linger = absl::Milliseconds(1);
  options.send_when_idle = false;
  std::unique_ptr<Producer> producer = Create(options);
  ASSERT_TRUE(producer->Append({.value = "a"}, 0).ok());
  EXPECT_TRUE(server_.WaitUntil([&] { return Values(0).size() == 1; }));
}

TEST_F(ProducerTest, RecordsGatherWhileABatchIsOnItsWay) {
  server_.HoldAnswers(true);
  ProducerOptions options;
  options.linger = absl::Hours(1);
  std::unique_ptr<Producer> producer = Create(options);
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(producer->Append({.value = std::to_string(i)}, 0).ok());
  }
  ASSERT_TRUE(server_.WaitUntil([&] { return Values(0).size() == 1; }));
  server_.HoldAnswers(false);
  // The rest goes as soon as the first is answered, before any linger.
  ASSERT_TRUE(server_.WaitUntil([&] { return Values(0).size() == 10; }));
  EXPECT_THAT(log_.BatchSizes("t", 0), ElementsAre(1, 9));
  EXPECT_EQ(Values(0), Numbers(10));
}

TEST_F(ProducerTest, KeysDecideThePartition) {
  std::unique_ptr<Producer> producer = Create();
  for (int i = 0; i < 50; ++i) {
    const std::string key = "key " + std::to_string(i);
    ASSERT_TRUE(producer->Append({.key = key, .value = "v"}).ok());
  }
  ASSERT_TRUE(producer->Flush(kPatience).ok());
  size_t records = 0;
  for (uint32_t partition = 0; partition < 3; ++partition) {
    for (const FakeRecord& record : log_.Records("t", partition)) {
      EXPECT_EQ(PartitionOfKey(record.record.key(), 3), partition);
      ++records;
    }
  }
  EXPECT_EQ(records, 50u);
}

TEST_F(ProducerTest, WithoutAKeyABatchStaysTogether) {
  ProducerOptions options;
  options.batch_records = 7;
  options.linger = absl::Hours(1);
  options.send_when_idle = false;
  std::unique_ptr<Producer> producer = Create(options);
  for (int i = 0; i < 21; ++i) {
    ASSERT_TRUE(producer->Append({.value = std::to_string(i)}).ok());
  }
  ASSERT_TRUE(producer->Flush(kPatience).ok());
  for (uint32_t partition = 0; partition < 3; ++partition) {
    EXPECT_THAT(log_.BatchSizes("t", partition), ElementsAre(7));
  }
}

TEST_F(ProducerTest, RefusesWhatTheServerWouldRefuse) {
  std::unique_ptr<Producer> producer = Create();
  EXPECT_EQ(ReasonOf(producer->Append(
                {.value = std::string(kBatchBytesDefault, 'x')})),
            v1::ERROR_REASON_LIMIT_EXCEEDED);
  EXPECT_EQ(
      ReasonOf(producer->Append({.key = std::string(kKeyBytesMax + 1, 'x')})),
      v1::ERROR_REASON_LIMIT_EXCEEDED);
  EXPECT_EQ(producer->Append({.value = "x"}, 3).code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(producer->AppendBatch(0, {}).code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(producer->memory_bytes(), 0u);
  EXPECT_TRUE(producer->Flush(kPatience).ok());
}

TEST_F(ProducerTest, OptionsOutOfRangeAreRefused) {
  ProducerOptions options;
  options.topic = "t";
  options.in_flight_max = 129;
  EXPECT_EQ(Producer::Create(client_, options).status().code(),
            absl::StatusCode::kInvalidArgument);
  options = ProducerOptions();
  options.topic = "absent";
  EXPECT_EQ(ReasonOf(Producer::Create(client_, options).status()),
            v1::ERROR_REASON_TOPIC_NOT_FOUND);
}

TEST_F(ProducerTest, CompressesWhatCanBeCompressed) {
  for (const Codec codec : {Codec::kZstd, Codec::kLz4}) {
    ProducerOptions options;
    options.compression = codec;
    std::unique_ptr<Producer> producer = Create(options);
    ASSERT_TRUE(producer->AppendFuture({.value = std::string(10'000, 'x')}, 0)
                    .get()
                    .ok());
    EXPECT_EQ(log_.BatchCodecs("t", 0).back(),
              static_cast<v1::Compression>(codec));
    ASSERT_TRUE(producer->AppendFuture({.value = "z"}, 0).get().ok());
    EXPECT_EQ(log_.BatchCodecs("t", 0).back(), v1::COMPRESSION_UNSPECIFIED);
  }
  EXPECT_EQ(Values(0)[0], std::string(10'000, 'x'));
}

TEST_F(ProducerTest, ARefusedBatchFailsAlone) {
  std::unique_ptr<Producer> producer = Create();
  std::vector<std::future<absl::StatusOr<AppendResult>>> results;
  for (int i = 0; i < 5; ++i) {
    auto promise =
        std::make_shared<std::promise<absl::StatusOr<AppendResult>>>();
    results.push_back(promise->get_future());
    BatchOptions batch_options;
    if (i == 2) batch_options.expected_offset = Offset(1'000);
    const std::string value = std::to_string(i);
    const RecordView record = {.value = value};
    ASSERT_TRUE(
        producer
            ->AppendBatch(
                0, absl::MakeConstSpan(&record, 1), batch_options,
                [promise](const auto& result) { promise->set_value(result); })
            .ok());
  }
  for (int i = 0; i < 5; ++i) {
    const absl::StatusOr<AppendResult> result = results[i].get();
    if (i == 2) {
      EXPECT_EQ(ReasonOf(result.status()),
                v1::ERROR_REASON_EXPECTED_OFFSET_MISMATCH);
      EXPECT_EQ(NumberOf(result.status(), "end_offset"), 2u);
    } else {
      EXPECT_TRUE(result.ok()) << i << ": " << result.status();
    }
  }
  EXPECT_THAT(Values(0), ElementsAre("0", "1", "3", "4"));
  EXPECT_EQ(ReasonOf(producer->Flush(kPatience)),
            v1::ERROR_REASON_EXPECTED_OFFSET_MISMATCH);
  EXPECT_TRUE(producer->Flush(kPatience).ok());
}

TEST_F(ProducerTest, AnAtomicBatchIsNeverMerged) {
  ProducerOptions options;
  options.linger = absl::Hours(1);
  options.send_when_idle = false;
  std::unique_ptr<Producer> producer = Create(options);
  ASSERT_TRUE(producer->Append({.value = "0"}, 0).ok());
  const std::vector<RecordView> records = {{.value = "1"}, {.value = "2"}};
  absl::StatusOr<AppendResult> result =
      producer->AppendBatchAndWait(0, records, {.expected_offset = Offset(1)});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->offset, Offset(1));
  ASSERT_TRUE(producer->Append({.value = "3"}, 0).ok());
  ASSERT_TRUE(producer->Flush(kPatience).ok());
  EXPECT_THAT(log_.BatchSizes("t", 0), ElementsAre(1, 2, 1));
  EXPECT_EQ(Values(0), Numbers(4));
}

TEST_F(ProducerTest, MemoryIsBoundedByRefusal) {
  server_.HoldAnswers(true);
  ProducerOptions options;
  options.memory_bytes_max = 10'000;
  options.when_full = WhenFull::kFail;
  std::unique_ptr<Producer> producer = Create(options);
  const std::string value(1'000, 'x');
  int accepted = 0;
  absl::Status status;
  while ((status = producer->Append({.value = value}, 0)).ok()) ++accepted;
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(accepted, 10);
  EXPECT_LE(producer->memory_bytes(), 11'100u);
  server_.HoldAnswers(false);
  ASSERT_TRUE(producer->Flush(kPatience).ok());
  EXPECT_EQ(producer->memory_bytes(), 0u);
  EXPECT_TRUE(producer->Append({.value = value}, 0).ok());
}

TEST_F(ProducerTest, MemoryIsBoundedByWaiting) {
  server_.HoldAnswers(true);
  ProducerOptions options;
  options.memory_bytes_max = 10'000;
  // An open batch is sent when someone waits for memory, long before this.
  options.linger = absl::Hours(1);
  options.send_when_idle = false;
  std::unique_ptr<Producer> producer = Create(options);
  std::atomic<int> accepted{0};
  std::thread appender([&] {
    const std::string value(1'000, 'x');
    for (int i = 0; i < 30; ++i) {
      EXPECT_TRUE(producer->Append({.value = value}, 0).ok());
      ++accepted;
    }
  });
  // It waits once ten are in: they are sent, and not answered.
  ASSERT_TRUE(server_.WaitUntil([&] { return Values(0).size() == 10; }));
  EXPECT_LE(accepted, 11);
  EXPECT_LE(producer->memory_bytes(), 11'100u);
  server_.HoldAnswers(false);
  appender.join();
  ASSERT_TRUE(producer->Flush(kPatience).ok());
  EXPECT_EQ(Values(0).size(), 30u);
}

TEST_F(ProducerTest, FlushGivesUpAtItsDeadline) {
  server_.HoldAnswers(true);
  std::unique_ptr<Producer> producer = Create();
  ASSERT_TRUE(producer->Append({.value = "0"}, 0).ok());
  EXPECT_EQ(producer->Flush(absl::Milliseconds(20)).code(),
            absl::StatusCode::kDeadlineExceeded);
  server_.HoldAnswers(false);
  EXPECT_TRUE(producer->Flush(kPatience).ok());
}

TEST_F(ProducerTest, AfterCloseNothingIsAccepted) {
  std::unique_ptr<Producer> producer = Create();
  ASSERT_TRUE(producer->Append({.value = "0"}, 0).ok());
  ASSERT_TRUE(producer->Close(kPatience).ok());
  EXPECT_EQ(Values(0), Numbers(1));
  EXPECT_EQ(producer->Append({.value = "1"}, 0).code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST_F(ProducerTest, DestructionTellsEveryCallback) {
  server_.HoldAnswers(true);
  ProducerOptions options;
  options.linger = absl::Hours(1);
  std::unique_ptr<Producer> producer = Create(options);
  std::future<absl::StatusOr<AppendResult>> sent =
      producer->AppendFuture({.value = "0"}, 0);
  std::future<absl::StatusOr<AppendResult>> open =
      producer->AppendFuture({.value = "1"}, 0);
  ASSERT_TRUE(server_.WaitUntil([&] { return Values(0).size() == 1; }));
  producer = nullptr;
  EXPECT_FALSE(IsDefinite(sent.get().status()));
  EXPECT_EQ(open.get().status().code(), absl::StatusCode::kCancelled);
  server_.HoldAnswers(false);
}

TEST_F(ProducerTest, TellsTheOutcomeOfEachBatch) {
  Mutex mutex;
  std::vector<BatchOutcome> outcomes;
  ProducerOptions options;
  options.batch_records = 4;
  options.send_when_idle = false;
  options.linger = absl::Hours(1);
  options.on_batch = [&](const BatchOutcome& outcome) {
    MutexLock lock(&mutex);
    outcomes.push_back(outcome);
  };
  std::unique_ptr<Producer> producer = Create(options);
  for (int i = 0; i < 6; ++i) {
    ASSERT_TRUE(producer->Append({.value = std::to_string(i)}, 2).ok());
  }
  ASSERT_TRUE(producer->Flush(kPatience).ok());
  MutexLock lock(&mutex);
  ASSERT_EQ(outcomes.size(), 2u);
  EXPECT_EQ(outcomes[0].partition, 2u);
  EXPECT_EQ(outcomes[0].record_count, 4u);
  EXPECT_EQ(outcomes[0].bytes, 4u * 5);
  EXPECT_GT(outcomes[0].latency, absl::ZeroDuration());
  EXPECT_EQ(outcomes[1].record_count, 2u);
  EXPECT_EQ(outcomes[1].result->offset, Offset(4));
}

TEST_F(ProducerTest, ATopicDeletedMeanwhileFailsItsRecords) {
  std::unique_ptr<Producer> producer = Create();
  log_.DeleteTopic("t");
  const absl::StatusOr<AppendResult> result =
      producer->AppendFuture({.value = "0"}, 0).get();
  EXPECT_EQ(ReasonOf(result.status()), v1::ERROR_REASON_TOPIC_NOT_FOUND);
}

TEST_F(ProducerTest, ManyThreadsAppendAtOnce) {
  std::unique_ptr<Producer> producer = Create();
  constexpr int kThreads = 4;
  constexpr int kRecords = 2'000;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kRecords; ++i) {
        const std::string value = std::to_string(t) + ":" + std::to_string(i);
        EXPECT_TRUE(producer->Append({.value = value}, i % 3).ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_TRUE(producer->Flush(kPatience).ok());
  // Each thread's records are there once, in its order.
  size_t total = 0;
  for (uint32_t partition = 0; partition < 3; ++partition) {
    std::vector<int> next(kThreads, static_cast<int>(partition));
    for (const std::string& value : Values(partition)) {
      const int thread = std::stoi(value);
      EXPECT_EQ(std::stoi(value.substr(value.find(':') + 1)), next[thread]);
      next[thread] += 3;
      ++total;
    }
  }
  EXPECT_EQ(total, static_cast<size_t>(kThreads * kRecords));
}

}  // namespace
}  // namespace kappa::client

// The C++ client against the real kappad.
#include <algorithm>
#include <atomic>
#include <future>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "client/cpp/admin.h"
#include "client/cpp/client.h"
#include "client/cpp/error.h"
#include "client/cpp/producer.h"
#include "client/cpp/replay.h"
#include "client/cpp/topic_replay.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/wire/mutex.h"
#include "proto/wire/partitioner.h"
#include "tests/process/kappad_process.h"

namespace kappa::client {
namespace {

using ::kappa::tests::KappadProcess;
using ::testing::ElementsAre;

constexpr absl::Duration kPatience = absl::Seconds(60);

// A number that one thread raises and another waits for.
class Progress {
 public:
  void Add(uint64_t n) {
    MutexLock lock(&mutex_);
    total_ += n;
    changed_.SignalAll();
  }
  // False after kPatience.
  bool WaitFor(uint64_t total) {
    const absl::Time deadline = absl::Now() + kPatience;
    MutexLock lock(&mutex_);
    while (total_ < total && absl::Now() < deadline) {
      changed_.WaitFor(&mutex_, 1'000'000);
    }
    return total_ >= total;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  uint64_t total_ ABSL_GUARDED_BY(mutex_) = 0;
};

class EndToEndTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const absl::Status status = server_.Start();
    ASSERT_TRUE(status.ok()) << status;
    client_ = Connect();
    admin_ = std::make_unique<Admin>(client_);
  }

  void TearDown() override {
    if (HasFailure()) std::cerr << server_.LogTail() << std::endl;
  }

  std::shared_ptr<Client> Connect() {
    ClientOptions options;
    options.seeds = server_.address();
    options.connect_timeout = kPatience;
    options.backoff_max = absl::Milliseconds(100);
    absl::StatusOr<std::shared_ptr<Client>> client = Client::Connect(options);
    EXPECT_TRUE(client.ok()) << client.status();
    return *std::move(client);
  }

  void CreateTopic(const std::string& name, uint32_t partitions) {
    v1::CreateTopicRequest request;
    request.set_name(name);
    request.set_partitions(partitions);
    absl::StatusOr<v1::CreateTopicResponse> response =
        admin_->CreateTopic(request);
    ASSERT_TRUE(response.ok()) << response.status();
  }

  std::unique_ptr<Producer> CreateProducer(ProducerOptions options) {
    absl::StatusOr<std::unique_ptr<Producer>> producer =
        Producer::Create(client_, std::move(options));
    EXPECT_TRUE(producer.ok()) << producer.status();
    return *std::move(producer);
  }

  // Appends "first" to "last - 1" and waits until they are stored.
  void Fill(const std::string& topic, int first, int last,
            uint32_t partition = 0, uint32_t batch_records = 100) {
    std::unique_ptr<Producer> producer =
        CreateProducer({.topic = topic, .batch_records = batch_records});
    for (int i = first; i < last; ++i) {
      const std::string value = std::to_string(i);
      const std::string key = i % 2 == 0 ? "even" : "odd";
      ASSERT_TRUE(
          producer->Append({.key = key, .value = value}, partition).ok());
    }
    const absl::Status status = producer->Close(kPatience);
    ASSERT_TRUE(status.ok()) << status;
  }

  std::unique_ptr<Replay> StartReplay(ReplayOptions options) {
    absl::StatusOr<std::unique_ptr<Replay>> replay =
        Replay::Start(client_, std::move(options));
    EXPECT_TRUE(replay.ok()) << replay.status();
    return *std::move(replay);
  }

  // The values of a partition as numbers; offsets must be dense from `first`.
  std::vector<int> ReadAll(Replay* replay, uint64_t first = 0) {
    std::vector<int> values;
    for (const ReplayRecord& record : *replay) {
      EXPECT_EQ(record.offset, Offset(first + values.size()));
      values.push_back(std::stoi(std::string(*record.value)));
    }
    EXPECT_TRUE(replay->status().ok()) << replay->status();
    return values;
  }

  static std::vector<int> Range(int first, int last) {
    std::vector<int> range;
    for (int i = first; i < last; ++i) range.push_back(i);
    return range;
  }

  KappadProcess server_;
  std::shared_ptr<Client> client_;
  std::unique_ptr<Admin> admin_;
};

TEST_F(EndToEndTest, WhatIsAppendedIsReplayed) {
  CreateTopic("t", 1);
  std::unique_ptr<Producer> producer = CreateProducer({.topic = "t"});
  const HeaderView headers[] = {{"trace", "1"}, {"trace", "\xff"}};
  const std::string binary("\0\xff\n", 3);
  const absl::StatusOr<AppendResult> result =
      producer
          ->AppendFuture({.key = "",
                          .value = binary,
                          .headers = headers,
                          .event_time_us = -1})
          .get();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->offset, Offset(0));
  ASSERT_TRUE(producer->AppendFuture({}).get().ok());
  std::unique_ptr<Replay> replay =
      StartReplay({.topic = "t", .stop = ReplayPosition::End()});
  ASSERT_TRUE(replay->Next()) << replay->status();
  const ReplayRecord& record = replay->record();
  EXPECT_EQ(record.append_time_us, result->append_time_us);
  EXPECT_EQ(record.key, "");
  EXPECT_EQ(record.value, binary);
  ASSERT_EQ(record.headers.size(), 2u);
  EXPECT_EQ(record.headers[1].value, "\xff");
  EXPECT_EQ(record.event_time_us, -1);
  ASSERT_TRUE(replay->Next());
  EXPECT_EQ(replay->record().key, std::nullopt);
  EXPECT_EQ(replay->record().value, std::nullopt);
  EXPECT_FALSE(replay->Next());
  EXPECT_TRUE(replay->status().ok()) << replay->status();
}

TEST_F(EndToEndTest, KeysStayInTheirPartitionsInOrder) {
  CreateTopic("t", 5);
  std::unique_ptr<Producer> producer = CreateProducer({.topic = "t"});
  for (int i = 0; i < 5'000; ++i) {
    const std::string key = "key " + std::to_string(i % 71);
    const std::string value = std::to_string(i);
    ASSERT_TRUE(producer->Append({.key = key, .value = value}).ok());
  }
  ASSERT_TRUE(producer->Close(kPatience).ok());
  absl::StatusOr<std::unique_ptr<TopicReplay>> replay = TopicReplay::Start(
      client_, {.topic = "t", .stop = ReplayPosition::End()});
  ASSERT_TRUE(replay.ok()) << replay.status();
  EXPECT_EQ((*replay)->records_expected(), 5'000u);
  std::map<std::string, int> next;
  int records = 0;
  const absl::Status status =
      (*replay)->ForEach([&](const ReplayRecord& record) {
        const std::string key(*record.key);
        EXPECT_EQ(record.partition, PartitionOfKey(key, 5));
        const int value = std::stoi(std::string(*record.value));
        if (next.count(key) == 0) next[key] = std::stoi(key.substr(4));
        EXPECT_EQ(value, next[key]) << key;
        next[key] = value + 71;
        ++records;
        return true;
      });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(records, 5'000);
}

TEST_F(EndToEndTest, CompressedBatchesComeBack) {
  CreateTopic("t", 1);
  int first = 0;
  for (const Codec codec : {Codec::kZstd, Codec::kLz4, Codec::kNone}) {
    std::unique_ptr<Producer> producer =
        CreateProducer({.topic = "t", .compression = codec});
    for (int i = first; i < first + 1'000; ++i) {
      ASSERT_TRUE(producer->Append({.value = std::to_string(i)}).ok());
    }
    ASSERT_TRUE(producer->Close(kPatience).ok());
    first += 1'000;
  }
  std::unique_ptr<Replay> replay =
      StartReplay({.topic = "t", .stop = ReplayPosition::End()});
  EXPECT_EQ(ReadAll(replay.get()), Range(0, 3'000));
}

TEST_F(EndToEndTest, KillsInTheMiddleNeitherLoseNorRepeat) {
  CreateTopic("t", 2);
  constexpr int kRecords = 30'000;
  constexpr int kKills = 3;
  // Records fill the memory: a kill hits a stream in full flow.
  const std::string padding(200, ' ');
  for (const char* name : {"", "exact"}) {
    SCOPED_TRACE(name);
    Progress progress;
    std::atomic<int> failures{0};
    ProducerOptions options;
    options.topic = "t";
    options.name = name;
    options.batch_records = 50;
    options.memory_bytes_max = 256 * 1024;
    options.on_batch = [&](const BatchOutcome& outcome) {
      if (!outcome.result.ok()) ++failures;
      progress.Add(outcome.record_count);
    };
    const uint32_t partition = *name == '\0' ? 0 : 1;
    std::unique_ptr<Producer> producer = CreateProducer(options);
    std::thread appender([&] {
      for (int i = 0; i < kRecords; ++i) {
        const std::string value = std::to_string(i) + padding;
        EXPECT_TRUE(producer->Append({.value = value}, partition).ok());
      }
    });
    for (int kill = 1; kill <= kKills; ++kill) {
      EXPECT_TRUE(progress.WaitFor(kill * kRecords / (kKills + 1)));
      server_.Kill();
      const absl::Status status = server_.Start();
      EXPECT_TRUE(status.ok()) << status;
    }
    appender.join();
    const absl::Status status = producer->Close(kPatience);
    EXPECT_TRUE(status.ok()) << status;
    EXPECT_EQ(failures, 0);
    std::unique_ptr<Replay> replay = StartReplay(
        {.topic = "t", .partition = partition, .stop = ReplayPosition::End()});
    EXPECT_EQ(ReadAll(replay.get()), Range(0, kRecords));
  }
}

TEST_F(EndToEndTest, ACleanStopIsOnlyAPause) {
  CreateTopic("t", 1);
  std::unique_ptr<Producer> producer = CreateProducer({.topic = "t"});
  ASSERT_TRUE(producer->AppendFuture({.value = "0"}).get().ok());
  absl::StatusOr<int> code = server_.Terminate();
  ASSERT_TRUE(code.ok()) << code.status();
  EXPECT_EQ(*code, 0);
  std::future<absl::StatusOr<AppendResult>> result =
      producer->AppendFuture({.value = "1"});
  ASSERT_TRUE(server_.Start().ok());
  const absl::StatusOr<AppendResult> second = result.get();
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->offset, Offset(1));
}

TEST_F(EndToEndTest, AReplayGoesOnAfterAKill) {
  CreateTopic("t", 1);
  Fill("t", 0, 20'000, 0, 10);
  std::unique_ptr<Replay> replay =
      StartReplay({.topic = "t",
                   .stop = ReplayPosition::At(Offset(20'100)),
                   .read_ahead_bytes = 1});
  std::vector<int> values;
  for (const ReplayRecord& record : *replay) {
    EXPECT_EQ(record.offset, Offset(values.size()));
    values.push_back(std::stoi(std::string(*record.value)));
    if (values.size() == 100 || values.size() == 10'000) {
      server_.Kill();
      ASSERT_TRUE(server_.Start().ok());
    }
    if (values.size() == 20'000) Fill("t", 20'000, 20'100);
  }
  EXPECT_TRUE(replay->status().ok()) << replay->status();
  EXPECT_EQ(values, Range(0, 20'100));
}

TEST_F(EndToEndTest, AReplayFollowsTheTail) {
  CreateTopic("t", 1);
  Fill("t", 0, 10);
  Progress caught_up;
  std::unique_ptr<Replay> replay =
      StartReplay({.topic = "t", .on_event = [&](const ReplayEvent& event) {
                     if (event.kind == ReplayEvent::Kind::kCaughtUp) {
                       caught_up.Add(1);
                     }
                   }});
  std::thread writer([&] {
    EXPECT_TRUE(caught_up.WaitFor(1));
    Fill("t", 10, 20);
  });
  std::vector<int> values;
  while (values.size() < 20 && replay->Next()) {
    values.push_back(std::stoi(std::string(*replay->record().value)));
  }
  writer.join();
  EXPECT_EQ(values, Range(0, 20));
}

TEST_F(EndToEndTest, MemoryIsBoundedWhileTheServerStands) {
  CreateTopic("t", 1);
  std::unique_ptr<Producer> producer =
      CreateProducer({.topic = "t",
                      .memory_bytes_max = 1 << 20,
                      .when_full = WhenFull::kFail});
  ASSERT_TRUE(producer->AppendFuture({.value = "0"}).get().ok());
  server_.Pause();
  const std::string value(1'000, 'x');
  uint64_t accepted = 0;
  absl::Status status;
  while ((status = producer->Append({.value = value})).ok()) ++accepted;
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_LE(producer->memory_bytes(), (1u << 20) + 2'000);
  server_.Resume();
  status = producer->Flush(kPatience);
  EXPECT_TRUE(status.ok()) << status;
  v1::GetOffsetsRequest request;
  request.set_topic("t");
  absl::StatusOr<v1::GetOffsetsResponse> offsets = admin_->GetOffsets(request);
  ASSERT_TRUE(offsets.ok()) << offsets.status();
  EXPECT_EQ(offsets->end_offset(), accepted + 1);
}

TEST_F(EndToEndTest, ConditionsDecide) {
  CreateTopic("t", 1);
  std::unique_ptr<Producer> producer = CreateProducer({.topic = "t"});
  const std::vector<RecordView> records = {{.value = "0"}, {.value = "1"}};
  absl::StatusOr<AppendResult> first =
      producer->AppendBatchAndWait(0, records, {.expected_offset = Offset(0)});
  ASSERT_TRUE(first.ok()) << first.status();
  const absl::Status refused =
      producer->AppendBatchAndWait(0, records, {.expected_offset = Offset(0)})
          .status();
  EXPECT_EQ(ReasonOf(refused), v1::ERROR_REASON_EXPECTED_OFFSET_MISMATCH);
  EXPECT_EQ(NumberOf(refused, "end_offset"), 2u);
  EXPECT_TRUE(IsDefinite(refused));
  // The refusal leaves a hole in the sequences that later batches step over.
  absl::StatusOr<AppendResult> third =
      producer->AppendBatchAndWait(0, records, {.expected_offset = Offset(2)});
  ASSERT_TRUE(third.ok()) << third.status();
  EXPECT_EQ(third->offset, Offset(2));
}

TEST_F(EndToEndTest, RefusedBatchesInAPipelineFailAlone) {
  CreateTopic("t", 1);
  std::unique_ptr<Producer> producer = CreateProducer({.topic = "t"});
  std::vector<int> expected;
  for (int i = 0; i < 200; ++i) {
    const std::string value = std::to_string(i);
    const RecordView record = {.value = value};
    BatchOptions batch_options;
    if (i % 40 == 20) {
      batch_options.expected_offset = Offset(1'000'000);
    } else {
      expected.push_back(i);
    }
    ASSERT_TRUE(
        producer->AppendBatch(0, absl::MakeConstSpan(&record, 1), batch_options)
            .ok());
  }
  EXPECT_EQ(ReasonOf(producer->Flush(kPatience)),
            v1::ERROR_REASON_EXPECTED_OFFSET_MISMATCH);
  std::unique_ptr<Replay> replay =
      StartReplay({.topic = "t", .stop = ReplayPosition::End()});
  EXPECT_EQ(ReadAll(replay.get()), expected);
}

TEST_F(EndToEndTest, ANamedProducerGoesOnAndFences) {
  CreateTopic("t", 3);
  const RecordView record = {.value = "0"};
  std::unique_ptr<Producer> old =
      CreateProducer({.topic = "t", .name = "loader"});
  absl::StatusOr<AppendResult> result = old->AppendBatchAndWait(
      1, absl::MakeConstSpan(&record, 1), {.state = "row 1"});
  ASSERT_TRUE(result.ok()) << result.status();
  server_.Kill();
  ASSERT_TRUE(server_.Start().ok());
  std::unique_ptr<Producer> heir =
      CreateProducer({.topic = "t", .name = "loader"});
  EXPECT_GT(heir->epoch(), old->epoch());
  ASSERT_EQ(heir->positions().size(), 3u);
  EXPECT_EQ(heir->positions()[1].last_sequence(), 1u);
  EXPECT_EQ(heir->positions()[1].state(), "row 1");
  result = heir->AppendFuture({.value = "1"}, 1).get();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->offset, Offset(1));
  EXPECT_EQ(ReasonOf(old->AppendFuture({.value = "x"}, 1).get().status()),
            v1::ERROR_REASON_PRODUCER_FENCED);
}

TEST_F(EndToEndTest, ReadsFromTimesBackwardsAndFiltered) {
  CreateTopic("t", 1);
  Fill("t", 0, 50, 0, 10);
  std::unique_ptr<Replay> all =
      StartReplay({.topic = "t", .stop = ReplayPosition::End()});
  int64_t time_us = 0;
  uint64_t first_at_time = 0;
  for (const ReplayRecord& record : *all) {
    if (record.append_time_us == time_us || record.offset < Offset(25))
      continue;
    if (time_us != 0) continue;
    time_us = record.append_time_us;
    first_at_time = record.offset.value();
  }
  // The first record of that time may come a little earlier.
  std::unique_ptr<Replay> from_time =
      StartReplay({.topic = "t",
                   .start = ReplayPosition::AppendTime(time_us),
                   .stop = ReplayPosition::End()});
  ASSERT_TRUE(from_time->Next()) << from_time->status();
  EXPECT_LE(from_time->record().offset, Offset(first_at_time));
  EXPECT_EQ(from_time->record().append_time_us, time_us);

  std::unique_ptr<Replay> backwards =
      StartReplay({.topic = "t", .backwards = true});
  std::vector<int> values;
  for (const ReplayRecord& record : *backwards) {
    values.push_back(std::stoi(std::string(*record.value)));
  }
  EXPECT_TRUE(backwards->status().ok()) << backwards->status();
  ASSERT_EQ(values.size(), 50u);
  EXPECT_EQ(values.back() < 10, true);
  std::sort(values.begin(), values.end());
  EXPECT_EQ(values, Range(0, 50));

  v1::RecordFilter filter;
  filter.set_key("odd");
  std::unique_ptr<Replay> odd = StartReplay(
      {.topic = "t", .stop = ReplayPosition::End(), .filter = filter});
  int expected = 1;
  for (const ReplayRecord& record : *odd) {
    EXPECT_EQ(record.value, std::to_string(expected));
    EXPECT_EQ(record.offset, Offset(expected));
    expected += 2;
  }
  EXPECT_TRUE(odd->status().ok()) << odd->status();
  EXPECT_EQ(expected, 51);

  std::unique_ptr<Replay> some = StartReplay(
      {.topic = "t", .start = ReplayPosition::At(Offset(7)), .records_max = 5});
  EXPECT_EQ(ReadAll(some.get(), 7), Range(7, 12));
}

TEST_F(EndToEndTest, LargestBatchesPass) {
  CreateTopic("t", 1);
  std::unique_ptr<Producer> producer = CreateProducer({.topic = "t"});
  const std::string value(3'145'728 - 16, 'x');
  const absl::StatusOr<AppendResult> result =
      producer->AppendFuture({.value = value}).get();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(ReasonOf(producer->Append({.value = value + std::string(32, 'x')})),
            v1::ERROR_REASON_LIMIT_EXCEEDED);
  std::unique_ptr<Replay> replay =
      StartReplay({.topic = "t", .stop = ReplayPosition::End()});
  ASSERT_TRUE(replay->Next()) << replay->status();
  EXPECT_EQ(replay->record().value, value);
}

TEST_F(EndToEndTest, ErrorsAreTyped) {
  EXPECT_EQ(ReasonOf(admin_->GetTopic("absent").status()),
            v1::ERROR_REASON_TOPIC_NOT_FOUND);
  CreateTopic("t", 1);
  v1::DeleteTopicRequest request;
  request.set_name("t");
  EXPECT_EQ(ReasonOf(admin_->DeleteTopic(request).status()),
            v1::ERROR_REASON_DELETION_PROTECTED);
  std::unique_ptr<Replay> replay =
      StartReplay({.topic = "t", .start = ReplayPosition::At(Offset(1))});
  EXPECT_FALSE(replay->Next());
  EXPECT_EQ(ReasonOf(replay->status()), v1::ERROR_REASON_OFFSET_OUT_OF_RANGE);
  EXPECT_EQ(NumberOf(replay->status(), "end_offset"), 0u);
}

TEST_F(EndToEndTest, ADeletedTopicEndsItsProducerAndReplay) {
  CreateTopic("t", 1);
  Fill("t", 0, 10);
  std::unique_ptr<Producer> producer = CreateProducer({.topic = "t"});
  ASSERT_TRUE(producer->AppendFuture({.value = "10"}).get().ok());
  v1::UpdateTopicRequest update;
  update.set_name("t");
  update.set_deletion_protection(false);
  ASSERT_TRUE(admin_->UpdateTopic(update).ok());
  v1::DeleteTopicRequest request;
  request.set_name("t");
  ASSERT_TRUE(admin_->DeleteTopic(request).ok());
  const absl::Status gone =
      producer->AppendFuture({.value = "11"}).get().status();
  EXPECT_EQ(ReasonOf(gone), v1::ERROR_REASON_TOPIC_NOT_FOUND) << gone;
  CreateTopic("t", 1);
  // Of the same name, but another: what is meant must be decided.
  EXPECT_EQ(ReasonOf(producer->AppendFuture({.value = "12"}).get().status()),
            v1::ERROR_REASON_TOPIC_UUID_MISMATCH);
}

TEST_F(EndToEndTest, TopicsAreListedInPages) {
  for (int i = 0; i < 12; ++i) CreateTopic("page-" + std::to_string(i), 1);
  CreateTopic("other", 2);
  absl::StatusOr<std::vector<v1::Topic>> topics = admin_->ListTopics("page-");
  ASSERT_TRUE(topics.ok()) << topics.status();
  EXPECT_EQ(topics->size(), 12u);
  v1::GetOffsetsRequest request;
  request.set_topic("other");
  absl::StatusOr<std::vector<v1::GetOffsetsResponse>> offsets =
      admin_->GetAllOffsets(request, 2);
  ASSERT_TRUE(offsets.ok()) << offsets.status();
  EXPECT_EQ(offsets->at(1).end_offset(), 0u);
}

}  // namespace
}  // namespace kappa::client

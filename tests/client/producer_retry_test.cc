// Producer: repetitions, leaders, sessions, epochs and deadlines.
#include <atomic>
#include <future>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "client/cpp/error.h"
#include "client/cpp/producer.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/fake_log.h"
#include "tests/client/fake_server.h"
#include "tests/client/producer_fixture.h"

namespace kappa::client {
namespace {

using ::kappa::tests::AppendFault;
using ::kappa::tests::FakeLog;
using ::kappa::tests::FakeServer;
using ::kappa::tests::MakeGrpcError;
using ::kappa::tests::MakeWireError;
using ::testing::IsEmpty;

TEST_F(ProducerTest, BrokenStreamsNeitherLoseNorRepeatNorReorder) {
  // Every seventh batch breaks the stream, in turn stored and not stored.
  std::atomic<int> count{0};
  server_.SetAppendHook([&count](const v1::AppendRequest&) {
    AppendFault fault;
    const int n = ++count;
    if (n % 7 == 0) {
      fault.kind = n % 2 == 0 ? AppendFault::Kind::kBreakBefore
                              : AppendFault::Kind::kBreakAfter;
    }
    return fault;
  });
  ProducerOptions options;
  options.batch_records = 5;
  std::unique_ptr<Producer> producer = Create(options);
  constexpr int kRecords = 2'000;
  std::atomic<int> done{0};
  for (int i = 0; i < kRecords; ++i) {
    ASSERT_TRUE(producer
                    ->Append({.value = std::to_string(i)}, 0,
                             [&done, i](const auto& result) {
                               ASSERT_TRUE(result.ok()) << result.status();
                               EXPECT_EQ(result->offset, Offset(i));
                               ++done;
                             })
                    .ok());
  }
  const absl::Status status = producer->Flush(kPatience);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(done, kRecords);
  EXPECT_EQ(Values(0), Numbers(kRecords));
  EXPECT_EQ(producer->memory_bytes(), 0u);
  EXPECT_GT(server_.streams(), 2u);
}

TEST_F(ProducerTest, SurvivesARestartOfTheServer) {
  std::unique_ptr<Producer> producer = Create();
  ASSERT_TRUE(producer->AppendFuture({.value = "0"}, 0).get().ok());
  server_.Stop();
  std::future<absl::StatusOr<AppendResult>> result =
      producer->AppendFuture({.value = "1"}, 0);
  server_.Start();
  const absl::StatusOr<AppendResult> second = result.get();
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(Values(0), Numbers(2));
}

TEST_F(ProducerTest, AForgottenResultCountsAsDone) {
  std::atomic<int> count{0};
  server_.SetAppendHook([&](const v1::AppendRequest&) {
    AppendFault fault;
    const int n = ++count;
    if (n == 1) fault.kind = AppendFault::Kind::kBreakAfter;
    if (n == 2) log_.ForgetResults();
    return fault;
  });
  std::unique_ptr<Producer> producer = Create();
  const absl::StatusOr<AppendResult> result =
      producer->AppendFuture({.value = "0"}, 0).get();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_FALSE(result->offset.has_value());
  EXPECT_TRUE(result->duplicate);
  EXPECT_EQ(Values(0), Numbers(1));
}

TEST_F(ProducerTest, RetriesWhatTheServerAsksToRetry) {
  // A regular pattern could fall in step with the repetitions for ever.
  std::minstd_rand random(7);
  server_.SetAppendHook([&](const v1::AppendRequest&) {
    AppendFault fault;
    const uint32_t dice = random() % 30;
    if (dice < 3) {
      fault.kind = AppendFault::Kind::kRefuse;
      fault.refusal =
          MakeWireError(grpc::RESOURCE_EXHAUSTED, v1::ERROR_REASON_OVERLOADED,
                        "full", {{"retry_after_ms", "1"}});
    } else if (dice < 6) {
      fault.kind = AppendFault::Kind::kRefuseAfter;
      fault.refusal =
          MakeWireError(grpc::UNAVAILABLE, v1::ERROR_REASON_OUTCOME_UNKNOWN,
                        "who knows", {{"outcome", "indefinite"}});
    }
    return fault;
  });
  ProducerOptions options;
  options.batch_records = 2;
  std::unique_ptr<Producer> producer = Create(options);
  for (int i = 0; i < 300; ++i) {
    ASSERT_TRUE(producer->Append({.value = std::to_string(i)}, 0).ok());
  }
  const absl::Status status = producer->Flush(kPatience);
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(Values(0), Numbers(300));
}

TEST_F(ProducerTest, GoesToTheLeaderThatItIsTold) {
  FakeLog other_log;
  other_log.CreateTopic("t", 3);
  FakeServer leader(&other_log);
  server_.SetAppendHook([&](const v1::AppendRequest&) {
    AppendFault fault;
    fault.kind = AppendFault::Kind::kRefuse;
    fault.refusal =
        MakeWireError(grpc::UNAVAILABLE, v1::ERROR_REASON_NOT_LEADER, "no",
                      {{"leader", leader.address()}});
    return fault;
  });
  std::unique_ptr<Producer> producer = Create();
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(
        producer->AppendFuture({.value = std::to_string(i)}, 0).get().ok());
  }
  EXPECT_EQ(other_log.Records("t", 0).size(), 10u);
  EXPECT_THAT(Values(0), IsEmpty());
  // Only the first one went astray.
  EXPECT_EQ(server_.append_requests(), 1u);
}

TEST_F(ProducerTest, ASessionForgottenByTheServerGoesOn) {
  std::unique_ptr<Producer> producer = Create();
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(
        producer->AppendFuture({.value = std::to_string(i)}, 0).get().ok());
    log_.EvictSessions();
  }
  EXPECT_EQ(Values(0), Numbers(3));
}

TEST_F(ProducerTest, WhatAForgottenSessionLeavesInDoubtIsToldSo) {
  std::atomic<int> count{0};
  server_.SetAppendHook([&](const v1::AppendRequest&) {
    AppendFault fault;
    if (++count == 2) {
      fault.kind = AppendFault::Kind::kBreakAfter;
      log_.EvictSessions();
    }
    if (count == 3) log_.EvictSessions();
    return fault;
  });
  std::unique_ptr<Producer> producer = Create();
  ASSERT_TRUE(producer->AppendFuture({.value = "0"}, 0).get().ok());
  // The first eviction makes a new session; its batch is then stored, its
  // answer lost and its session evicted.
  const absl::StatusOr<AppendResult> result =
      producer->AppendFuture({.value = "1"}, 0).get();
  if (!result.ok()) {
    EXPECT_EQ(ReasonOf(result.status()), v1::ERROR_REASON_OUTCOME_UNKNOWN);
    EXPECT_FALSE(IsDefinite(result.status()));
  }
  ASSERT_TRUE(producer->AppendFuture({.value = "2"}, 0).get().ok());
  EXPECT_LE(Values(0).size(), 3u);
  EXPECT_EQ(Values(0).back(), "2");
}

TEST_F(ProducerTest, ANamedProducerGoesOnWhereItStood) {
  const RecordView record = {.value = "0"};
  {
    std::unique_ptr<Producer> producer = Create({.name = "p"});
    EXPECT_EQ(producer->epoch(), 1u);
    ASSERT_EQ(producer->positions().size(), 3u);
    EXPECT_EQ(producer->positions()[0].last_sequence(), 0u);
    ASSERT_TRUE(producer
                    ->AppendBatchAndWait(0, absl::MakeConstSpan(&record, 1),
                                         {.state = "row 7"})
                    .ok());
  }
  std::unique_ptr<Producer> producer = Create({.name = "p"});
  EXPECT_EQ(producer->epoch(), 2u);
  EXPECT_EQ(producer->positions()[0].last_sequence(), 1u);
  EXPECT_EQ(producer->positions()[0].state(), "row 7");
  ASSERT_TRUE(producer->AppendFuture({.value = "1"}, 0).get().ok());
  EXPECT_EQ(Values(0), Numbers(2));
}

TEST_F(ProducerTest, ANamedProducerLearnsAboutOtherPartitionsLater) {
  {
    std::unique_ptr<Producer> producer = Create({.name = "p"});
    ASSERT_TRUE(producer->AppendFuture({.value = "0"}, 2).get().ok());
  }
  std::unique_ptr<Producer> producer = Create({.name = "p", .partitions = {0}});
  EXPECT_EQ(producer->positions().size(), 1u);
  ASSERT_TRUE(producer->AppendFuture({.value = "1"}, 2).get().ok());
  EXPECT_EQ(Values(2), Numbers(2));
}

TEST_F(ProducerTest, AFencedProducerStops) {
  std::unique_ptr<Producer> old = Create({.name = "p"});
  ASSERT_TRUE(old->AppendFuture({.value = "0"}, 0).get().ok());
  std::unique_ptr<Producer> heir = Create({.name = "p"});
  const absl::StatusOr<AppendResult> result =
      old->AppendFuture({.value = "x"}, 0).get();
  EXPECT_EQ(ReasonOf(result.status()), v1::ERROR_REASON_PRODUCER_FENCED);
  // The whole producer is fenced soon after, in every partition.
  EXPECT_TRUE(server_.WaitUntil([&] {
    return ReasonOf(old->Append({.value = "x"}, 1)) ==
           v1::ERROR_REASON_PRODUCER_FENCED;
  }));
  ASSERT_TRUE(heir->AppendFuture({.value = "1"}, 0).get().ok());
  EXPECT_EQ(Values(0), Numbers(2));
}

TEST_F(ProducerTest, ABatchExpiresAfterTheDeliveryTimeout) {
  server_.HoldAnswers(true);
  ProducerOptions options;
  options.delivery_timeout = absl::Milliseconds(50);
  std::unique_ptr<Producer> producer = Create(options);
  const absl::StatusOr<AppendResult> lost =
      producer->AppendFuture({.value = "0"}, 0).get();
  EXPECT_EQ(lost.status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_FALSE(IsDefinite(lost.status()));
  server_.HoldAnswers(false);
  // It was stored after all; the producer finds out and goes on.
  std::vector<std::string> values;
  ASSERT_TRUE(server_.WaitUntil(
      [&] { return producer->AppendFuture({.value = "1"}, 0).get().ok(); }));
  EXPECT_EQ(Values(0).front(), "0");
  EXPECT_EQ(Values(0).back(), "1");
}

TEST_F(ProducerTest, WithoutExactRetriesNothingIsNumbered) {
  std::atomic<int> numbered{0};
  server_.SetAppendHook([&](const v1::AppendRequest& request) {
    if (request.has_producer()) ++numbered;
    return AppendFault();
  });
  ProducerOptions options;
  options.exact_retries = false;
  std::unique_ptr<Producer> producer = Create(options);
  ASSERT_TRUE(producer->AppendFuture({.value = "0"}, 0).get().ok());
  EXPECT_EQ(numbered, 0);
  EXPECT_EQ(Values(0), Numbers(1));
}

TEST_F(ProducerTest, OpeningASessionIsRetried) {
  std::atomic<int> calls{0};
  server_.SetCallHook([&](const std::string& method) {
    if (method == "GetOffsets" && ++calls < 4) {
      return MakeGrpcError(grpc::UNAVAILABLE, v1::ERROR_REASON_SHUTTING_DOWN,
                           "later");
    }
    return grpc::Status::OK;
  });
  std::unique_ptr<Producer> producer = Create();
  EXPECT_TRUE(producer->AppendFuture({.value = "0"}, 0).get().ok());
  EXPECT_EQ(calls, 4);
}

}  // namespace
}  // namespace kappa::client

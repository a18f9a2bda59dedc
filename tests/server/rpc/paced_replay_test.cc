// Replays that give way to appends: they are as complete, and end as promptly.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "tests/server/rpc/rpc_fixture.h"

namespace kappa::server {
namespace {

constexpr uint64_t kBatches = 64;
constexpr size_t kBatchBytes = 256 << 10;

class PacedReplayTest : public RpcFixture {
 protected:
  void SetUp() override {
    // Whatever appends wait is too long.
    server_options_.replay_pace = {.wait_us_max = 0, .bytes_per_s_min = 8e6};
    RpcFixture::SetUp();
    CreateTopic("history");
    CreateTopic("live");
    const std::string value(kBatchBytes, 'x');
    for (uint64_t i = 0; i < kBatches; ++i) Append("history", 1, value);
    live_ = std::thread([this] {
      while (!end_) Append("live", 1);
    });
  }

  void TearDown() override {
    EndAppends();
    RpcFixture::TearDown();
  }

  void EndAppends() {
    end_ = true;
    if (live_.joinable()) live_.join();
  }

  struct Running {
    Call call;
    std::unique_ptr<grpc::ClientReader<v1::ReplayResponse>> reader;
  };

  // Replays the history up to its end as of now.
  std::unique_ptr<Running> Start() {
    v1::ReplayRequest request;
    request.set_topic("history");
    request.mutable_options()->mutable_stop()->set_end(true);
    auto running = std::make_unique<Running>();
    running->reader = log_->Replay(&running->call.context, request);
    return running;
  }

  // Reads to the end of the stream; returns the batches.
  static uint64_t ReadAll(Running* running) {
    v1::ReplayResponse response;
    uint64_t batches = 0;
    while (running->reader->Read(&response)) {
      for (const v1::DeliveredBatch& batch : response.batches()) {
        EXPECT_EQ(batch.base_offset(), batches);
        ++batches;
      }
    }
    return batches;
  }

  // Replays until chunks wait.
  void ReplayUntilSlowed() {
    while (server_->stats().replay_pauses < 4) {
      auto running = Start();
      ASSERT_EQ(ReadAll(running.get()), kBatches);
      ASSERT_TRUE(running->reader->Finish().ok());
    }
  }

  void AwaitNoReplay() const {
    while (server_->stats().replays > 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  std::atomic<bool> end_{false};
  std::thread live_;
};

TEST_F(PacedReplayTest, EveryBatchComesOnceInOrder) {
  ReplayUntilSlowed();
  EndAppends();
  // None waits once nothing is appended any more: 16 MiB at the least pace
  // would take two seconds, each time.
  std::this_thread::sleep_for(std::chrono::milliseconds(1'500));
  const uint64_t pauses = server_->stats().replay_pauses;
  for (int i = 0; i < 3; ++i) {
    auto running = Start();
    EXPECT_EQ(ReadAll(running.get()), kBatches);
    EXPECT_TRUE(running->reader->Finish().ok());
  }
  EXPECT_EQ(server_->stats().replay_pauses, pauses);
}

TEST_F(PacedReplayTest, CancelledWhileItWaits) {
  ReplayUntilSlowed();
  const uint64_t pauses = server_->stats().replay_pauses;
  while (server_->stats().replay_pauses < pauses + 10) {
    auto running = Start();
    v1::ReplayResponse response;
    running->reader->Read(&response);
    running->call.context.TryCancel();
    EXPECT_EQ(running->reader->Finish().error_code(),
              grpc::StatusCode::CANCELLED);
  }
  AwaitNoReplay();
}

TEST_F(PacedReplayTest, ShutDownWhileItWaits) {
  ReplayUntilSlowed();
  auto running = Start();
  EndAppends();
  std::thread stopping([this] { StopServer(); });
  EXPECT_LT(ReadAll(running.get()), kBatches);
  EXPECT_EQ(ReasonOf(running->reader->Finish()), "SHUTTING_DOWN");
  stopping.join();
}

// What a stream that is ended no longer sends is its end: nothing that comes
// after it is sent either.
TEST_F(PacedReplayTest, NothingIsSkippedAtShutdown) {
  EndAppends();
  for (int round = 0; round < 8; ++round) {
    std::vector<std::thread> readers;
    std::atomic<bool> reading{false};
    for (int i = 0; i < 8; ++i) {
      readers.emplace_back([&, running = Start()] {
        v1::ReplayResponse response;
        uint64_t expected = 0;
        while (running->reader->Read(&response)) {
          reading = true;
          for (const v1::DeliveredBatch& batch : response.batches()) {
            EXPECT_EQ(batch.base_offset(), expected);
            ++expected;
          }
        }
        running->reader->Finish();
      });
    }
    while (!reading) std::this_thread::yield();
    StopServer();
    for (std::thread& reader : readers) reader.join();
    StartServer();
  }
}

}  // namespace
}  // namespace kappa::server

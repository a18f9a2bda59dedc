// Replays that give way to appends: they are as complete, and end as promptly.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
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

  // Looks at `done` after each of many replays.
  void ReplayUntil(const std::function<bool()>& done) {
    const auto deadline =
        std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!done()) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline);
      auto running = Start();
      ASSERT_EQ(ReadAll(running.get()), kBatches);
      ASSERT_TRUE(running->reader->Finish().ok());
    }
  }

  // Until the history takes more than a second.
  void ReplayUntilSlow() {
    ReplayUntil([this] {
      const uint64_t pace = server_->stats().replay_bytes_per_s;
      return pace > 0 && pace < kBatches * kBatchBytes;
    });
  }

  void AwaitNoReplay() const {
    const auto deadline =
        std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (server_->stats().replays > 0) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  std::atomic<bool> end_{false};
  std::thread live_;
};

TEST_F(PacedReplayTest, EveryBatchComesOnceInOrderUntilNoneWaits) {
  ReplayUntilSlow();
  EXPECT_GT(server_->stats().replay_pauses, 0u);
  EndAppends();
  ReplayUntil([this] { return server_->stats().replay_bytes_per_s == 0; });
}

TEST_F(PacedReplayTest, CancelledWhileItWaits) {
  ReplayUntilSlow();
  const uint64_t pauses = server_->stats().replay_pauses;
  const auto deadline =
      std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (server_->stats().replay_pauses < pauses + 30) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline);
    auto running = Start();
    v1::ReplayResponse response;
    running->reader->Read(&response);
    running->call.context.TryCancel();
    EXPECT_EQ(running->reader->Finish().error_code(),
              grpc::StatusCode::CANCELLED);
  }
  AwaitNoReplay();
  auto running = Start();
  EXPECT_EQ(ReadAll(running.get()), kBatches);
  EXPECT_TRUE(running->reader->Finish().ok());
}

TEST_F(PacedReplayTest, ShutDownWhileItWaits) {
  ReplayUntilSlow();
  auto running = Start();
  v1::ReplayResponse response;
  ASSERT_TRUE(running->reader->Read(&response));
  EndAppends();
  std::thread stopping([this] { StopServer(); });
  while (running->reader->Read(&response)) {
  }
  EXPECT_LT(response.next_offset(), kBatches);
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
        reading = true;
        const grpc::Status status = running->reader->Finish();
        EXPECT_TRUE(status.ok() || ReasonOf(status) == "SHUTTING_DOWN")
            << status.error_message();
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

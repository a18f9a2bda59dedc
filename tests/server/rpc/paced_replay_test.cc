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
constexpr size_t kBatchBytes = 64 << 10;
constexpr double kLeast = 2e6;  // half of the history each second

class PacedReplayTest : public RpcFixture {
 protected:
  void SetUp() override {
    server_options_.replay_pace = {.wait_us_max = 30,
                                   .bytes_per_s_min = kLeast};
    server_options_.writer_load = [this] { return Load(); };
    RpcFixture::SetUp();
    CreateTopic("history");
    const std::string value(kBatchBytes, 'x');
    for (uint64_t i = 0; i < kBatches; ++i) Append("history", 1, value);
  }

  // While live: each time something was appended, and waited for 2 ms each of
  // 100 times; none at first.
  storage::WriterLoad Load() {
    const uint64_t looks = live_ ? ++looks_ : looks_.load();
    return {looks * 1'000,
            storage::ProcessorWaits{looks * 100, (looks - 1) * 200'000}};
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

  // Until the history takes a second or two.
  void ReplayUntilSlow() {
    ReplayUntil([this] {
      const uint64_t pace = server_->stats().replay_bytes_per_s;
      return pace > 0 && pace < kBatches * kBatchBytes;
    });
  }

  // A replay that waits for its turn.
  std::unique_ptr<Running> StartAndPause() {
    const uint64_t pauses = server_->stats().replay_pauses;
    auto running = Start();
    const auto deadline =
        std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (server_->stats().replay_pauses == pauses) {
      if (std::chrono::steady_clock::now() > deadline) {
        ADD_FAILURE() << "no replay waits";
        break;
      }
      std::this_thread::yield();
    }
    return running;
  }

  std::atomic<bool> live_{true};
  std::atomic<uint64_t> looks_{0};
};

TEST_F(PacedReplayTest, EveryBatchComesOnceInOrderUntilNoneWaits) {
  ReplayUntilSlow();
  EXPECT_GT(server_->stats().replay_pauses, 0u);
  live_ = false;
  ReplayUntil([this] { return server_->stats().replay_bytes_per_s == 0; });
}

// Turns that are not taken are given back: those of 500 replays would take 16
// seconds.
TEST_F(PacedReplayTest, CancelledWhileItWaits) {
  ReplayUntilSlow();
  for (int i = 0; i < 500; ++i) {
    auto running = StartAndPause();
    running->call.context.TryCancel();
    EXPECT_EQ(running->reader->Finish().error_code(),
              grpc::StatusCode::CANCELLED);
  }
  const auto begin = std::chrono::steady_clock::now();
  auto running = Start();
  v1::ReplayResponse response;
  EXPECT_TRUE(running->reader->Read(&response));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(8));
}

TEST_F(PacedReplayTest, ShutDownWhileItWaits) {
  ReplayUntilSlow();
  auto running = StartAndPause();
  std::thread stopping([this] { StopServer(); });
  v1::ReplayResponse response;
  while (running->reader->Read(&response)) {
  }
  EXPECT_LT(response.next_offset(), kBatches);
  EXPECT_EQ(ReasonOf(running->reader->Finish()), "SHUTTING_DOWN");
  stopping.join();
}

// What a stream that is ended no longer sends is its end: nothing that comes
// after it is sent either.
TEST_F(PacedReplayTest, NothingIsSkippedAtShutdown) {
  live_ = false;
  for (int round = 0; round < 8; ++round) {
    std::vector<std::thread> readers;
    std::atomic<int> reading{0};
    for (int i = 0; i < 8; ++i) {
      readers.emplace_back([&, running = Start()] {
        v1::ReplayResponse response;
        uint64_t expected = 0;
        bool counted = false;
        while (running->reader->Read(&response)) {
          if (!std::exchange(counted, true)) ++reading;
          for (const v1::DeliveredBatch& batch : response.batches()) {
            EXPECT_EQ(batch.base_offset(), expected);
            ++expected;
          }
        }
        EXPECT_TRUE(counted);
        if (!counted) ++reading;
        const grpc::Status status = running->reader->Finish();
        EXPECT_TRUE(status.ok() || ReasonOf(status) == "SHUTTING_DOWN")
            << status.error_message();
      });
    }
    while (reading < 8) std::this_thread::yield();
    StopServer();
    for (std::thread& reader : readers) reader.join();
    StartServer();
  }
}

}  // namespace
}  // namespace kappa::server

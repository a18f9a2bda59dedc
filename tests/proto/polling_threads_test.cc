// All but one of gRPC's threads rest while one can do the work.
#include "proto/rpc/polling_threads.h"

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <thread>
#include <utility>

#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/client_callback.h"
#include "gtest/gtest.h"

namespace kappa {
namespace {

// Also for gRPC's threads to have the name that is known.
constexpr std::chrono::seconds kPatience{30};

TEST(WantedPollersTest, OneWhileItIsNotBusy) {
  EXPECT_EQ(WantedPollers(1, 0.0), 1u);
  EXPECT_EQ(WantedPollers(1, 0.7), 1u);
  EXPECT_EQ(WantedPollers(0, 0.0), 1u);
}

TEST(WantedPollersTest, OneMoreThanAreBusy) {
  EXPECT_EQ(WantedPollers(1, 0.9), 2u);
  EXPECT_EQ(WantedPollers(2, 1.9), 3u);
}

TEST(WantedPollersTest, OneLessThatTheOthersCanReplace) {
  EXPECT_EQ(WantedPollers(2, 0.5), 1u);
  EXPECT_EQ(WantedPollers(2, 0.7), 2u);
  EXPECT_EQ(WantedPollers(4, 1.0), 3u);
}

// A load just above what takes a thread more, does not lose it at once again,
// though two threads need a fifth more for it.
TEST(WantedPollersTest, DoesNotGoToAndFro) {
  EXPECT_EQ(WantedPollers(1, 0.81), 2u);
  EXPECT_EQ(WantedPollers(2, 0.81), 2u);
}

// Runs what it is given on one of gRPC's threads. Each is run before it goes.
class Pollers {
 public:
  ~Pollers() { EXPECT_EQ(open_, 0); }

  void Run(std::function<void()> work) {
    ++open_;
    auto* const call = new Call(this, std::move(work));
    stub_.PrepareUnaryCall(&call->context, "/test", grpc::StubOptions(),
                           &call->request, &call->response, call);
    call->StartCall();
  }
  int open() const { return open_; }

 private:
  struct Call final : grpc::ClientUnaryReactor {
    Call(Pollers* pollers, std::function<void()> work)
        : pollers(pollers), work(std::move(work)) {}
    void OnDone(const grpc::Status&) override {
      work();
      Pollers* const owner = pollers;
      delete this;
      --owner->open_;
    }
    Pollers* const pollers;
    const std::function<void()> work;
    grpc::ClientContext context;
    const grpc::Slice slice{"\0", 1};
    const grpc::ByteBuffer request{&slice, 1};
    grpc::ByteBuffer response;
  };

  grpc::GenericStub stub_{grpc::CreateChannel("nowhere", nullptr)};
  std::atomic<int> open_{0};
};

bool Becomes(const std::function<bool()>& holds) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

bool OneWorks(const PollingThreads& polling) {
  const PollingThreads::Counts counts = polling.counts();
  return counts.known >= 2 && counts.resting == counts.known - 1;
}

TEST(PollingThreadsTest, AllButOneRestAndCallsGoOn) {
  Pollers pollers;
  PollingThreads polling;
  ASSERT_TRUE(Becomes([&] { return OneWorks(polling); }));
  for (int i = 0; i < 100; ++i) {
    pollers.Run([] {});
    ASSERT_TRUE(Becomes([&] { return pollers.open() == 0; }));
  }
  EXPECT_TRUE(Becomes([&] { return OneWorks(polling); }));
}

// The others are not held up with it: of three seconds calls wait less than one
// in all (twice for the answer that does not come, at most 0.2 s each).
TEST(PollingThreadsTest, OthersGoOnWhileOneIsHeldUp) {
  Pollers pollers;
  PollingThreads polling;
  ASSERT_TRUE(Becomes([&] { return OneWorks(polling); }));
  std::promise<void> release;
  pollers.Run([&] { release.get_future().wait(); });
  const auto begin = std::chrono::steady_clock::now();
  std::chrono::duration<double> waited{0};
  while (std::chrono::steady_clock::now() - begin < std::chrono::seconds(3)) {
    const auto called = std::chrono::steady_clock::now();
    std::atomic<bool> done{false};
    pollers.Run([&] { done = true; });
    ASSERT_TRUE(Becomes([&] { return done.load(); }));
    const std::chrono::duration<double> took =
        std::chrono::steady_clock::now() - called;
    if (took > std::chrono::milliseconds(40)) waited += took;
  }
  EXPECT_LT(waited.count(), 1.0);
  EXPECT_GE(polling.counts().late, 1u);
  release.set_value();
  EXPECT_TRUE(Becomes([&] { return pollers.open() == 0; }));
  EXPECT_TRUE(Becomes([&] { return OneWorks(polling); }));
}

TEST(PollingThreadsTest, TheEndDoesNotWaitForWhoIsHeldUp) {
  Pollers pollers;
  std::promise<void> release;
  {
    PollingThreads polling;
    ASSERT_TRUE(Becomes([&] { return OneWorks(polling); }));
    pollers.Run([&] { release.get_future().wait(); });
    ASSERT_TRUE(Becomes([&] { return polling.counts().late > 0; }));
  }
  release.set_value();
  EXPECT_TRUE(Becomes([&] { return pollers.open() == 0; }));
}

TEST(PollingThreadsTest, AllWorkAgainAfterwards) {
  Pollers pollers;
  size_t known = 0;
  {
    PollingThreads polling;
    ASSERT_TRUE(Becomes([&] { return OneWorks(polling); }));
    known = polling.counts().known;
  }
  // As many as there are can be held up side by side.
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future().share();
  std::atomic<size_t> held{0};
  for (size_t i = 0; i < known; ++i) {
    pollers.Run([&held, released] {
      ++held;
      released.wait();
    });
  }
  EXPECT_TRUE(Becomes([&] { return held == known; }));
  release.set_value();
  EXPECT_TRUE(Becomes([&] { return pollers.open() == 0; }));
}

}  // namespace
}  // namespace kappa

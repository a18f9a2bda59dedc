// PeerLink with streams made by the test and time that stands still.
#include "server/peer/peer_link.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "proto/wire/mutex.h"
#include "tests/server/manual_clock.h"
#include "tests/server/peer/peer_samples.h"

namespace kappa::server {
namespace {

// Ends as soon as it is cancelled, if it may.
struct FakeStream final : PeerStream {
  FakeStream(std::shared_ptr<PeerLink> of, std::string to, uint64_t number,
             const Clock* time)
      : link(std::move(of)),
        address(std::move(to)),
        attempt(number),
        clock(time) {}
  void Pump() override { ++pumps; }
  int64_t Beat(int64_t quiet_since_us) override {
    if (sent_us > quiet_since_us) return sent_us;
    ++beats;
    sent_us = clock->MonotonicUs();
    return sent_us;
  }
  void Cancel(absl::Status why) override {
    MutexLock lock(&mutex);
    reason = std::move(why);
    cancelled = true;
  }
  bool IsCancelled() {
    MutexLock lock(&mutex);
    return cancelled;
  }
  void Done(const absl::Status& status) { link->OnDone(attempt, status); }

  const std::shared_ptr<PeerLink> link;
  const std::string address;
  const uint64_t attempt;
  const Clock* const clock;
  int64_t sent_us = 0;
  std::atomic<int> pumps{0};
  std::atomic<int> beats{0};
  Mutex mutex;
  bool cancelled = false;
  absl::Status reason;
};

const absl::Status kRefused = absl::UnavailableError("refused");

class PeerLinkTest : public testing::Test {
 protected:
  PeerLinkTest() {
    PeerLinkOptions options;
    options.node = NodeId(2);
    options.queue_bytes_max = 1 << 20;
    options.backoff_first_us = 1'000;
    options.backoff_longest_us = 8'000;
    options.connect_timeout_us = 5'000;
    options.beat_period_us = 100;
    options.clock = &clock_;
    options.factory = [this](const std::string& address,
                             std::shared_ptr<PeerLink> link, uint64_t attempt) {
      auto stream =
          std::make_shared<FakeStream>(link, address, attempt, &clock_);
      if (in_factory_) in_factory_(stream.get());
      streams_.push_back(stream);
      return stream;
    };
    options.wake = [this] { ++wakes_; };
    link_ = std::make_shared<PeerLink>(std::move(options), "here:1");
  }

  ~PeerLinkTest() override {
    std::weak_ptr<PeerLink> weak = link_;
    streams_.clear();
    link_.reset();
    EXPECT_TRUE(weak.expired()) << "link and stream keep each other";
  }

  void Send(uint64_t beat) {
    std::vector<PeerMessage> one;
    one.push_back(Heartbeat(1, 2, 3, beat));
    link_->Send(std::move(one));
  }
  FakeStream* Connect() {
    link_->Tick();
    FakeStream* stream = streams_.back().get();
    link_->OnConnected(stream->attempt);
    return stream;
  }
  void End() {
    link_->Stop();
    if (!streams_.empty()) streams_.back()->Done(absl::OkStatus());
  }
  LinkState state() const { return link_->status().state; }

  ManualClock clock_{0};
  std::atomic<int> wakes_{0};
  std::function<void(FakeStream*)> in_factory_;
  std::vector<std::shared_ptr<FakeStream>> streams_;
  std::shared_ptr<PeerLink> link_;
};

TEST_F(PeerLinkTest, TriesAtOnceAndKeepsWhatIsSentMeanwhile) {
  Send(1);
  EXPECT_EQ(link_->Tick(), 5'000) << "when it would give up";
  ASSERT_EQ(streams_.size(), 1u);
  EXPECT_EQ(streams_[0]->address, "here:1");
  EXPECT_EQ(state(), LinkState::kConnecting);
  Send(2);
  link_->OnConnected(1);
  EXPECT_EQ(state(), LinkState::kConnected);
  EXPECT_GE(streams_[0]->pumps, 2);
  std::vector<PeerMessage> out;
  EXPECT_EQ(link_->queue()->Take(1 << 20, &out), 2u);
  End();
}

TEST_F(PeerLinkTest, WaitsLongerFromFailureToFailure) {
  int64_t step_us = 1'000;
  for (int i = 0; i < 6; ++i) {
    link_->Tick();
    ASSERT_EQ(streams_.size(), static_cast<size_t>(i + 1));
    streams_.back()->Done(kRefused);
    EXPECT_EQ(state(), LinkState::kBackoff);
    const int64_t wait_us = link_->Tick() - clock_.MonotonicUs();
    EXPECT_GE(wait_us, step_us / 2);
    EXPECT_LE(wait_us, step_us);
    clock_.Advance(wait_us - 1);
    link_->Tick();
    EXPECT_EQ(streams_.size(), static_cast<size_t>(i + 1)) << "too early";
    clock_.Advance(1);
    step_us = std::min<int64_t>(2 * step_us, 8'000);
  }
  FakeStream* stream = Connect();
  clock_.Advance(7'999);
  stream->Done(kRefused);
  EXPECT_GE(link_->Tick() - clock_.MonotonicUs(), 4'000)
      << "it did not last: as good as refused";
  clock_.Advance(8'000);
  stream = Connect();
  clock_.Advance(8'000);
  stream->Done(kRefused);
  EXPECT_LE(link_->Tick() - clock_.MonotonicUs(), 1'000);
  EXPECT_EQ(link_->status().attempts, 8u);
  EXPECT_EQ(link_->status().connections, 2u);
  EXPECT_EQ(link_->status().last_error, "UNAVAILABLE: refused");
  link_->Stop();
}

TEST_F(PeerLinkTest, DropsWhatWaitsWhenAStreamEndsAndWhatComesInTheBackOff) {
  Connect();
  Send(1);
  streams_.back()->Done(kRefused);
  Send(2);
  EXPECT_EQ(link_->status().queue.dropped_closed, 2u);
  EXPECT_EQ(link_->status().queued_bytes, 0u);
  clock_.Advance(1'000);
  Connect();
  Send(3);
  std::vector<PeerMessage> out;
  EXPECT_EQ(link_->queue()->Take(1 << 20, &out), 1u);
  EXPECT_EQ(out[0].message.beat, 3u);
  End();
}

TEST_F(PeerLinkTest, GivesUpAnAttemptWithoutAnAnswer) {
  link_->Tick();
  clock_.Advance(4'999);
  link_->Tick();
  EXPECT_FALSE(streams_[0]->IsCancelled());
  clock_.Advance(1);
  link_->Tick();
  EXPECT_TRUE(streams_[0]->IsCancelled());
  EXPECT_EQ(streams_[0]->reason.code(), absl::StatusCode::kDeadlineExceeded);
  End();
}

TEST_F(PeerLinkTest, BeatsWhileConnected) {
  FakeStream* stream = Connect();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(stream->beats, i);
    link_->Tick();
    EXPECT_EQ(stream->beats, i) << "not due";
    clock_.Advance(100);
    link_->Tick();
  }
  EXPECT_EQ(stream->beats, 3);
  End();
}

TEST_F(PeerLinkTest, IsNeverSilentForMoreThanAPeriod) {
  FakeStream* stream = Connect();
  int64_t quiet_since_us = 0;
  for (int i = 0; i < 1'000; ++i) {
    if (i % 130 == 0) stream->sent_us = clock_.MonotonicUs();  // a frame
    const int64_t sent_us = std::max(stream->sent_us, quiet_since_us);
    const int64_t next_us = link_->Tick();
    EXPECT_LE(next_us, std::max(stream->sent_us, sent_us) + 100);
    ASSERT_LE(clock_.MonotonicUs() - stream->sent_us, 100);
    clock_.Advance(1);
  }
  EXPECT_LE(stream->beats, 10);
  End();
}

TEST_F(PeerLinkTest, MovesAtOnce) {
  FakeStream* stream = Connect();
  link_->Readdress("there:2");
  EXPECT_TRUE(stream->IsCancelled());
  stream->Done(stream->reason);
  link_->Tick();
  ASSERT_EQ(streams_.size(), 2u);
  EXPECT_EQ(streams_[1]->address, "there:2");
  link_->Readdress("there:2");
  EXPECT_FALSE(streams_[1]->IsCancelled()) << "no move";
  End();
}

TEST_F(PeerLinkTest, MovesWhileAnAttemptBegins) {
  in_factory_ = [this](FakeStream*) {
    link_->Readdress("there:2");
    in_factory_ = nullptr;  // ends this function object: the last thing
  };
  link_->Tick();
  EXPECT_TRUE(streams_[0]->IsCancelled());
  streams_[0]->Done(streams_[0]->reason);
  link_->Tick();
  ASSERT_EQ(streams_.size(), 2u);
  EXPECT_EQ(streams_[1]->address, "there:2");
  End();
}

TEST_F(PeerLinkTest, ANodeThatIsHeardIsTriedAtOnce) {
  link_->Tick();
  streams_[0]->Done(kRefused);
  link_->Tick();
  EXPECT_EQ(streams_.size(), 1u);
  link_->RetryNow();
  EXPECT_GE(wakes_, 1);
  link_->Tick();
  EXPECT_EQ(streams_.size(), 2u);
  End();
}

TEST_F(PeerLinkTest, AnAttemptMayFailBeforeItHasBegun) {
  in_factory_ = [](FakeStream* stream) { stream->Done(kRefused); };
  link_->Tick();
  EXPECT_EQ(state(), LinkState::kBackoff);
  in_factory_ = nullptr;
  clock_.Advance(1'000);
  Connect();
  EXPECT_EQ(state(), LinkState::kConnected);
  End();
}

TEST_F(PeerLinkTest, StopsWhileAnAttemptBegins) {
  in_factory_ = [this](FakeStream*) { link_->Stop(); };
  link_->Tick();
  EXPECT_TRUE(streams_[0]->IsCancelled());
  End();
  clock_.Advance(1'000'000);
  link_->Tick();
  EXPECT_EQ(streams_.size(), 1u);
  EXPECT_EQ(state(), LinkState::kStopped);
}

TEST_F(PeerLinkTest, StopsWhileOthersSendAndStreamsFail) {
  std::atomic<bool> stop{false};
  std::vector<std::thread> senders;
  for (int i = 0; i < 2; ++i) {
    senders.emplace_back([&] {
      while (!stop) Send(1);
    });
  }
  for (int i = 0; i < 200; ++i) {
    clock_.Advance(10'000);
    std::shared_ptr<FakeStream> stream;
    link_->Tick();
    stream = streams_.back();
    std::thread fails([&] {
      link_->OnConnected(stream->attempt);
      stream->Done(kRefused);
    });
    link_->RetryNow();
    link_->Readdress(i % 2 == 0 ? "a:1" : "b:1");
    fails.join();
  }
  link_->Stop();
  stop = true;
  for (std::thread& sender : senders) sender.join();
  Send(1);
  EXPECT_EQ(link_->status().queued_bytes, 0u);
}

}  // namespace
}  // namespace kappa::server

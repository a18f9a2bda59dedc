#include "proto/rpc/polling_threads.h"

#include <algorithm>
#include <string_view>

#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/client_callback.h"

namespace kappa {
namespace {

// How often it looks, also while there is little to do: less than that.
constexpr int64_t kPeriodUs = 100'000;
constexpr int64_t kQuietPeriodUs = 250'000;
constexpr double kQuietBusyMax = 0.05;
// Of one processor, for each thread that works, until another one joins; and
// for each that would be left when one of them rests. Two threads need more for
// the same work than one.
constexpr double kBusyMax = 0.8;
constexpr double kBusyAfterMax = 0.6;

// What gRPC calls them; others that run callbacks are not looked after.
constexpr std::string_view kPollerName = "nexting_thread";

bool IsPoller() {
  char name[16] = {};
  return pthread_getname_np(pthread_self(), name, sizeof(name)) == 0 &&
         name == kPollerName;
}

int64_t MicrosecondsOf(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return int64_t{time.tv_sec} * 1'000'000 + time.tv_nsec / 1'000;
}

}  // namespace

size_t WantedPollers(size_t working, double busy, bool late) {
  const auto threads = static_cast<double>(working);
  if (late || busy > kBusyMax * threads) return working + 1;
  if (working > 1 && busy < kBusyAfterMax * (threads - 1)) return working - 1;
  return std::max<size_t>(working, 1);
}

// Without credentials a channel leads nowhere.
PollingThreads::PollingThreads()
    : nowhere_(grpc::CreateChannel("nowhere", nullptr)),
      thread_([this] { Run(); }) {}

PollingThreads::~PollingThreads() {
  {
    MutexLock lock(&mutex_);
    ending_ = true;
    end_.SignalAll();
    changed_.SignalAll();
  }
  thread_.join();
  MutexLock lock(&mutex_);
  while (resting_ > 0 || nudging_) changed_.Wait(&mutex_);
}

PollingThreads::Counts PollingThreads::counts() const {
  MutexLock lock(&mutex_);
  return {.known = pollers_.size(), .resting = resting_};
}

// A call that ends at once. Whoever runs OnDone is done with it in every other
// respect.
class PollingThreads::Call final : public grpc::ClientUnaryReactor {
 public:
  static void Start(PollingThreads* polling) {
    auto* const call = new Call(polling);
    polling->nowhere_.PrepareUnaryCall(&call->context_, "/nowhere",
                                       grpc::StubOptions(), &call->request_,
                                       &call->response_, call);
    call->StartCall();
  }

 private:
  explicit Call(PollingThreads* polling)
      : polling_(polling), slice_("\0", 1), request_(&slice_, 1) {}

  void OnDone(const grpc::Status&) override {
    PollingThreads* const polling = polling_;
    delete this;
    polling->OnNudged();
  }

  PollingThreads* const polling_;
  grpc::ClientContext context_;
  const grpc::Slice slice_;
  const grpc::ByteBuffer request_;
  grpc::ByteBuffer response_;
};

void PollingThreads::Run() {
  int64_t looked_us = MicrosecondsOf(CLOCK_MONOTONIC);
  int64_t period_us = kPeriodUs;
  for (;;) {
    {
      MutexLock lock(&mutex_);
      int64_t now_us = MicrosecondsOf(CLOCK_MONOTONIC);
      while (!ending_ && now_us < looked_us + period_us) {
        end_.WaitFor(&mutex_, looked_us + period_us - now_us);
        now_us = MicrosecondsOf(CLOCK_MONOTONIC);
      }
      if (ending_) return;
      const double busy = static_cast<double>(TakeUsedUs()) /
                          static_cast<double>(now_us - looked_us);
      looked_us = now_us;
      period_us = busy < kQuietBusyMax ? kQuietPeriodUs : kPeriodUs;
      wanted_ = WantedPollers(working(), busy, nudging_);
      if (wanted_ > working()) changed_.SignalAll();
      if (nudging_) continue;
      nudging_ = true;
    }
    Call::Start(this);
  }
}

int64_t PollingThreads::TakeUsedUs() {
  int64_t taken_us = 0;
  for (Poller& poller : pollers_) {
    const int64_t used_us = MicrosecondsOf(poller.clock);
    taken_us += used_us - poller.used_us;
    poller.used_us = used_us;
  }
  return taken_us;
}

void PollingThreads::OnNudged() {
  const pthread_t self = pthread_self();
  const bool poller_runs = IsPoller();
  MutexLock lock(&mutex_);
  if (poller_runs && std::none_of(pollers_.begin(), pollers_.end(),
                                  [self](const Poller& poller) {
                                    return pthread_equal(poller.thread, self);
                                  })) {
    Poller poller{.thread = self, .clock = CLOCK_THREAD_CPUTIME_ID};
    pthread_getcpuclockid(self, &poller.clock);
    poller.used_us = MicrosecondsOf(poller.clock);
    pollers_.push_back(poller);
  }
  nudging_ = false;
  if (poller_runs && working() > wanted_) {
    ++resting_;
    while (!ending_ && working() >= wanted_) changed_.Wait(&mutex_);
    --resting_;
  }
  changed_.SignalAll();
}

}  // namespace kappa

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
constexpr int64_t kQuietPeriodUs = 150'000;
constexpr double kQuietBusyMax = 0.05;
// When an answer is late, and for how long none rests after one.
constexpr int64_t kAnswerUs = 50'000;
constexpr int64_t kNoneRestsUsMin = 2'000'000;
constexpr int64_t kNoneRestsUsMax = 64'000'000;
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

size_t WantedPollers(size_t working, double busy) {
  const auto threads = static_cast<double>(working);
  if (busy > kBusyMax * threads) return working + 1;
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
    go_on_.SignalAll();
    answered_.SignalAll();
  }
  thread_.join();
  MutexLock lock(&mutex_);
  while (resting_ > 0 || asking_) answered_.Wait(&mutex_);
}

PollingThreads::Counts PollingThreads::counts() const {
  MutexLock lock(&mutex_);
  return {.known = pollers_.size(), .resting = resting_, .late = late_};
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
    polling->OnAsked();
  }

  PollingThreads* const polling_;
  grpc::ClientContext context_;
  const grpc::Slice slice_;
  const grpc::ByteBuffer request_;
  grpc::ByteBuffer response_;
};

void PollingThreads::Run() {
  looked_us_ = MicrosecondsOf(CLOCK_MONOTONIC);
  period_us_ = kPeriodUs;
  none_rests_for_us_ = kNoneRestsUsMin;
  while (WaitUntil(looked_us_ + period_us_)) {
    Look();
    Ask();
  }
}

bool PollingThreads::WaitUntil(int64_t time_us) {
  MutexLock lock(&mutex_);
  for (;;) {
    const int64_t now_us = MicrosecondsOf(CLOCK_MONOTONIC);
    if (ending_ || now_us >= time_us) return !ending_;
    answered_.WaitFor(&mutex_, time_us - now_us);
  }
}

void PollingThreads::Look() {
  MutexLock lock(&mutex_);
  const int64_t now_us = MicrosecondsOf(CLOCK_MONOTONIC);
  const double busy = static_cast<double>(TakeUsedUs()) /
                      static_cast<double>(now_us - looked_us_);
  looked_us_ = now_us;
  period_us_ = busy < kQuietBusyMax ? kQuietPeriodUs : kPeriodUs;
  wanted_ = now_us < none_rests_until_us_ ? pollers_.size()
                                          : WantedPollers(working(), busy);
  if (wanted_ > working()) go_on_.SignalAll();
}

void PollingThreads::Ask() {
  for (bool one_rests_now = false;; one_rests_now = true) {
    size_t resting = 0;
    {
      MutexLock lock(&mutex_);
      if (ending_ || asking_) return;  // the last one waits still
      asking_ = true;
      resting = resting_;
    }
    Call::Start(this);
    MutexLock lock(&mutex_);
    if (!AwaitAnswer()) return;
    if (resting_ <= resting) {
      if (one_rests_now) none_rests_for_us_ = kNoneRestsUsMin;
      return;
    }
  }
}

bool PollingThreads::AwaitAnswer() {
  const int64_t end_us = MicrosecondsOf(CLOCK_MONOTONIC) + kAnswerUs;
  while (asking_ && !ending_) {
    const int64_t now_us = MicrosecondsOf(CLOCK_MONOTONIC);
    if (now_us >= end_us) {
      ++late_;
      wanted_ = pollers_.size();
      none_rests_until_us_ = now_us + none_rests_for_us_;
      none_rests_for_us_ = std::min(2 * none_rests_for_us_, kNoneRestsUsMax);
      go_on_.SignalAll();
      return false;
    }
    answered_.WaitFor(&mutex_, end_us - now_us);
  }
  return !ending_;
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

void PollingThreads::OnAsked() {
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
  asking_ = false;
  answered_.SignalAll();
  if (!poller_runs || working() <= wanted_) return;
  ++resting_;
  while (!ending_ && working() >= wanted_) go_on_.Wait(&mutex_);
  --resting_;
  answered_.SignalAll();
}

}  // namespace kappa

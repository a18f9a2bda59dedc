// PollingThreads: how many of gRPC's threads wait for the network.
//
//   two wait:  event ──> A wakes B, takes the event     event ──> B wakes A ...
//   one waits: event ──> A takes the event              event ──> A ...
//
// gRPC's callbacks are run by threads (at least two) that take turns: who gets
// an event first wakes the next one to wait in its place. On a machine with few
// cores that costs more than the event. So here all but one rest while one can
// do the work; with more load others go on.
//
// A thread rests only while another one shows that it is not held up: seven
// to ten times a second, and at once after one has begun to rest, one of them
// is given something to do. If that is not done within 50 ms, all go on, and
// for some seconds none rests again: twice as long each time, up to a minute.
// So who holds up a thread delays others by a fifth of a second at most, and
// then by 50 ms every now and then.
//
// gRPC's threads also sleep for 100 ms after a second without any event, deaf
// to the network; being asked keeps them from it.
#ifndef KAPPA_PROTO_RPC_POLLING_THREADS_H_
#define KAPPA_PROTO_RPC_POLLING_THREADS_H_

#include <pthread.h>
#include <time.h>

#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "grpcpp/generic/generic_stub.h"
#include "proto/wire/mutex.h"

namespace kappa {

// How many threads should wait for the network where `working` did, at least
// one, for a time in which they took `busy` processor seconds each second.
size_t WantedPollers(size_t working, double busy);

// Thread safety: thread-safe.
class PollingThreads {
 public:
  // Starts to look after them, also after those that gRPC starts later.
  PollingThreads();
  // All of them wait again.
  ~PollingThreads();
  PollingThreads(const PollingThreads&) = delete;
  PollingThreads& operator=(const PollingThreads&) = delete;

  struct Counts {
    size_t known = 0;    // of gRPC's threads, those that are looked after
    size_t resting = 0;  // of these
    uint64_t late = 0;   // how often none of them did what it was given
  };
  Counts counts() const;

 private:
  class Call;
  struct Poller {
    pthread_t thread;
    clockid_t clock;  // its processor time
    int64_t used_us = 0;
  };

  // --- of the own thread ---
  void Run();
  // False: the end has come.
  bool WaitUntil(int64_t time_us);
  // Decides how many are wanted from now on, by what they did since the last
  // look.
  void Look();
  // Gives one of the pollers something to do, until none has begun to rest
  // over it.
  void Ask();
  // Whether it was done in time; if not, all go on.
  bool AwaitAnswer() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Processor time that the pollers took since it was asked last.
  int64_t TakeUsedUs() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Of a poller: what it does there keeps it from the network.
  void OnAsked();
  size_t working() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return pollers_.size() - resting_;
  }

  // Calls through it fail at once, without any network.
  grpc::GenericStub nowhere_;
  mutable Mutex mutex_;
  CondVar go_on_;     // for those that rest
  CondVar answered_;  // for the own thread, and the destructor
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  bool asking_ ABSL_GUARDED_BY(mutex_) = false;
  size_t wanted_ ABSL_GUARDED_BY(mutex_) = 1;
  size_t resting_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t late_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<Poller> pollers_ ABSL_GUARDED_BY(mutex_);
  // Of the own thread.
  int64_t looked_us_ = 0;
  int64_t period_us_ = 0;
  int64_t none_rests_until_us_ = 0;
  int64_t none_rests_for_us_ = 0;  // the next time
  std::thread thread_;
};

}  // namespace kappa

#endif  // KAPPA_PROTO_RPC_POLLING_THREADS_H_

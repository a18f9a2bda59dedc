// PollingThreads: how many of gRPC's threads wait for the network.
//
//   two wait:  event ──> A wakes B, takes the event     event ──> B wakes A ...
//   one waits: event ──> A takes the event              event ──> A ...
//
// gRPC's callbacks are run by threads (at least two) that take turns: who gets
// an event first wakes the next one to wait in its place. On a machine with few
// cores that costs more than the event. So here all but one rest while one can
// do the work; with more load, or when that one is held up, others go on.
//
// gRPC's threads also sleep for 100 ms after a second without any event, deaf
// to the network; a call that ends at once keeps them from it.
#ifndef KAPPA_PROTO_RPC_POLLING_THREADS_H_
#define KAPPA_PROTO_RPC_POLLING_THREADS_H_

#include <pthread.h>
#include <time.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "grpcpp/generic/generic_stub.h"
#include "proto/wire/mutex.h"

namespace kappa {

// How many threads should wait for the network where `working` did, at least
// one, for a time in which they took `busy` processor seconds each second.
// `late`: what one of them had to do at once was not done in that time.
size_t WantedPollers(size_t working, double busy, bool late);

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
  };
  Counts counts() const;

 private:
  class Call;
  struct Poller {
    pthread_t thread;
    clockid_t clock;  // its processor time
    int64_t used_us = 0;
  };

  // Of the own thread.
  void Run();
  // Processor time that the pollers took since it was asked last.
  int64_t TakeUsedUs() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Of a poller: what it does there keeps it from the network.
  void OnNudged();
  size_t working() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return pollers_.size() - resting_;
  }

  // Calls through it fail at once, without any network.
  grpc::GenericStub nowhere_;
  mutable Mutex mutex_;
  CondVar changed_;
  CondVar end_;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  bool nudging_ ABSL_GUARDED_BY(mutex_) = false;
  size_t wanted_ ABSL_GUARDED_BY(mutex_) = 1;
  size_t resting_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<Poller> pollers_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace kappa

#endif  // KAPPA_PROTO_RPC_POLLING_THREADS_H_

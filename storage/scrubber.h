// Scrubber: keeps a scrub of a store going, on a thread of its own.
#ifndef KAPPA_STORAGE_SCRUBBER_H_
#define KAPPA_STORAGE_SCRUBBER_H_

#include <cstdint>
#include <functional>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "proto/wire/clock.h"
#include "proto/wire/mutex.h"
#include "storage/known_damage.h"
#include "storage/log_store.h"
#include "storage/scrub_pass.h"
#include "storage/scrub_state.h"

namespace kappa::storage {

struct ScrubberOptions {
  // Where the state is kept; its folder exists. Empty: nowhere.
  std::string state_path;
  // A pass begins this long after the last one began, and everything is read
  // within it, unless that takes more than bytes_per_second_max.
  int64_t period_us = int64_t{7} * 24 * 3600 * 1'000'000;
  uint64_t bytes_per_second_min = uint64_t{1} << 20;
  uint64_t bytes_per_second_max = uint64_t{64} << 20;
  // About how many bytes there are to read; sets the pace.
  std::function<uint64_t()> stored_bytes;
  const Clock* clock = nullptr;  // not owned; required
  // What was found earlier is in it, and what is found gets there; not owned,
  // required.
  KnownDamage* known_damage = nullptr;
  // Told of each damaged range, on the scrub's thread: of those that are known
  // when it begins and still damaged, then of what it finds.
  ScrubPass::OnDamage on_damage;
  // Told on the scrub's thread when it cannot read, which says nothing about
  // what is stored: it tries again until it can. Once each time that begins.
  std::function<void(const absl::Status& why)> on_trouble;
  // Told of the end of a pass, on the scrub's thread.
  std::function<void(const ScrubState& state)> on_pass;
};

// Thread safety: thread-safe.
class Scrubber {
 public:
  // Goes on with the pass that the last run did not end. Borrows the store.
  Scrubber(ScrubberOptions options, const LogStore* store);
  // Stops at the next piece; the state is kept.
  ~Scrubber();
  // Ends the thread; what is asked for later is not done. Idempotent.
  void Stop();

  // Begins a pass at once, as fast as bytes_per_second_max; a pass that runs
  // goes on, at that speed. Returns the number of the pass.
  uint64_t StartNow();
  ScrubState state() const;
  // What the pass that runs is limited to; 0 when none runs.
  uint64_t bytes_per_second() const;

 private:
  void Loop();
  // Keeps what was found, then tells of it.
  void OnDamage(const ScrubRange& range);
  // What is whole again is forgotten; the owner is told of the rest.
  void RecheckKnownDamage();
  // Reads one piece and waits as long as its pace says; false: nothing to do.
  bool Work() ABSL_LOCKS_EXCLUDED(mutex_);
  void Save(const ScrubState& state, bool now);
  uint64_t PaceNow() const;
  // Waits before the step that could not read is tried again.
  bool WaitInTrouble() ABSL_LOCKS_EXCLUDED(mutex_);
  bool WaitUs(int64_t us) ABSL_LOCKS_EXCLUDED(mutex_);

  const ScrubberOptions options_;
  ScrubPass pass_;  // of the thread
  int64_t saved_us_ = 0;
  bool in_trouble_ = false;

  mutable Mutex mutex_;
  CondVar wake_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool start_wanted_ ABSL_GUARDED_BY(mutex_) = false;
  bool hurry_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t pace_ ABSL_GUARDED_BY(mutex_) = 0;
  ScrubState state_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_SCRUBBER_H_

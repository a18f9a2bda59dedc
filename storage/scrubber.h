// Scrubber: keeps a scrub of a store going, on a thread of its own.
#ifndef KAPPA_STORAGE_SCRUBBER_H_
#define KAPPA_STORAGE_SCRUBBER_H_

#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "proto/wire/clock.h"
#include "proto/wire/mutex.h"
#include "storage/known_damage.h"
#include "storage/log_store.h"
#include "storage/replaced_file.h"
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
  // Told of each damaged range, on the scrub's thread: of all that are known
  // when it begins, then of what it finds, when that is kept.
  ScrubPass::OnDamage on_damage;
  // Told on the scrub's thread of each range that this run has read and found
  // damaged, after on_damage: of what it finds, and of what was known when it
  // began and is damaged still. May be empty.
  ScrubPass::OnDamage on_confirmed;
  // Told on the scrub's thread of a range that was known when it began and has
  // been read again: it is whole, and known_damage names it no more. May be
  // empty.
  std::function<void(const ScrubRange& range)> on_whole;
  // Told of a failed write or sync of the state: see ReplacedFile.
  ReplacedFile::OnFatal on_fatal;
  // Told on the scrub's thread when it cannot read, which says nothing about
  // what is stored, or has no room to write what it found: it tries again until
  // it can. Once each time that begins.
  std::function<void(const absl::Status& why)> on_trouble;
  // Told of the end of a pass, on the scrub's thread.
  std::function<void(const ScrubState& state)> on_pass;
};

// What was found earlier counts as damaged until it has been read again, which
// comes before everything else; what a stop left unread stays so.
//
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
  enum class Rechecked { kKnown, kUnreadable, kStopped };

  // Reads what is known to be damaged again, and forgets what is whole, as fast
  // as bytes_per_second_max: partitions are stopped until then. What cannot be
  // read stays in unchecked_. False: it was stopped before the end.
  bool RecheckKnownDamage() ABSL_LOCKS_EXCLUDED(mutex_);
  // Once all of unchecked_. False: it was stopped.
  bool RecheckAll() ABSL_LOCKS_EXCLUDED(mutex_);
  // The same when it is time for that.
  bool RecheckLeft() ABSL_LOCKS_EXCLUDED(mutex_);
  Rechecked Recheck(const ScrubRange& range) ABSL_LOCKS_EXCLUDED(mutex_);
  // Keeps what the last step found, then tells of it.
  void TellFound();
  // Writes what is known, if it changed. False: it could not.
  bool KeepKnown();
  // Reads one piece and waits as long as its pace says; false: nothing to do.
  bool Work() ABSL_LOCKS_EXCLUDED(mutex_);
  void Save(const ScrubState& state, bool now);
  uint64_t PaceNow() const;
  // Tells of it once each time that trouble begins.
  void TellTrouble(const absl::Status& trouble);
  // Waits before what could not be read is tried again.
  bool WaitInTrouble(const absl::Status& trouble) ABSL_LOCKS_EXCLUDED(mutex_);
  // What is left of the time that `bytes` may take, read since `begun_us`.
  int64_t RestUs(uint64_t bytes, uint64_t pace, int64_t begun_us) const;
  // Waits until a stop, or a start that is wanted; false: a stop.
  bool WaitUs(int64_t us) ABSL_LOCKS_EXCLUDED(mutex_);
  // Waits until a stop; false: it came.
  bool PauseUs(int64_t us) ABSL_LOCKS_EXCLUDED(mutex_);

  const ScrubberOptions options_;
  const LogStore* const store_;
  // Of the thread.
  ScrubPass pass_;
  ReplacedFile state_file_;
  std::vector<ScrubRange> found_;      // by the step that runs
  std::vector<ScrubRange> unchecked_;  // known at the start, not read since
  int64_t rechecked_us_ = 0;
  int64_t saved_us_ = 0;
  bool in_trouble_ = false;
  bool keep_failed_ = false;  // and was told

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

// SegmentLifecycle: opens the next segment ahead of time, seals full ones,
// rebuilds those whose damaged entries were repaired, and rewrites those that
// hold much dead data, beside the writer's path.
//
//   next (empty family) -> active -> frozen family -> sealed files -> rewritten
//          writer switches ^     ^ sealed in the background, installed by a
//          cycle
#ifndef KAPPA_STORAGE_SEGMENT_LIFECYCLE_H_
#define KAPPA_STORAGE_SEGMENT_LIFECYCLE_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "proto/wire/mutex.h"
#include "proto/wire/types.h"
#include "storage/cycle_batch.h"
#include "storage/entry_reader.h"
#include "storage/repaired_entries.h"
#include "storage/replica_table.h"
#include "storage/rocks_database.h"
#include "storage/scan_pool.h"
#include "storage/sealer.h"
#include "storage/segment_directory.h"
#include "storage/segment_rebuilder.h"
#include "storage/segment_rewriter.h"
#include "storage/sst_reader_cache.h"

namespace kappa::storage {

struct SegmentLifecycleOptions {
  uint64_t segment_bytes = 0;
  std::string sealed_root;
  SealerOptions sealer;
  // What found no space, or too many open files, is tried again after this
  // time; sooner when a segment is full or something died.
  int64_t retry_period_us = 10'000'000;
  // A damaged segment is rebuilt when none of its entries was repaired for so
  // long: most likely all are by then.
  int64_t repair_settle_us = 2'000'000;
  // While it is true nothing is sealed or rewritten, and what is going on ends.
  // May be absent.
  std::shared_ptr<const std::atomic<bool>> paused;
  // Told of an error that may have left files in an unknown state.
  std::function<void(const absl::Status&)> on_fatal;
  // Told, on the lifecycle's thread or the writer's, that rows wait for the
  // next cycle.
  std::function<void()> on_rows_ready;
};

// What the lifecycle works on; all must outlive it.
struct SegmentLifecycleParts {
  RocksDatabase* database = nullptr;
  SegmentDirectory* directory = nullptr;
  EntryReader* entries = nullptr;
  const ReplicaTable* replicas = nullptr;
  SstReaderCache* readers = nullptr;
  ScanPool* scans = nullptr;
  RepairedEntries* repaired = nullptr;  // null: nothing is ever repaired
};

// Families that exist are never more than kLiveSegmentsMax: while a seal is
// behind, the active segment grows instead.
inline constexpr size_t kLiveSegmentsMax = 3;

class SegmentLifecycle {
 public:
  // `active` and everything below it that is live is full or being filled;
  // live ones above it are empty. Starts the thread.
  SegmentLifecycle(SegmentLifecycleOptions options, SegmentLifecycleParts parts,
                   SegmentNumber active, uint64_t active_bytes);
  // Ends the thread at once; what it was doing is done again after the next
  // open.
  ~SegmentLifecycle();

  // --- the writer thread ---

  SegmentNumber active() const { return active_; }
  const Family& active_family() const { return active_family_; }
  // The cycle being made durable put that many bytes into the active segment.
  void AddBytes(uint64_t bytes) { active_bytes_ += bytes; }
  // Switches to the next segment if the active one is full and there is one.
  void SwitchIfFull();
  // Whether rows wait.
  bool rows_ready() const;
  // Puts the end of rows that nothing needs any more into a cycle, before
  // anything else of it.
  void PutEnds(CycleBatch* batch);
  // Puts rows that wait into a cycle.
  void PutRows(CycleBatch* batch);
  // The cycle with these rows is durable: readers go to the new files.
  void Publish();
  // Entries may have been repaired.
  void NoteRepairs();

  // --- any thread ---

  // Something died; perhaps a segment is worth rewriting.
  void Nudge();
  uint64_t active_bytes() const { return active_bytes_; }

 private:
  // The outcome of a seal or a rewrite on its way into a cycle.
  struct Outcome {
    SegmentNumber segment;
    SealedRow row;  // without files: nothing is left of the segment
    // What the files hold whole.
    std::vector<RepairedEntry> repaired;
  };

  void Loop();
  // Waits until there may be work.
  void Rest() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Does the most urgent piece of work; false if there is none.
  bool WorkOnce();
  bool Paused() const { return options_.paused && *options_.paused; }
  void DropReplaced();
  bool CreateNext();
  bool SealOldest();
  // Rebuilds a segment with repaired entries.
  bool RebuildRepaired();
  std::optional<SegmentNumber> PickRepaired() const;
  absl::StatusOr<SealedRow> Rebuild(
      SegmentNumber segment, absl::Span<const SegmentRange> visible,
      absl::Span<const RepairedEntry> repaired) const;
  std::vector<SegmentRange> VisibleIn(SegmentNumber segment) const;
  // Whether something of it was dropped, trimmed or cut since: what could not
  // be read may be that, and is no damage.
  bool HasChanged(SegmentNumber segment,
                  absl::Span<const SegmentRange> visible) const;
  std::vector<RepairedEntry> RepairedIn(
      absl::Span<const SegmentRange> visible) const;
  bool RewriteDeadest();
  // The sealed segment most worth rewriting.
  std::optional<SegmentNumber> PickDeadest() const;
  // Hands over an outcome, or reports why there is none.
  void Conclude(SegmentNumber segment, absl::StatusOr<SealedRow> row,
                std::vector<RepairedEntry> repaired = {});
  void PublishOutcome(const Outcome& outcome);

  const SegmentLifecycleOptions options_;
  const SegmentLifecycleParts parts_;
  std::atomic<bool> cancelled_{false};  // seals and rewrites give up
  const Sealer sealer_;
  const SegmentRewriter rewriter_;
  const SegmentRebuilder rebuilder_;

  // Of the writer thread.
  SegmentNumber active_;
  Family active_family_;
  std::deque<Outcome> publishing_;
  std::atomic<uint64_t> active_bytes_;
  std::vector<RepairedEntry> ended_;  // their rows are needed no more
  uint64_t repairs_noted_ = 0;        // revision of RepairedEntries

  mutable Mutex mutex_;
  CondVar work_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  // Something happened since the thread last looked for work.
  bool nudged_ ABSL_GUARDED_BY(mutex_) = true;
  // The empty segment above the active one, when it is ready.
  std::optional<SegmentNumber> next_ ABSL_GUARDED_BY(mutex_);
  SegmentNumber highest_ ABSL_GUARDED_BY(mutex_);
  // Full segments, oldest first, but for those with a damaged entry: they stay
  // as they are until it is repaired, or until the next open.
  std::deque<SegmentNumber> frozen_ ABSL_GUARDED_BY(mutex_);
  std::deque<Outcome> ready_ ABSL_GUARDED_BY(mutex_);
  // Between Conclude and Publish.
  bool concluding_ ABSL_GUARDED_BY(mutex_) = false;
  // What files took the place of.
  std::deque<Family> dropped_ ABSL_GUARDED_BY(mutex_);
  std::deque<std::shared_ptr<SealedSegment>> replaced_ ABSL_GUARDED_BY(mutex_);
  // Something was short: nothing is tried until the next switch or nudge, or
  // until the time is over.
  bool resting_ ABSL_GUARDED_BY(mutex_) = false;
  int64_t resting_until_us_ ABSL_GUARDED_BY(mutex_) = 0;
  // When to look for segments to rebuild; 0: not before something is repaired.
  int64_t repairs_due_us_ ABSL_GUARDED_BY(mutex_) = 0;

  // Of the lifecycle's thread: sealed segments with a damaged entry, which are
  // not rewritten before it is repaired or the next open; full ones that could
  // not be sealed for one; and the revision of RepairedEntries with which a
  // segment could not be rebuilt.
  std::set<SegmentNumber> damaged_;
  std::set<SegmentNumber> unsealable_;
  std::map<SegmentNumber, uint64_t> not_rebuilt_;

  std::atomic<bool> has_ready_{false};
  std::thread thread_;
};

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_SEGMENT_LIFECYCLE_H_

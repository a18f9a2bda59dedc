// GenerationLedger: how far this data directory has come, and how far those of
// other nodes are known to have come (RELIABILITY.md S6).
#ifndef KAPPA_STORAGE_GENERATION_LEDGER_H_
#define KAPPA_STORAGE_GENERATION_LEDGER_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "proto/wire/mutex.h"
#include "proto/wire/types.h"
#include "raft/generation_table.h"
#include "raft/message.h"
#include "raft/open_history.h"
#include "storage/cycle_row.h"

namespace kappa::storage {

// Which cycle of which open of a data directory.
using Generation = raft::Generation;

// What is kept durably of an open of another node's data directory.
struct EvidenceRow {
  uint64_t cycle = 0;  // the highest that was heard of
  uint64_t order = 0;  // among all rows: as the opens were first heard of
  friend bool operator==(const EvidenceRow&, const EvidenceRow&) = default;
};
// By disk and open id.
using EvidenceRows = std::map<std::pair<Uuid, uint64_t>, EvidenceRow>;

// The store writes its rows with whatever cycle comes next, one for each open
// that there was news of; an idle LogWriter makes a cycle for them.
//
// Thread safety: thread-safe; Begin, TakeRows and OnDurable are for the writer.
class GenerationLedger {
 public:
  // The directory was opened: `now` is durable, `earlier` are the opens before,
  // `evidence` what was noted in them.
  void Begin(const std::vector<OpenRow>& earlier, const OpenRow& now,
             const EvidenceRows& evidence);

  // The present open, and its newest durable cycle that holds anything of a
  // replica: whatever was promised is in it or before.
  Generation Promised() const;
  // False: this directory never came as far as `told`, which it is remembered
  // to have said of itself: it has forgotten what it promised.
  bool Covers(const Generation& told) const;

  // The data directory `disk` of another node says that it has come as far as
  // `told`.
  void Note(const Uuid& disk, const Generation& told);
  // What was noted about `disk`: of its newest 16 opens the highest cycle, the
  // open heard of last at the end.
  std::vector<Generation> About(const Uuid& disk) const;

  // Whether anything was noted that TakeRows has not given.
  bool has_news() const;
  // Rows to be written with the next cycle; an absent one is to be deleted.
  struct Change {
    Uuid disk;
    uint64_t open_id = 0;
    std::optional<EvidenceRow> row;
  };
  std::vector<Change> TakeRows();
  // `cycle` is durable; `promises`: something of a replica is in it. (If what
  // is only about others counted, two idle nodes would tell each other for
  // ever.)
  void OnDurable(uint64_t cycle, bool promises);

 private:
  using Open = std::pair<Uuid, uint64_t>;

  void RecordLocked(const Uuid& disk, const Generation& told)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable Mutex mutex_;
  raft::OpenHistory opens_ ABSL_GUARDED_BY(mutex_);
  Generation promised_ ABSL_GUARDED_BY(mutex_);
  uint64_t newest_cycle_ ABSL_GUARDED_BY(mutex_) = 0;
  raft::GenerationTable table_ ABSL_GUARDED_BY(mutex_);
  // The newest of each disk are those of `table_`.
  EvidenceRows rows_ ABSL_GUARDED_BY(mutex_);
  uint64_t next_order_ ABSL_GUARDED_BY(mutex_) = 0;
  std::set<Open> news_ ABSL_GUARDED_BY(mutex_);
};

// The id of an open: random, never 0.
uint64_t RandomOpenId();

std::string EncodeEvidenceRow(const EvidenceRow& row);
// Errors: DATA_LOSS: damaged.
absl::StatusOr<EvidenceRow> DecodeEvidenceRow(std::string_view bytes);

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_GENERATION_LEDGER_H_

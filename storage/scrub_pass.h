// ScrubPass: re-reads every entry of a store, piece by piece (RELIABILITY.md
// S11): CRC32C, SHA-256 of the payload, and the chain of digests.
#ifndef KAPPA_STORAGE_SCRUB_PASS_H_
#define KAPPA_STORAGE_SCRUB_PASS_H_

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/log_audit.h"
#include "storage/log_store.h"
#include "storage/scrub_state.h"

namespace kappa::storage {

// Thread safety: thread-compatible; the store may be written to meanwhile. What
// is appended after a replica's turn waits for the next pass.
class ScrubPass {
 public:
  using OnDamage = std::function<void(const ScrubRange& range)>;

  // Goes on where `state` says. Borrows the store.
  ScrubPass(const LogStore* store, ScrubState state, OnDamage on_damage)
      : store_(store),
        state_(std::move(state)),
        on_damage_(std::move(on_damage)) {}

  // Begins the next pass from the first replica; the state is that of the new
  // pass alone.
  void Begin(int64_t now_us);
  // Reads the next piece, at most about 1 MiB. Returns the payload bytes read;
  // nullopt when the pass is over. 0 bytes and trouble(): nothing could be read
  // and nothing is known of it; the next step tries again.
  // Requires: state().running.
  std::optional<uint64_t> Step(int64_t now_us);
  // Why the last step could not read; OK when it could.
  const absl::Status& trouble() const { return trouble_; }
  // The pass began no later than now: the clock that said so was ahead.
  void BegunBy(int64_t now_us) {
    state_.begin_time_us = std::min(state_.begin_time_us, now_us);
  }

  const ScrubState& state() const { return state_; }

 private:
  // Of the replica that is read.
  struct Turn {
    ReplicaInfo replica;
    LogIndex first;  // to be read
    LogIndex last;   // when its turn began
    LogAudit audit;
  };

  // The replica at or above state_.replica; false when there is none. Errors:
  // see trouble().
  absl::StatusOr<bool> BeginTurn();
  // Errors: NOT_FOUND: it was dropped meanwhile; see trouble().
  absl::StatusOr<Turn> TurnOf(const ReplicaInfo& replica) const;
  void EndTurn();
  // Reads on in the turn that has begun. Errors: see trouble().
  absl::StatusOr<uint64_t> ReadPiece();
  // What of `damage` is damaged now: an end of a log that was cut and written
  // anew while it was read only looked so, and some may have been repaired.
  // Errors: see trouble().
  absl::StatusOr<std::vector<DamagedRange>> StillDamaged(
      const std::vector<DamagedRange>& damage) const;
  // What of the range is damaged now. Errors: the log is gone; see trouble().
  absl::StatusOr<std::vector<DamagedRange>> DamageIn(
      const DamagedRange& range) const;
  void AddDamage(const std::vector<DamagedRange>& damage);

  const LogStore* const store_;
  ScrubState state_;
  const OnDamage on_damage_;
  std::optional<Turn> turn_;
  absl::Status trouble_;
};

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_SCRUB_PASS_H_

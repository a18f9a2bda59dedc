#include "storage/repair_check.h"

#include <cstddef>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/chain.h"
#include "storage/entry_header.h"
#include "storage/log_audit.h"

namespace kappa::storage {
namespace {

// How far damaged entries are looked for on each side of what came: who asks
// for them, too, gets on.
constexpr int kNeighboursMax = 64;

// One check; looks at the entries from the last one to the first.
class RepairChecker {
 public:
  RepairChecker(const LogStore& store, ReplicaNumber replica,
                absl::Span<const StoredEntry> entries,
                const ReplicaPosition& position, RepairProof* proof)
      : store_(store),
        replica_(replica),
        entries_(entries),
        position_(position),
        proof_(proof) {}

  void Run() {
    for (size_t i = entries_.size(); i-- > 0;) {
      const EntryHeader& header = entries_[i].header;
      const bool joined = i + 1 < entries_.size() &&
                          entries_[i + 1].header.index == header.index.Next();
      // Whether the chain up to this entry is the log's.
      chain_known_ = joined ? chain_known_ : LeadsOn(header);
      const bool own = HeaderIsStored(header);
      if (own) chain_known_ = true;
      const std::optional<LogAudit> before = AuditBefore(i);
      const bool follows =
          before.has_value() && LogAudit(*before).Check(entries_[i]).ok();
      const bool whole = LogAudit().Check(entries_[i]).ok();
      proof_->proven[i] = chain_known_ && whole && (own || follows);
      // The one before it is proven by this one, if both are what they say.
      chain_known_ = chain_known_ && whole && follows;
    }
  }

 private:
  // Whether the log, as it is stored, goes on behind `last`.
  bool LeadsOn(const EntryHeader& last) {
    if (last.index == position_.last.index) {
      return last.term == position_.last.term &&
             last.chain == position_.chain &&
             last.next_offset() == position_.end_offset;
    }
    const absl::StatusOr<EntryHeader> next =
        store_.ReadHeader(replica_, last.index.Next());
    if (next.ok()) {
      return next->chain == ChainNext(last.chain, *next) &&
             next->base_offset == last.next_offset() && next->term >= last.term;
    }
    NoteDamaged(last.index.Next(), next.status(), /*upwards=*/true);
    return false;
  }

  bool HeaderIsStored(const EntryHeader& header) const {
    const absl::StatusOr<EntryHeader> stored =
        store_.ReadHeader(replica_, header.index);
    return stored.ok() && *stored == header;
  }

  // Of what stands before entry `i`; nullopt: nothing is known of it.
  std::optional<LogAudit> AuditBefore(size_t i) {
    const LogIndex index = entries_[i].header.index;
    if (i > 0 && entries_[i - 1].header.index.Next() == index) {
      return LogAudit(entries_[i - 1].header);
    }
    if (index == position_.base.id.index.Next()) {
      return LogAudit(position_.base);
    }
    const absl::StatusOr<EntryHeader> stored =
        store_.ReadHeader(replica_, index.Previous());
    if (stored.ok()) return LogAudit(*stored);
    NoteDamaged(index.Previous(), stored.status(), /*upwards=*/false);
    return std::nullopt;
  }

  // Notes the entry at `index`, and those beyond it up to one that is whole.
  void NoteDamaged(LogIndex index, absl::Status status, bool upwards) {
    for (int i = 0; i < kNeighboursMax && absl::IsDataLoss(status); ++i) {
      proof_->damaged.push_back(index);
      index = upwards ? index.Next() : index.Previous();
      status = store_.ReadHeader(replica_, index).status();
    }
  }

  const LogStore& store_;
  const ReplicaNumber replica_;
  const absl::Span<const StoredEntry> entries_;
  const ReplicaPosition& position_;
  RepairProof* const proof_;
  bool chain_known_ = false;
};

}  // namespace

RepairProof FindProven(const LogStore& store, ReplicaNumber replica,
                       absl::Span<const StoredEntry> entries) {
  RepairProof proof;
  proof.proven.resize(entries.size());
  const absl::StatusOr<ReplicaPosition> position = store.Position(replica);
  if (position.ok()) {
    RepairChecker(store, replica, entries, *position, &proof).Run();
  }
  return proof;
}

}  // namespace kappa::storage

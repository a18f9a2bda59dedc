#include "storage/repair_check.h"

#include "absl/status/statusor.h"
#include "storage/chain.h"
#include "storage/log_audit.h"

namespace kappa::storage {
namespace {

// What stands before `first`; nullopt: nothing is known of it.
std::optional<LogAudit> AuditBehind(const LogStore& store,
                                    ReplicaNumber replica, LogIndex first,
                                    const GroupBase& base,
                                    const std::optional<EntryHeader>& before) {
  if (before.has_value() && before->index.Next() == first) {
    return LogAudit(*before);
  }
  if (first == base.id.index.Next()) return LogAudit(base);
  const absl::StatusOr<EntryHeader> stored =
      store.ReadHeader(replica, first.Previous());
  if (!stored.ok()) return std::nullopt;
  return LogAudit(*stored);
}

// Whether the log goes on behind `last` as it would behind an equal entry.
bool LeadsOn(const LogStore& store, ReplicaNumber replica,
             const EntryHeader& last, const ReplicaPosition& position) {
  if (last.index == position.last.index) return last.chain == position.chain;
  const absl::StatusOr<EntryHeader> next =
      store.ReadHeader(replica, last.index.Next());
  if (!next.ok()) return absl::IsDataLoss(next.status());
  return next->chain == ChainNext(last.chain, *next) &&
         next->base_offset == last.next_offset() && next->term >= last.term;
}

}  // namespace

size_t CountProven(const LogStore& store, ReplicaNumber replica,
                   const std::vector<StoredEntry>& entries,
                   const std::optional<EntryHeader>& before) {
  const absl::StatusOr<ReplicaPosition> position = store.Position(replica);
  if (!position.ok() || entries.empty()) return 0;
  std::optional<LogAudit> audit = AuditBehind(
      store, replica, entries.front().header.index, position->base, before);
  if (!audit.has_value()) return 0;
  size_t proven = 0;
  while (proven < entries.size() && audit->Check(entries[proven]).ok()) {
    ++proven;
  }
  if (proven == 0 ||
      !LeadsOn(store, replica, entries[proven - 1].header, *position)) {
    return 0;
  }
  return proven;
}

}  // namespace kappa::storage

// LogAudit: compares each entry of a replica's log with the one before it and
// with its own checksums (RELIABILITY.md S3, S11).
#ifndef KAPPA_STORAGE_LOG_AUDIT_H_
#define KAPPA_STORAGE_LOG_AUDIT_H_

#include <optional>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/wire/types.h"
#include "storage/entry_header.h"
#include "storage/log_store.h"

namespace kappa::storage {

// Thread safety: thread-compatible.
class LogAudit {
 public:
  // The next entry follows nothing that is known.
  LogAudit() = default;
  // The next entry is the first one after `base`.
  explicit LogAudit(const GroupBase& base);
  // The next entry follows the one with this header.
  explicit LogAudit(const EntryHeader& before);

  // Checks what the entry itself says (SHA-256 of its payload; its CRC32C was
  // checked by whoever read it), and that it continues the entry before it:
  // term, offset, chain. Whatever comes out, the next entry is compared with
  // this one.
  // Errors: DATA_LOSS: what is wrong.
  absl::Status Check(const StoredEntry& entry);
  // An entry could not be read: the next one follows nothing that is known.
  void Forget() { before_.reset(); }

 private:
  struct Before {
    Term term;
    Offset next_offset;
    Digest chain{};
  };
  absl::Status CheckFollows(const EntryHeader& header) const;

  std::optional<Before> before_;
};

// The replica was dropped, or its log cut or trimmed, while it was read:
// nothing is said about what is stored.
bool LogIsGone(const absl::Status& status);

// An audit that goes on at `index` of the replica's log: compared with the
// entry before it when that can be read. Errors: those of LogStore::ReadHeader,
// but for DATA_LOSS.
absl::StatusOr<LogAudit> AuditFrom(const LogStore& store, ReplicaNumber replica,
                                   LogIndex index, const GroupBase& base);

// Entries of one replica that stand one after the other and cannot be read or
// contradict themselves.
struct DamagedRange {
  LogIndex first;  // both inclusive
  LogIndex last;
  absl::Status status;  // of the first one
};

// Reads a log from `from` to `last` (both inclusive) and audits it; damage does
// not end the walk.
struct LogWalk {
  // Up to `last`, at least one entry; DATA_LOSS if the first cannot be read.
  using Read = absl::FunctionRef<absl::StatusOr<std::vector<StoredEntry>>(
      LogIndex from, LogIndex last)>;
  // Entries that are whole, in order; false ends the walk.
  using Visit = absl::FunctionRef<bool(std::vector<StoredEntry> entries)>;

  LogIndex from;  // raised by Run behind what it looked at
  LogIndex last;
  LogAudit audit;  // of what stands before `from`

  // Returns the damaged ranges, ascending.
  // Errors: those of `read` that are not DATA_LOSS, as they come: the replica
  // is gone, or nothing can be said about its bytes now.
  absl::StatusOr<std::vector<DamagedRange>> Run(Read read, Visit visit);
};

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_LOG_AUDIT_H_

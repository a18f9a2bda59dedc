#include "storage/log_audit.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/wire/sha256.h"
#include "storage/chain.h"

namespace kappa::storage {
namespace {

absl::Status Wrong(const EntryHeader& header, const std::string& what) {
  return absl::DataLossError(
      absl::StrCat("entry ", header.index.value(), ": ", what));
}

void AddDamage(LogIndex index, const absl::Status& status,
               std::vector<DamagedRange>* damage) {
  if (!damage->empty() && damage->back().last.Next() == index) {
    damage->back().last = index;
  } else {
    damage->push_back({index, index, status});
  }
}

}  // namespace

LogAudit::LogAudit(const GroupBase& base)
    : before_(Before{base.id.term, base.offset, base.chain}) {}

LogAudit::LogAudit(const EntryHeader& before)
    : before_(Before{before.term, before.next_offset(), before.chain}) {}

absl::Status LogAudit::CheckFollows(const EntryHeader& header) const {
  if (!before_.has_value()) return absl::OkStatus();
  if (header.term < before_->term) {
    return Wrong(header, absl::StrCat("its term is ", header.term.value(),
                                      ", less than ", before_->term.value(),
                                      " before it"));
  }
  if (header.base_offset != before_->next_offset) {
    return Wrong(header,
                 absl::StrCat("its offset is ", header.base_offset.value(),
                              ", not ", before_->next_offset.value()));
  }
  if (header.chain != ChainNext(before_->chain, header)) {
    return Wrong(header, "it breaks the chain of digests");
  }
  return absl::OkStatus();
}

absl::Status LogAudit::Check(const StoredEntry& entry) {
  const EntryHeader& header = entry.header;
  absl::Status status = CheckFollows(header);
  before_ = Before{header.term, header.next_offset(), header.chain};
  // Only what holds records has a SHA-256.
  if (status.ok() && raft::UsesOffsets(header.kind) &&
      header.payload_sha256 != Sha256(entry.payload)) {
    status = Wrong(header, "the payload's SHA-256 is wrong");
  }
  return status;
}

bool LogIsGone(const absl::Status& status) {
  return absl::IsNotFound(status) || absl::IsOutOfRange(status) ||
         absl::IsCancelled(status);
}

absl::StatusOr<LogAudit> AuditFrom(const LogStore& store, ReplicaNumber replica,
                                   LogIndex index, const GroupBase& base) {
  if (index == base.id.index.Next()) return LogAudit(base);
  const absl::StatusOr<EntryHeader> before =
      store.ReadHeader(replica, index.Previous());
  if (before.ok()) return LogAudit(*before);
  if (absl::IsDataLoss(before.status())) return LogAudit();
  return before.status();
}

absl::StatusOr<std::vector<DamagedRange>> LogWalk::Run(Read read, Visit visit) {
  std::vector<DamagedRange> damage;
  while (from <= last) {
    absl::StatusOr<std::vector<StoredEntry>> entries = read(from, last);
    // What is not about the entry's bytes is no damage.
    if (!entries.ok() && !absl::IsDataLoss(entries.status())) {
      return entries.status();
    }
    if (entries.ok() && entries->empty()) {
      entries = absl::DataLossError(
          absl::StrCat("entry ", from.value(), " is missing"));
    }
    if (!entries.ok()) {
      AddDamage(from, entries.status(), &damage);
      audit.Forget();
      from = from.Next();
      continue;
    }
    std::vector<StoredEntry> whole;
    for (StoredEntry& entry : *entries) {
      const absl::Status checked = audit.Check(entry);
      from = entry.header.index.Next();
      if (checked.ok()) {
        whole.push_back(std::move(entry));
      } else {
        AddDamage(entry.header.index, checked, &damage);
      }
    }
    if (!whole.empty() && !visit(std::move(whole))) break;
  }
  return damage;
}

}  // namespace kappa::storage

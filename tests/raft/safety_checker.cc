#include "tests/raft/safety_checker.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/str_cat.h"

namespace kappa::raft {
namespace {

std::string Name(ReplicaId replica) {
  return absl::StrCat(replica.node.value(), ".", replica.incarnation.value());
}

std::string Name(EntryId id) {
  return absl::StrCat(id.term.value(), "/", id.index.value());
}

}  // namespace

void SafetyChecker::Breach(const std::string& text) {
  if (breach_.empty()) breach_ = text;
}

void SafetyChecker::OnLeader(ReplicaId replica, const Core& core,
                             const LogImage& written) {
  auto [known, added] = leaders_.emplace(core.term(), replica);
  if (!added) {
    if (known->second != replica) {
      Breach(absl::StrCat("two leaders in term ", core.term().value(), ": ",
                          Name(known->second), " and ", Name(replica)));
    }
    return;
  }
  for (const auto& [index, committed] : committed_) {
    const EntryMeta& entry = committed.entry;
    if (index <= written.base.id.index || committed.term >= core.term()) {
      continue;
    }
    const EntryMeta* own = written.Find(index);
    if (own == nullptr || own->id != entry.id) {
      Breach(absl::StrCat("leader ", Name(replica), " of term ",
                          core.term().value(), " lacks committed entry ",
                          Name(entry.id)));
    }
  }
}

void SafetyChecker::OnWrite(const Persist& persist, const LogImage& written) {
  for (const EntryMeta& entry : persist.entries) {
    const EntryMeta* before = written.Find(entry.id.index.Previous());
    const Content content{
        before == nullptr ? written.base.id.term : before->id.term, entry.kind,
        entry.handle};
    auto [known, added] = contents_.emplace(entry.id, content);
    if (!added && known->second != content) {
      Breach(absl::StrCat("two entries at ", Name(entry.id)));
    }
  }
}

void SafetyChecker::OnMessage(const Message& message) {
  if (message.type != MessageType::kVoteResponse || !message.granted) return;
  auto [known, added] =
      votes_.emplace(std::pair(message.from, message.term), message.to);
  if (!added && known->second != message.to) {
    Breach(absl::StrCat(Name(message.from), " votes twice in term ",
                        message.term.value()));
  }
}

bool SafetyChecker::DurableOnMajority(
    EntryId id, const std::map<ReplicaId, const LogImage*>& disks) const {
  size_t copies = 0;
  for (ReplicaId voter : configuration_.voters) {
    const LogImage& disk = *disks.at(voter);
    const EntryMeta* entry = disk.Find(id.index);
    const bool holds = entry != nullptr && entry->id == id;
    copies += holds || id.index <= disk.base.id.index ? 1 : 0;
  }
  return copies > configuration_.voters.size() / 2;
}

void SafetyChecker::OnCommit(
    ReplicaId replica, Term term, const CommitRange& range,
    const LogImage& written,
    const std::map<ReplicaId, const LogImage*>& disks) {
  auto [reported, added] = reported_.emplace(replica, written.base.id.index);
  if (range.after != reported->second || range.last <= range.after) {
    Breach(absl::StrCat(Name(replica), " commits after ", range.after.value(),
                        " to ", range.last.value(), ", reported up to ",
                        reported->second.value()));
  }
  reported->second = range.last;
  for (LogIndex index = range.after.Next(); index <= range.last; ++index) {
    const EntryMeta* entry = written.Find(index);
    if (entry == nullptr) {
      Breach(absl::StrCat(Name(replica), " commits missing index ",
                          index.value()));
      return;
    }
    auto [known, first] = committed_.emplace(index, Committed{*entry, term});
    if (first && !DurableOnMajority(entry->id, disks)) {
      Breach(absl::StrCat("committed without a durable majority: ",
                          Name(entry->id)));
    }
    if (known->second.entry.id != entry->id ||
        known->second.entry.handle != entry->handle) {
      Breach(absl::StrCat("committed index ", index.value(), " is ",
                          Name(known->second.entry.id), " and, on ",
                          Name(replica), ", ", Name(entry->id)));
    }
  }
}

void SafetyChecker::OnInstallBase(ReplicaId replica, LogIndex base) {
  covered_ = std::max(covered_, base);
  reported_[replica] = base;
}

void SafetyChecker::OnRestart(ReplicaId replica, const LogImage& durable) {
  reported_[replica] = durable.base.id.index;
  if (configuration_.voters.size() != 1) return;
  // A single voter leads before its term is durable. What a crash took nobody
  // has seen, so the term and its indexes may come again.
  std::erase_if(contents_, [&](const auto& known) {
    const EntryMeta* own = durable.Find(known.first.index);
    return own == nullptr || own->id != known.first;
  });
  for (const auto& [index, committed] : committed_) {
    const EntryMeta& entry = committed.entry;
    if (index <= durable.base.id.index) continue;
    const EntryMeta* own = durable.Find(index);
    if (own == nullptr || own->id != entry.id || own->handle != entry.handle) {
      Breach(absl::StrCat("lost committed entry ", Name(entry.id)));
    }
  }
}

void SafetyChecker::OnReadConfirmed(const ReadConfirmed& read) {
  auto requested = reads_.find(read.id);
  if (requested == reads_.end()) {
    Breach(absl::StrCat("read ", read.id, " answered twice or never asked"));
    return;
  }
  if (read.index < requested->second) {
    Breach(absl::StrCat("stale read ", read.id, " at ", read.index.value(),
                        ", committed before it: ", requested->second.value()));
  }
  reads_.erase(requested);
}

}  // namespace kappa::raft

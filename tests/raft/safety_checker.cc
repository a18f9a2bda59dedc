#include "tests/raft/safety_checker.h"

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

bool Holds(const LogImage& image, EntryId id) {
  const EntryMeta* entry = image.Find(id.index);
  return id.index <= image.base.id.index ||
         (entry != nullptr && entry->id == id);
}

bool OnMajority(const std::vector<ReplicaId>& voters, EntryId id,
                const std::map<ReplicaId, const LogImage*>& disks) {
  size_t copies = 0;
  for (ReplicaId voter : voters) {
    auto disk = disks.find(voter);
    copies += disk != disks.end() && Holds(*disk->second, id) ? 1 : 0;
  }
  return copies > voters.size() / 2;
}

bool DurableOnQuorum(const Configuration& configuration, EntryId id,
                     const std::map<ReplicaId, const LogImage*>& disks) {
  return OnMajority(configuration.voters, id, disks) &&
         (!configuration.joint() ||
          OnMajority(configuration.outgoing_voters, id, disks));
}

bool AloneIn(const Configuration& configuration) {
  return configuration.voters.size() == 1 && !configuration.joint() &&
         configuration.learners.empty();
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
  NoteVote(replica, core.term(), replica);
  if (!written.damaged.empty()) {
    Breach(absl::StrCat("leader ", Name(replica), " of term ",
                        core.term().value(), " cannot read index ",
                        written.damaged.begin()->value()));
  }
  for (const auto& [index, committed] : committed_) {
    if (committed.term >= core.term()) continue;
    if (!Holds(written, committed.entry.id)) {
      Breach(absl::StrCat("leader ", Name(replica), " of term ",
                          core.term().value(), " lacks committed entry ",
                          Name(committed.entry.id)));
    }
  }
}

bool SafetyChecker::Learn(const EntryMeta& entry, const LogImage& image) {
  const EntryMeta* before = image.Find(entry.id.index.Previous());
  const Content content{
      before == nullptr ? image.base.id.term : before->id.term, entry.kind,
      entry.handle,
      entry.configuration ? *entry.configuration : Configuration()};
  auto [known, added] = contents_.emplace(entry.id, content);
  if (!added && known->second != content) {
    Breach(absl::StrCat("two entries at ", Name(entry.id)));
  }
  return added;
}

void SafetyChecker::OnWrite(ReplicaId replica, const Persist& persist,
                            const LogImage& written) {
  if (persist.install_base) CheckBase(replica, *persist.install_base);
  for (const EntryMeta& entry : persist.entries) {
    if (!Learn(entry, written) || !entry.configuration) continue;
    LogIndex before = written.base.id.index;
    for (const auto& [index, other] : written.entries) {
      if (index < entry.id.index && other.configuration) before = index;
    }
    if (!recovering_) changes_.emplace_back(entry.id, before);
    recovering_ = false;
  }
}

void SafetyChecker::OnEntrySent(ReplicaId replica, LogIndex index,
                                const LogImage& written) {
  if (written.damaged.contains(index)) {
    Breach(absl::StrCat(Name(replica), " sends index ", index.value(),
                        ", which it cannot read"));
  }
}

void SafetyChecker::CheckBase(ReplicaId replica, const LogBase& base) {
  auto known = committed_.find(base.id.index);
  if (known != committed_.end() && known->second.entry.id != base.id) {
    Breach(absl::StrCat(Name(replica), " begins at ", Name(base.id),
                        ", committed is ", Name(known->second.entry.id)));
  }
  covered_ = std::max(covered_, base.id.index);
  reported_[replica] = base.id.index;
}

void SafetyChecker::NoteVote(ReplicaId replica, Term term, ReplicaId vote) {
  auto [known, added] = votes_.emplace(std::pair(replica, term), vote);
  if (!added && known->second != vote) {
    Breach(absl::StrCat(Name(replica), " votes twice in term ", term.value()));
  }
}

void SafetyChecker::OnMessage(const Message& message, const LogImage& durable) {
  if (!message.granted) return;
  if (message.type == MessageType::kVoteResponse) {
    NoteVote(message.from, message.term, message.to);
    if (durable.hard_state.term < message.term ||
        (durable.hard_state.term == message.term &&
         durable.hard_state.vote != message.to)) {
      Breach(absl::StrCat(Name(message.from), " promises its vote of term ",
                          message.term.value(), " before it is durable"));
    }
  }
  if (message.type == MessageType::kAppendResponse &&
      message.match > durable.last().index) {
    Breach(absl::StrCat(Name(message.from), " acknowledges up to ",
                        message.match.value(), ", durable is ",
                        durable.last().index.value()));
  }
}

// A configuration that was appended right after the commit, in the same output,
// was not the one that counted.
bool SafetyChecker::CountedRightly(
    const LogImage& written, EntryId id,
    const std::map<ReplicaId, const LogImage*>& disks) const {
  if (DurableOnQuorum(written.NewestConfiguration(), id, disks)) return true;
  return std::any_of(changes_.begin(), changes_.end(), [&](const auto& change) {
    return DurableOnQuorum(written.ConfigurationAt(change.second), id, disks);
  });
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
    if (first && !CountedRightly(written, entry->id, disks)) {
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

void SafetyChecker::OnState(ReplicaId replica, const Core& core,
                            const SimulatedDisk& disk) {
  const LogImage& written = disk.written();
  if (core.last() != written.last() || core.base() != written.base.id ||
      core.term() != written.hard_state.term) {
    Breach(absl::StrCat(Name(replica), " has last ", Name(core.last()),
                        ", base ", Name(core.base()), ", term ",
                        core.term().value(), "; it wrote ",
                        Name(written.last()), ", ", Name(written.base.id), ", ",
                        written.hard_state.term.value()));
  }
  if (core.configuration() != written.NewestConfiguration()) {
    Breach(absl::StrCat(Name(replica),
                        " does not use the newest configuration of its log"));
  }
  if (core.readable() > core.committed() || core.readable() > core.durable()) {
    Breach(absl::StrCat(Name(replica), " shows ", core.readable().value(),
                        " to readers, too much"));
  }
  CheckDurablePart(replica, core, disk);
  CheckChanges();
}

void SafetyChecker::CheckDurablePart(ReplicaId replica, const Core& core,
                                     const SimulatedDisk& disk) {
  for (const auto& [index, entry] : disk.written().entries) {
    if (index > core.durable()) break;
    if (Holds(disk.durable(), entry.id)) continue;
    Breach(absl::StrCat(Name(replica), " calls ", core.durable().value(),
                        " durable; its disk lacks ", Name(entry.id)));
    return;
  }
}

void SafetyChecker::CheckChanges() {
  for (const auto& [id, before] : changes_) {
    auto newest = committed_.upper_bound(id.index);
    const bool own_term = newest != committed_.begin() &&
                          std::prev(newest)->second.entry.id.term >= id.term;
    if (before > highest_committed()) {
      Breach(absl::StrCat("configuration ", Name(id),
                          " was made before the one at ", before.value(),
                          " was committed"));
    } else if (!own_term) {
      Breach(absl::StrCat("configuration ", Name(id),
                          " was made before an entry of its term was "
                          "committed"));
    }
  }
  changes_.clear();
}

void SafetyChecker::OnLoad(const LogImage& image) {
  for (const auto& [index, entry] : image.entries) Learn(entry, image);
  covered_ = std::max(covered_, image.base.id.index);
}

void SafetyChecker::OnRecoverAlone(const LogImage& written) {
  recovering_ = true;
  committed_.erase(committed_.upper_bound(written.last().index),
                   committed_.end());
  for (const auto& [index, entry] : written.entries) {
    committed_[index] = Committed{entry, entry.id.term};
  }
}

void SafetyChecker::OnRestart(ReplicaId replica, const LogImage& durable) {
  reported_[replica] = durable.base.id.index;
  const Configuration& configuration = durable.NewestConfiguration();
  if (!AloneIn(configuration) || configuration.voters.front() != replica) {
    return;
  }
  // A single voter leads before its term is durable. What a crash took nobody
  // has seen, so the term and its indexes may come again.
  std::erase_if(contents_, [&](const auto& known) {
    return !Holds(durable, known.first);
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

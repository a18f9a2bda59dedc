#include "tests/simulation/group_checker.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace kappa::simulation {
namespace {

using raft::MessageType;

std::string Name(ReplicaId replica) {
  return absl::StrCat("replica (", replica.node.value(), ", ",
                      replica.incarnation.value(), ")");
}

std::string Name(raft::EntryId id) {
  return absl::StrCat("(term ", id.term.value(), ", index ", id.index.value(),
                      ")");
}

size_t Differing(const std::vector<ReplicaId>& a,
                 const std::vector<ReplicaId>& b) {
  std::vector<ReplicaId> differing;
  std::set_symmetric_difference(a.begin(), a.end(), b.begin(), b.end(),
                                std::back_inserter(differing));
  return differing.size();
}

// Whether quorums of the two must meet.
bool MayFollow(const raft::Configuration& before,
               const raft::Configuration& after) {
  if (before.joint()) return !after.joint() && after.voters == before.voters;
  if (after.joint()) return after.outgoing_voters == before.voters;
  return Differing(before.voters, after.voters) <= 1;
}

bool IsSoleMember(const raft::Configuration& configuration, ReplicaId replica) {
  return configuration.voters == std::vector<ReplicaId>{replica} &&
         !configuration.joint() && configuration.learners.empty();
}

}  // namespace

void GroupChecker::Report(const std::string& text) {
  breach_.Report(absl::StrCat("group ", group_, ": ", text));
}

void GroupChecker::OnLeader(ReplicaId replica, Term term,
                            const ReplicaLog& written) {
  if (HasForgotten(replica)) {
    Report(absl::StrCat(Name(replica), " leads although it has forgotten"));
  }
  auto [known, added] = leaders_.emplace(term, replica);
  if (!added && known->second != replica) {
    Report(absl::StrCat("term ", term.value(), " is led by ",
                        Name(known->second), " and ", Name(replica)));
  }
  // The newest entry that was committed in an earlier term.
  auto later = std::lower_bound(committed_.begin(), committed_.end(), term,
                                [](const Committed& committed, Term t) {
                                  return committed.first_reported_in < t;
                                });
  if (later == committed_.begin()) return;
  const LogIndex index(static_cast<uint64_t>(later - committed_.begin()));
  const Committed& newest = committed_[index.value() - 1];
  if (index < written.base_index()) return;
  if (index > written.last_index() || written.ChainAt(index) != newest.chain) {
    Report(absl::StrCat("the leader of term ", term.value(), ", ",
                        Name(replica), ", lacks committed index ",
                        index.value()));
  }
}

void GroupChecker::OnWrite(ReplicaId replica, bool leads,
                           const raft::Persist& write,
                           const ReplicaLog& written) {
  if (leads && (write.truncate_from || write.install_base)) {
    Report(absl::StrCat("leader ", Name(replica), " drops entries"));
  }
  if (write.truncate_from && reported_[replica] >= *write.truncate_from) {
    Report(absl::StrCat(Name(replica), " truncates committed index ",
                        write.truncate_from->value()));
  }
  if (write.install_base) {
    CheckBase(replica, *write.install_base);
    reported_[replica] =
        std::max(reported_[replica], write.install_base->id.index);
  }
  if (write.trim_to) CheckBase(replica, *write.trim_to);
  for (const raft::EntryMeta& entry : write.entries) {
    CheckEntry(replica, entry.id.index, written);
  }
}

void GroupChecker::CheckBase(ReplicaId replica, const raft::LogBase& base) {
  if (base.id.index > highest_committed() ||
      (base.id.index > LogIndex(0) &&
       CommittedChain(base.id.index) != ChainOf(base.chain))) {
    Report(absl::StrCat(Name(replica), " begins its log after ", Name(base.id),
                        ", which is not committed"));
  }
}

void GroupChecker::CheckEntry(ReplicaId replica, LogIndex index,
                              const ReplicaLog& written) {
  const LogEntry* entry = written.Find(index);
  if (entry == nullptr) return;
  bool known = true;
  uint64_t chain = entry->chain;
  if (index.value() > first_variants_.size()) {
    first_variants_.resize(index.value());
  }
  Variant& first = first_variants_[index.value() - 1];
  if (first.term == Term(0)) {
    first = Variant{entry->term, entry->chain};
    known = false;
  } else if (first.term == entry->term) {
    chain = first.chain;
  } else {
    auto [other, added] =
        other_variants_.emplace(std::pair(index, entry->term), entry->chain);
    known = !added;
    chain = other->second;
  }
  if (chain != entry->chain) {
    Report(absl::StrCat(Name(raft::EntryId{entry->term, index}),
                        " has another history or content on ", Name(replica)));
  }
  if (!known && entry->kind == raft::EntryKind::kConfiguration) {
    CheckConfiguration(replica, index, written);
  }
}

void GroupChecker::CheckConfiguration(ReplicaId replica, LogIndex index,
                                      const ReplicaLog& written) {
  const LogEntry& entry = *written.Find(index);
  const LogIndex before = written.ConfigurationIndexAt(index.Previous());
  new_configurations_.push_back(
      NewConfiguration{replica, raft::EntryId{entry.term, index}, before});
  if (!MayFollow(written.ConfigurationAt(before), *entry.configuration)) {
    Report(absl::StrCat(
        "configuration ", Name(raft::EntryId{entry.term, index}), " of ",
        Name(replica), " has quorums that miss those of the one before it"));
  }
}

bool GroupChecker::HasCommittedIn(Term term) const {
  auto found = std::lower_bound(committed_.begin(), committed_.end(), term,
                                [](const Committed& committed, Term t) {
                                  return committed.entry_term < t;
                                });
  return found != committed_.end() && found->entry_term == term;
}

void GroupChecker::OnStepEnd() {
  for (const NewConfiguration& added : new_configurations_) {
    const std::string name = absl::StrCat("configuration ", Name(added.id),
                                          " of ", Name(added.replica));
    if (added.before > highest_committed()) {
      Report(absl::StrCat(name, " follows the one at ", added.before.value(),
                          ", which is not committed"));
    } else if (!HasCommittedIn(added.id.term)) {
      Report(absl::StrCat(name,
                          " comes before an entry of its term is "
                          "committed"));
    }
  }
  new_configurations_.clear();
}

void GroupChecker::OnSend(const raft::Message& message,
                          const ReplicaLog& durable) {
  switch (message.type) {
    case MessageType::kVoteResponse:
      if (message.granted) CheckVote(message, durable);
      return;
    case MessageType::kAppendRequest: {
      auto [leader, added] = leaders_.emplace(message.term, message.from);
      if (leader->second != message.from) {
        Report(absl::StrCat(Name(message.from), " sends entries in term ",
                            message.term.value(), ", which ",
                            Name(leader->second), " leads"));
      }
      return;
    }
    case MessageType::kAppendResponse:
      if (!message.granted) return;
      if (HasForgotten(message.from)) {
        Report(absl::StrCat(Name(message.from),
                            " acknowledges although it has forgotten"));
      }
      // A follower may answer in a term that is not durable yet: nothing rests
      // on it but what its log holds durably.
      if (durable.hard_state().term <= message.term &&
          durable.last_index() < message.match) {
        Report(absl::StrCat(Name(message.from), " acknowledges index ",
                            message.match.value(), ", durable up to ",
                            durable.last_index().value()));
      }
      return;
    default:
      return;
  }
}

void GroupChecker::CheckVote(const raft::Message& message,
                             const ReplicaLog& durable) {
  if (HasForgotten(message.from)) {
    Report(
        absl::StrCat(Name(message.from), " votes although it has forgotten"));
  }
  auto [known, added] =
      votes_.emplace(std::pair(message.from, message.term), message.to);
  if (!added && known->second != message.to) {
    Report(absl::StrCat(Name(message.from), " votes twice in term ",
                        message.term.value()));
  }
  const raft::HardState& stored = durable.hard_state();
  if (stored.term < message.term ||
      (stored.term == message.term && stored.vote != message.to)) {
    Report(absl::StrCat(Name(message.from), " tells a vote in term ",
                        message.term.value(), " that is not durable"));
  }
}

bool GroupChecker::HasMajority(const std::vector<ReplicaId>& voters,
                               LogIndex index, uint64_t chain) const {
  size_t copies = 0;
  for (ReplicaId voter : voters) {
    auto forgotten = forgotten_.find(voter);
    const ReplicaLog* log = forgotten != forgotten_.end()
                                ? &forgotten->second
                                : logs_.DurableLog(group_, voter);
    if (log == nullptr) continue;
    if (index < log->base_index()) {
      ++copies;
    } else if (index <= log->last_index()) {
      copies += log->ChainAt(index) == chain ? 1 : 0;
    }
  }
  return copies > voters.size() / 2;
}

bool GroupChecker::DurableOnMajority(const raft::Configuration& configuration,
                                     LogIndex index, uint64_t chain) const {
  return HasMajority(configuration.voters, index, chain) &&
         (!configuration.joint() ||
          HasMajority(configuration.outgoing_voters, index, chain));
}

void GroupChecker::OnCommit(ReplicaId replica, Term term,
                            const raft::CommitRange& range,
                            const ReplicaLog& written, LogIndex last_before) {
  auto [reported, added] = reported_.emplace(replica, written.base_index());
  if (range.after > reported->second || range.last <= reported->second) {
    Report(absl::StrCat(Name(replica), " commits after ", range.after.value(),
                        " to ", range.last.value(), ", reported up to ",
                        reported->second.value()));
  }
  reported->second = range.last;
  if (range.last > written.last_index()) {
    Report(absl::StrCat(Name(replica), " commits index ", range.last.value(),
                        ", its log ends at ", written.last_index().value()));
    return;
  }
  if (range.last < written.base_index()) return;
  const uint64_t chain = written.ChainAt(range.last);
  if (range.last <= highest_committed()) {
    if (CommittedChain(range.last) != chain) {
      Report(absl::StrCat("committed index ", range.last.value(), " of ",
                          Name(replica), " is not what others committed"));
    }
    return;
  }
  // A configuration appended in this very step came after the decision.
  const LogIndex newest = written.ConfigurationIndexAt(written.last_index());
  const bool durable =
      DurableOnMajority(written.configuration(), range.last, chain) ||
      (newest > last_before &&
       DurableOnMajority(written.ConfigurationAt(newest.Previous()), range.last,
                         chain));
  if (!durable) {
    Report(absl::StrCat(Name(replica), " commits index ", range.last.value(),
                        " without a majority of durable copies"));
  }
  for (LogIndex i = highest_committed().Next(); i <= range.last; ++i) {
    const LogEntry* entry = written.Find(i);
    if (entry == nullptr) {
      Report(absl::StrCat(Name(replica), " commits index ", i.value(),
                          ", which nobody committed before its base"));
      return;
    }
    AddCommitted(replica, term, i, *entry);
  }
}

void GroupChecker::AddCommitted(ReplicaId replica, Term term, LogIndex index,
                                const LogEntry& entry) {
  committed_.push_back(Committed{entry.chain, entry.term, term});
  if (entry.kind == raft::EntryKind::kConfiguration &&
      !entry.configuration->joint()) {
    ++configurations_finished_;
  }
  if (entry.kind != raft::EntryKind::kRecords) return;
  if (entry.content == 0 || entry.content > proposals_.size()) {
    Report(absl::StrCat(Name(replica), " commits what nobody proposed"));
    return;
  }
  Proposal& proposal = proposals_[entry.content - 1];
  const raft::EntryId id{entry.term, index};
  if (proposal.committed_at != LogIndex(0)) {
    Report(absl::StrCat("proposal ", entry.content, " is committed at ",
                        proposal.committed_at.value(), " and ", index.value()));
  }
  proposal.committed_at = index;
  if (proposal.outcome != Outcome::kTaken || proposal.id != id) {
    Report(absl::StrCat("proposal ", entry.content, " is committed at ",
                        Name(id), ", which its proposer was not told"));
  }
}

void GroupChecker::OnRestart(ReplicaId replica, const ReplicaLog& durable) {
  reported_[replica] = durable.base_index();
  if (!IsSoleMember(durable.configuration(), replica)) return;
  // A sole member leads before its term is durable. What a crash took nobody
  // has seen, so the term and its indexes may come again.
  const uint64_t kept = durable.last_index().value();
  if (first_variants_.size() > kept) first_variants_.resize(kept);
  std::erase_if(other_variants_, [&](const auto& variant) {
    return variant.first.first > durable.last_index();
  });
  std::erase_if(leaders_, [&](const auto& leader) {
    return leader.first > durable.hard_state().term;
  });
}

uint64_t GroupChecker::NewContent() {
  proposals_.emplace_back();
  return proposals_.size();
}

void GroupChecker::OnProposed(uint64_t content,
                              std::optional<raft::EntryId> id) {
  Proposal& proposal = proposals_[content - 1];
  proposal.outcome = id ? Outcome::kTaken : Outcome::kRefused;
  if (id) proposal.id = *id;
}

void GroupChecker::OnReadConfirmed(const raft::ReadConfirmed& read) {
  auto requested = reads_.find(read.id);
  if (requested == reads_.end()) {
    Report(absl::StrCat("read ", read.id, " answered twice or never asked"));
    return;
  }
  if (read.index < requested->second) {
    Report(absl::StrCat("stale read at ", read.index.value(),
                        ", committed before it: ", requested->second.value()));
  }
  reads_.erase(requested);
  ++reads_answered_;
}

}  // namespace kappa::simulation

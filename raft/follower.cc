#include "raft/follower.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

namespace kappa::raft {
namespace {

// How many term starts a refusal carries: the leader skips that many terms in
// one round trip.
constexpr size_t kTermStartsMax = 128;

// False for a request that no correct leader sends.
bool WellFormed(const Message& request) {
  EntryId previous = request.previous;
  for (const EntryMeta& entry : request.entries) {
    if (entry.id.index != previous.index.Next() ||
        entry.id.term < previous.term || entry.id.term > request.term ||
        (entry.kind == EntryKind::kConfiguration) !=
            (entry.configuration != nullptr)) {
      return false;
    }
    previous = entry.id;
  }
  return request.previous.term <= request.term;
}

// Whether the log holds `id`. Everything up to the base is committed, so every
// leader's log agrees with it there.
bool Holds(const TermTable& log, EntryId id) {
  return id.index <= log.base().index || log.TermAt(id.index) == id.term;
}

void Refuse(Context& context, const Message& request) {
  const TermTable& log = context.log();
  const LogIndex end =
      std::min(log.last().index, request.previous.index.Previous());
  Message response =
      context.NewMessage(MessageType::kAppendResponse, request.from);
  response.previous = request.previous;
  response.last = EntryId{log.TermAt(end).value_or(Term(0)), end};
  response.term_starts = log.StartsUpTo(end, kTermStartsMax);
  response.read_round = request.read_round;
  context.Send(std::move(response));
}

// Adds the entries that the log lacks, replacing a conflicting suffix; a prefix
// that matches is never touched (RAFT.md 15). Returns false if that would
// replace a committed entry, which no correct leader asks for.
bool TakeEntries(Context& context, const Message& request) {
  auto entry = request.entries.begin();
  while (entry != request.entries.end() && Holds(context.log(), entry->id)) {
    ++entry;
  }
  if (entry == request.entries.end()) return true;
  if (entry->id.index <= context.committed()) return false;
  if (entry->id.index <= context.log().last().index) {
    context.TruncateFrom(entry->id.index);
  }
  for (; entry != request.entries.end(); ++entry) context.Append(*entry);
  return true;
}

}  // namespace

bool AnswerVoteRequest(Context& context, const Message& request) {
  const bool free = !context.vote() || *context.vote() == request.from;
  const bool up_to_date = request.last >= context.log().last();
  Message response =
      context.NewMessage(MessageType::kVoteResponse, request.from);
  response.granted = free && up_to_date;
  if (!response.granted) {
    context.Send(std::move(response));
    return false;
  }
  if (!context.vote()) context.VoteFor(request.from);
  context.SendAfterDurable(std::move(response));
  return true;
}

void Follower::OnVoteRequest(Context& context, const Message& request) {
  // Only a vote that is given away postpones an election of one's own.
  if (AnswerVoteRequest(context, request)) waited_ticks_ = 0;
}

void Follower::OnAppendRequest(Context& context, const Message& request) {
  if (!WellFormed(request)) return;
  waited_ticks_ = 0;
  context.SetLeader(request.from);
  if (!Holds(context.log(), request.previous)) {
    Refuse(context, request);
    return;
  }
  if (!TakeEntries(context, request)) return;
  const LogIndex verified =
      std::max(request.previous.index + request.entries.size(),
               context.log().base().index);
  // Not the leader's commit alone: what lies beyond `verified` may conflict
  // (RAFT.md 16).
  context.CommitUpTo(std::min(request.committed, verified));
  Message response =
      context.NewMessage(MessageType::kAppendResponse, request.from);
  response.granted = true;
  response.previous = request.previous;
  response.match = verified;
  response.read_round = request.read_round;
  if (verified > context.durable()) {
    context.SendAfterDurable(std::move(response));
  } else {
    context.Send(std::move(response));
  }
}

}  // namespace kappa::raft

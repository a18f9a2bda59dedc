#include "raft/donor.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "raft/damaged_entries.h"
#include "raft/mutant.h"
#include "raft/term_table.h"

namespace kappa::raft {
namespace {

// An entry whose content the owner adds from its log.
EntryMeta Named(EntryId id) {
  EntryMeta entry;
  entry.id = id;
  return entry;
}

}  // namespace

void AnswerFetchRequest(Context& context, const Message& request) {
  const TermTable& log = context.log();
  const LogIndex readable =
      KAPPA_MUTANT(kFetchUncommitted)
          ? log.last().index
          : std::min(context.committed(), context.durable());
  const LogIndex first = request.previous.index.Next();
  Message response =
      context.NewMessage(MessageType::kFetchResponse, request.from);
  response.previous = request.previous;
  response.committed = context.committed();
  response.granted =
      request.previous.index <= readable &&
      log.TermAt(request.previous.index) == request.previous.term &&
      (!context.damaged().Contains(first) || KAPPA_MUTANT(kDamagedSent));
  if (response.granted) {
    LogIndex last =
        std::min(readable, request.previous.index +
                               context.options().request_entries_max);
    // A damaged entry is never sent (RELIABILITY.md S7).
    if (const std::optional<LogIndex> damaged =
            context.damaged().FirstFrom(first);
        damaged && !KAPPA_MUTANT(kDamagedSent)) {
      last = std::min(last, damaged->Previous());
    }
    for (LogIndex index = first; index <= last; ++index) {
      response.entries.push_back(Named(EntryId{*log.TermAt(index), index}));
    }
  }
  context.Send(std::move(response));
}

void AnswerRepairRequest(Context& context, const Message& request) {
  Message response =
      context.NewMessage(MessageType::kRepairResponse, request.from);
  response.last = request.last;
  response.chain = request.chain;
  response.holding = HoldingOf(context.log(), context.damaged(), request.last);
  if (response.holding == Holding::kHolds) {
    response.granted = true;
    response.entries.push_back(Named(request.last));
  }
  context.Send(std::move(response));
}

}  // namespace kappa::raft

#include "raft/received_entries.h"

#include "raft/mutant.h"

namespace kappa::raft {

bool WellFormed(const Message& message) {
  EntryId previous = message.previous;
  for (const EntryMeta& entry : message.entries) {
    if (entry.id.index != previous.index.Next() ||
        entry.id.term < previous.term || entry.id.term > message.term ||
        (entry.kind == EntryKind::kConfiguration) !=
            (entry.configuration != nullptr)) {
      return false;
    }
    previous = entry.id;
  }
  return message.previous.term <= message.term;
}

bool Holds(const TermTable& log, EntryId id) {
  return id.index <= log.base().index || log.TermAt(id.index) == id.term;
}

bool TakeEntries(Context& context, const Message& message) {
  auto entry = message.entries.begin();
  while (entry != message.entries.end() && Holds(context.log(), entry->id) &&
         !(KAPPA_MUTANT(kMatchingPrefixTruncated) &&
           entry->id.index > context.committed())) {
    ++entry;
  }
  if (entry == message.entries.end()) return true;
  if (entry->id.index <= context.committed()) return false;
  if (entry->id.index <= context.log().last().index) {
    context.TruncateFrom(entry->id.index);
  }
  for (; entry != message.entries.end(); ++entry) context.Append(*entry);
  return true;
}

}  // namespace kappa::raft

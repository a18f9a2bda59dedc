#include "raft/base_receiver.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "raft/mutant.h"

namespace kappa::raft {
namespace {

// False for a chunk that no correct leader sends.
bool WellFormed(const Message& request) {
  if (request.chunk == nullptr) return false;
  const BaseChunk& chunk = *request.chunk;
  return chunk.base.id.index > LogIndex(0) &&
         chunk.base.id.term <= request.term &&
         chunk.offset <= chunk.base.state_bytes &&
         chunk.bytes <= chunk.base.state_bytes - chunk.offset &&
         (chunk.bytes > 0 || chunk.last());
}

// A base is committed, and so is what this replica has committed: all of it is
// in the leader's log.
void Acknowledge(Context& context, const Message& request, LogIndex match) {
  Message response =
      context.NewMessage(MessageType::kAppendResponse, request.from);
  response.granted = true;
  response.match = match;
  response.previous = EntryId{*context.log().TermAt(match), match};
  response.priority = context.options().priority;
  if (match > context.durable()) {
    context.SendAfterDurable(std::move(response));
  } else {
    context.Send(std::move(response));
  }
}

void Answer(Context& context, const Message& request, bool taken,
            uint64_t chunk_end) {
  Message response =
      context.NewMessage(MessageType::kBaseResponse, request.from);
  response.last = request.chunk->base.id;
  response.granted = taken;
  response.full = !taken && context.disk_full();
  response.chunk_end = chunk_end;
  context.SendAfterDurable(std::move(response));
}

}  // namespace

void TakeBaseRequest(Context& context, const Message& request) {
  if (!WellFormed(request)) return;
  const BaseChunk& chunk = *request.chunk;
  const LogIndex index = chunk.base.id.index;
  if (index <= context.committed() && !KAPPA_MUTANT(kBaseOverCommitted)) {
    Acknowledge(context, request, context.committed());
    return;
  }
  if (context.log().TermAt(index) == chunk.base.id.term &&
      !KAPPA_MUTANT(kBaseOverCommitted)) {
    context.CommitUpTo(index);
    Acknowledge(context, request, index);
    return;
  }
  const PartialBase* staged = context.staged_base();
  const bool known = staged != nullptr && staged->base == chunk.base;
  const uint64_t held = known ? staged->bytes : 0;
  if (chunk.offset < held) {
    Answer(context, request, true, held);
  } else if ((chunk.offset > held && !KAPPA_MUTANT(kBaseChunkMisplaced)) ||
             context.disk_full()) {
    Answer(context, request, false, held);
  } else if (chunk.last() || KAPPA_MUTANT(kBaseWithoutAllChunks)) {
    context.InstallBase(chunk.base, request.chunk);
    Acknowledge(context, request, index);
  } else {
    context.StageChunk(request.chunk);
    Answer(context, request, true, held + chunk.bytes);
  }
}

}  // namespace kappa::raft

#include "server/message_encoder.h"

#include <vector>

#include "proto/wire/check.h"

namespace kappa {
namespace {

// The numbers on the wire are those of the core's enums, moved up where the
// core's begin at 0 with something that means something.
raft::v1::MessageType TypeOf(raft::MessageType type) {
  return static_cast<raft::v1::MessageType>(static_cast<int>(type) + 1);
}
static_assert(raft::v1::MESSAGE_TYPE_PRE_VOTE_REQUEST ==
              static_cast<int>(raft::MessageType::kPreVoteRequest) + 1);
static_assert(raft::v1::MESSAGE_TYPE_APPEND_RESPONSE ==
              static_cast<int>(raft::MessageType::kAppendResponse) + 1);
static_assert(raft::v1::MESSAGE_TYPE_BASE_REQUEST ==
              static_cast<int>(raft::MessageType::kBaseRequest) + 1);
static_assert(raft::v1::MESSAGE_TYPE_LEADER_QUERY ==
              static_cast<int>(raft::MessageType::kLeaderQuery) + 1);

static_assert(raft::v1::ENTRY_KIND_RECORDS ==
              static_cast<int>(raft::EntryKind::kRecords));
static_assert(raft::v1::ENTRY_KIND_PRODUCER_FENCE ==
              static_cast<int>(raft::EntryKind::kProducerFence));

static_assert(raft::v1::HOLDING_HOLDS ==
              static_cast<int>(raft::Holding::kHolds));
static_assert(raft::v1::HOLDING_LACKS ==
              static_cast<int>(raft::Holding::kLacks));

using Replicas = google::protobuf::RepeatedPtrField<raft::v1::ReplicaId>;

void Copy(const std::vector<ReplicaId>& replicas, Replicas* out) {
  for (const ReplicaId& replica : replicas) {
    raft::v1::ReplicaId* added = out->Add();
    added->set_node(replica.node.value());
    added->set_incarnation(replica.incarnation.value());
  }
}

void Copy(const raft::Configuration& configuration,
          raft::v1::Configuration* out) {
  Copy(configuration.voters, out->mutable_voters());
  Copy(configuration.outgoing_voters, out->mutable_outgoing_voters());
  Copy(configuration.learners, out->mutable_learners());
  Copy(configuration.learners_next, out->mutable_learners_next());
  Copy(configuration.promoting, out->mutable_promoting());
  out->set_auto_leave(configuration.auto_leave);
}

void Copy(const raft::EntryMeta& entry, std::string_view content,
          raft::v1::Entry* out) {
  out->set_term(entry.id.term.value());
  out->set_index(entry.id.index.value());
  out->set_kind(static_cast<raft::v1::EntryKind>(entry.kind));
  out->set_record_count(entry.record_count);
  out->set_payload_bytes(entry.payload_bytes);
  if (entry.configuration != nullptr) {
    Copy(*entry.configuration, out->mutable_configuration());
  }
  out->set_content(content.data(), content.size());
}

void Copy(const raft::BaseChunk& chunk, std::string_view state,
          raft::v1::BaseChunk* out) {
  KAPPA_CHECK(state.size() == chunk.bytes, "the chunk's state");
  raft::v1::LogBase* base = out->mutable_base();
  base->set_term(chunk.base.id.term.value());
  base->set_index(chunk.base.id.index.value());
  Copy(chunk.base.configuration, base->mutable_configuration());
  base->set_offset(chunk.base.offset.value());
  base->set_chain(chunk.base.chain.data(), chunk.base.chain.size());
  base->set_append_time_us(chunk.base.append_time_us);
  base->set_state_bytes(chunk.base.state_bytes);
  out->set_offset(chunk.offset);
  out->set_state(state.data(), state.size());
}

// The fields that most messages leave at 0.
void CopyRare(const raft::Message& message, raft::v1::Message* out) {
  if (message.donor) {
    out->set_donor_node(message.donor->node.value());
    out->set_donor_incarnation(message.donor->incarnation.value());
  }
  out->set_transfer(message.transfer);
  out->set_doubted_term(message.doubted.term.value());
  out->set_doubted_index(message.doubted.index.value());
  out->set_holding(static_cast<raft::v1::Holding>(message.holding));
  out->set_read_id(message.read_id);
  out->set_read_instance(message.read_instance);
  out->set_read_index(message.read_index.value());
  if (message.chain) {
    out->set_chain(message.chain->data(), message.chain->size());
  }
  out->set_chunk_end(message.chunk_end);
}

}  // namespace

void MessageEncoder::Encode(const raft::Message& message,
                            absl::Span<const std::string_view> contents,
                            std::string_view state, std::string* out) {
  KAPPA_CHECK(contents.size() == message.entries.size(), "a content an entry");
  raft::v1::Message& encoded = scratch_;
  encoded.Clear();
  encoded.set_type(TypeOf(message.type));
  encoded.set_group_id(message.group.value());
  encoded.set_from_node(message.from.node.value());
  encoded.set_from_incarnation(message.from.incarnation.value());
  encoded.set_to_node(message.to.node.value());
  encoded.set_to_incarnation(message.to.incarnation.value());
  encoded.set_term(message.term.value());
  encoded.set_open_id(message.generation.open_id);
  encoded.set_cycle(message.generation.cycle);
  encoded.set_previous_term(message.previous.term.value());
  encoded.set_previous_index(message.previous.index.value());
  for (size_t i = 0; i < message.entries.size(); ++i) {
    Copy(message.entries[i], contents[i], encoded.add_entries());
  }
  encoded.set_committed(message.committed.value());
  encoded.set_last_term(message.last.term.value());
  encoded.set_last_index(message.last.index.value());
  encoded.set_granted(message.granted);
  encoded.set_match(message.match.value());
  for (const raft::EntryId& start : message.term_starts) {
    raft::v1::EntryId* added = encoded.add_term_starts();
    added->set_term(start.term.value());
    added->set_index(start.index.value());
  }
  encoded.set_read_round(message.read_round);
  encoded.set_beat(message.beat);
  encoded.set_quiesce(message.quiesce);
  encoded.set_full(message.full);
  encoded.set_priority(message.priority);
  encoded.set_unfit(message.unfit);
  CopyRare(message, &encoded);
  if (message.chunk != nullptr) {
    Copy(*message.chunk, state, encoded.mutable_chunk());
  }
  encoded.SerializeToString(out);
}

}  // namespace kappa

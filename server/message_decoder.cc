#include "server/message_decoder.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace kappa {
namespace {

// So that no arithmetic on an index or a term overflows.
constexpr uint64_t kPositionMax = (uint64_t{1} << 63) - 1;
constexpr uint64_t kPriorityMax = 255;

absl::Status Refuse(absl::string_view field, uint64_t value,
                    absl::string_view rule) {
  return absl::InvalidArgumentError(
      absl::StrCat("decode raft message: ", field, " is ", value, ": ", rule));
}

absl::Status CheckPosition(absl::string_view field, uint64_t value) {
  if (value <= kPositionMax) return absl::OkStatus();
  return Refuse(field, value, "more than 2^63 - 1");
}

// Term 0 is "no entry", which only index 0 can be.
absl::Status CheckEntryId(absl::string_view field, uint64_t term,
                          uint64_t index) {
  if (term > kPositionMax) {
    return Refuse(absl::StrCat(field, "_term"), term, "more than 2^63 - 1");
  }
  if (index > kPositionMax) {
    return Refuse(absl::StrCat(field, "_index"), index, "more than 2^63 - 1");
  }
  if (term == 0 && index != 0) {
    return Refuse(absl::StrCat(field, "_index"), index, "of no term");
  }
  return absl::OkStatus();
}

raft::EntryId Id(uint64_t term, uint64_t index) {
  return raft::EntryId{Term(term), LogIndex(index)};
}

ReplicaId Replica(uint64_t node, uint64_t incarnation) {
  return ReplicaId{NodeId(node), Incarnation(incarnation)};
}

using Replicas = google::protobuf::RepeatedPtrField<raft::v1::ReplicaId>;

absl::Status Copy(absl::string_view field, const Replicas& replicas,
                  std::vector<ReplicaId>* out) {
  out->reserve(static_cast<size_t>(replicas.size()));
  for (const raft::v1::ReplicaId& replica : replicas) {
    if (replica.node() == 0) {
      return Refuse(absl::StrCat(field, ".node"), 0, "no node");
    }
    if (replica.incarnation() == 0) {
      return Refuse(absl::StrCat(field, ".incarnation"), 0, "no incarnation");
    }
    const ReplicaId id = Replica(replica.node(), replica.incarnation());
    if (!out->empty() && out->back() >= id) {
      return Refuse(absl::StrCat(field, ".node"), replica.node(),
                    "not in ascending order");
    }
    out->push_back(id);
  }
  return absl::OkStatus();
}

const ReplicaId* FirstCommon(const std::vector<ReplicaId>& a,
                             const std::vector<ReplicaId>& b) {
  for (const ReplicaId& id : a) {
    if (std::binary_search(b.begin(), b.end(), id)) return &id;
  }
  return nullptr;
}

const ReplicaId* FirstOutside(const std::vector<ReplicaId>& inner,
                              const std::vector<ReplicaId>& outer) {
  for (const ReplicaId& id : inner) {
    if (!std::binary_search(outer.begin(), outer.end(), id)) return &id;
  }
  return nullptr;
}

absl::Status CheckSets(const raft::Configuration& configuration) {
  const ReplicaId* wrong =
      FirstCommon(configuration.learners, configuration.voters);
  if (wrong == nullptr) {
    wrong = FirstCommon(configuration.learners, configuration.outgoing_voters);
  }
  if (wrong != nullptr) {
    return Refuse("configuration.learners.node", wrong->node.value(),
                  "a voter too");
  }
  wrong =
      FirstOutside(configuration.learners_next, configuration.outgoing_voters);
  if (wrong != nullptr) {
    return Refuse("configuration.learners_next.node", wrong->node.value(),
                  "no outgoing voter");
  }
  wrong = FirstOutside(configuration.promoting, configuration.learners);
  if (wrong != nullptr) {
    return Refuse("configuration.promoting.node", wrong->node.value(),
                  "no learner");
  }
  return absl::OkStatus();
}

absl::Status Copy(const raft::v1::Configuration& from,
                  raft::Configuration* out) {
  absl::Status status =
      Copy("configuration.voters", from.voters(), &out->voters);
  status.Update(Copy("configuration.outgoing_voters", from.outgoing_voters(),
                     &out->outgoing_voters));
  status.Update(
      Copy("configuration.learners", from.learners(), &out->learners));
  status.Update(Copy("configuration.learners_next", from.learners_next(),
                     &out->learners_next));
  status.Update(
      Copy("configuration.promoting", from.promoting(), &out->promoting));
  if (!status.ok()) return status;
  if (out->voters.empty() && out->joint()) {
    return Refuse("configuration.voters", 0, "joint without a voter");
  }
  if (from.auto_leave() && !out->joint()) {
    return Refuse("configuration.auto_leave", 1, "not joint");
  }
  out->auto_leave = from.auto_leave();
  return CheckSets(*out);
}

absl::Status Copy(absl::string_view field, const std::string& bytes,
                  Digest* out) {
  if (bytes.size() != out->size()) {
    return Refuse(absl::StrCat(field, " size"), bytes.size(), "not 32 bytes");
  }
  std::copy(bytes.begin(), bytes.end(), out->begin());
  return absl::OkStatus();
}

absl::Status Copy(const raft::v1::Entry& from, raft::EntryMeta* out) {
  if (from.term() == 0) return Refuse("entries.term", 0, "no term");
  if (from.index() == 0) return Refuse("entries.index", 0, "no entry");
  absl::Status status = CheckPosition("entries.term", from.term());
  status.Update(CheckPosition("entries.index", from.index()));
  status.Update(CheckPosition("entries.payload_bytes", from.payload_bytes()));
  if (!status.ok()) return status;
  if (from.kind() == raft::v1::ENTRY_KIND_UNSPECIFIED ||
      !raft::v1::EntryKind_IsValid(from.kind())) {
    return Refuse("entries.kind", static_cast<uint64_t>(from.kind()),
                  "unknown");
  }
  out->id = Id(from.term(), from.index());
  out->kind = static_cast<raft::EntryKind>(from.kind());
  out->record_count = from.record_count();
  out->payload_bytes = from.payload_bytes();
  const bool configures = out->kind == raft::EntryKind::kConfiguration;
  if (configures != from.has_configuration()) {
    return Refuse(
        "entries.kind", static_cast<uint64_t>(from.kind()),
        configures ? "without a configuration" : "with a configuration");
  }
  if (!configures) return absl::OkStatus();
  auto configuration = std::make_shared<raft::Configuration>();
  status = Copy(from.configuration(), configuration.get());
  if (status.ok() && configuration->voters.empty()) {
    return Refuse("configuration.voters", 0, "an entry without a voter");
  }
  out->configuration = std::move(configuration);
  return status;
}

bool IsContiguous(raft::MessageType type) {
  return type == raft::MessageType::kAppendRequest ||
         type == raft::MessageType::kFetchResponse;
}

absl::Status CheckHead(const raft::v1::Message& from) {
  if (from.type() == raft::v1::MESSAGE_TYPE_UNSPECIFIED ||
      !raft::v1::MessageType_IsValid(from.type())) {
    return Refuse("type", static_cast<uint64_t>(from.type()), "unknown");
  }
  if (from.from_node() == 0) return Refuse("from_node", 0, "no node");
  if (from.from_incarnation() == 0) {
    return Refuse("from_incarnation", 0, "no incarnation");
  }
  if (from.to_node() == 0) return Refuse("to_node", 0, "no node");
  if (from.to_incarnation() == 0) {
    return Refuse("to_incarnation", 0, "no incarnation");
  }
  if ((from.donor_node() == 0) != (from.donor_incarnation() == 0)) {
    return Refuse("donor_node", from.donor_node(), "half a replica id");
  }
  if (from.priority() > kPriorityMax) {
    return Refuse("priority", from.priority(), "more than 255");
  }
  if (!raft::v1::Holding_IsValid(from.holding())) {
    return Refuse("holding", static_cast<uint64_t>(from.holding()), "unknown");
  }
  return absl::OkStatus();
}

absl::Status CheckPositions(const raft::v1::Message& from) {
  absl::Status status = CheckPosition("term", from.term());
  status.Update(CheckPosition("committed", from.committed()));
  status.Update(CheckPosition("match", from.match()));
  status.Update(CheckPosition("read_index", from.read_index()));
  status.Update(CheckPosition("chunk_end", from.chunk_end()));
  status.Update(
      CheckEntryId("previous", from.previous_term(), from.previous_index()));
  status.Update(CheckEntryId("last", from.last_term(), from.last_index()));
  status.Update(
      CheckEntryId("doubted", from.doubted_term(), from.doubted_index()));
  return status;
}

}  // namespace

absl::Status MessageDecoder::Decode(std::string_view bytes) {
  if (!scratch_.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Refuse("size", bytes.size(), "not an encoded message");
  }
  absl::Status status = CheckHead(scratch_);
  status.Update(CheckPositions(scratch_));
  if (!status.ok()) return status;
  CopyScalars();
  raft::Message& message = decoded_.message;
  message.chain.reset();
  if (scratch_.has_chain()) {
    status = Copy("chain", scratch_.chain(), &message.chain.emplace());
  }
  status.Update(CopyEntries());
  status.Update(CopyTermStarts());
  status.Update(CopyChunk());
  return status;
}

void MessageDecoder::CopyScalars() {
  const raft::v1::Message& from = scratch_;
  raft::Message& message = decoded_.message;
  message.type =
      static_cast<raft::MessageType>(static_cast<int>(from.type()) - 1);
  message.group = GroupId(from.group_id());
  message.from = Replica(from.from_node(), from.from_incarnation());
  message.to = Replica(from.to_node(), from.to_incarnation());
  message.term = Term(from.term());
  message.generation = raft::Generation{from.open_id(), from.cycle()};
  message.previous = Id(from.previous_term(), from.previous_index());
  message.committed = LogIndex(from.committed());
  message.last = Id(from.last_term(), from.last_index());
  message.granted = from.granted();
  message.match = LogIndex(from.match());
  message.read_round = from.read_round();
  message.beat = from.beat();
  message.quiesce = from.quiesce();
  message.full = from.full();
  message.priority = static_cast<uint8_t>(from.priority());
  message.unfit = from.unfit();
  message.donor.reset();
  if (from.donor_node() != 0) {
    message.donor = Replica(from.donor_node(), from.donor_incarnation());
  }
  message.transfer = from.transfer();
  message.doubted = Id(from.doubted_term(), from.doubted_index());
  message.holding = static_cast<raft::Holding>(from.holding());
  message.read_id = from.read_id();
  message.read_instance = from.read_instance();
  message.read_index = LogIndex(from.read_index());
  message.chunk_end = from.chunk_end();
}

absl::Status MessageDecoder::CopyEntries() {
  raft::Message& message = decoded_.message;
  message.entries.clear();
  decoded_.contents.clear();
  raft::EntryId before = message.previous;
  for (const raft::v1::Entry& entry : scratch_.entries()) {
    const absl::Status status = Copy(entry, &message.entries.emplace_back());
    if (!status.ok()) return status;
    decoded_.contents.emplace_back(entry.content());
    const raft::EntryId id = message.entries.back().id;
    if (IsContiguous(message.type) && id.index != before.index.Next()) {
      return Refuse("entries.index", id.index.value(),
                    absl::StrCat("follows ", before.index.value()));
    }
    if (IsContiguous(message.type) && id.term < before.term) {
      return Refuse("entries.term", id.term.value(),
                    absl::StrCat("follows term ", before.term.value()));
    }
    if (id.term > message.term) {
      return Refuse(
          "entries.term", id.term.value(),
          absl::StrCat("the sender is in term ", message.term.value()));
    }
    before = id;
  }
  if (message.type == raft::MessageType::kRepairResponse &&
      message.entries.size() > 1) {
    return Refuse("entries size", message.entries.size(),
                  "a repair has one entry");
  }
  return absl::OkStatus();
}

absl::Status MessageDecoder::CopyTermStarts() {
  std::vector<raft::EntryId>& starts = decoded_.message.term_starts;
  starts.clear();
  for (const raft::v1::EntryId& start : scratch_.term_starts()) {
    const absl::Status status =
        CheckEntryId("term_starts", start.term(), start.index());
    if (!status.ok()) return status;
    const raft::EntryId id = Id(start.term(), start.index());
    if (!starts.empty() &&
        (id.term < starts.back().term || id.index <= starts.back().index)) {
      return Refuse("term_starts.index", start.index(),
                    "not in ascending order");
    }
    starts.push_back(id);
  }
  return absl::OkStatus();
}

absl::Status MessageDecoder::CopyChunk() {
  raft::Message& message = decoded_.message;
  message.chunk.reset();
  decoded_.state = {};
  const bool wanted = message.type == raft::MessageType::kBaseRequest;
  if (wanted != scratch_.has_chunk()) {
    return Refuse("type", static_cast<uint64_t>(scratch_.type()),
                  wanted ? "without a chunk" : "with a chunk");
  }
  if (!wanted) return absl::OkStatus();
  const raft::v1::BaseChunk& from = scratch_.chunk();
  const raft::v1::LogBase& from_base = from.base();
  auto chunk = std::make_shared<raft::BaseChunk>();
  raft::LogBase& base = chunk->base;
  absl::Status status =
      CheckEntryId("base", from_base.term(), from_base.index());
  status.Update(CheckPosition("base.offset", from_base.offset()));
  status.Update(CheckPosition("base.state_bytes", from_base.state_bytes()));
  status.Update(CheckPosition("chunk.offset", from.offset()));
  status.Update(Copy("base.chain", from_base.chain(), &base.chain));
  status.Update(Copy(from_base.configuration(), &base.configuration));
  if (!status.ok()) return status;
  if (from.offset() + from.state().size() > from_base.state_bytes()) {
    return Refuse("chunk.offset", from.offset(),
                  absl::StrCat("with ", from.state().size(), " bytes beyond ",
                               from_base.state_bytes()));
  }
  base.id = Id(from_base.term(), from_base.index());
  base.offset = Offset(from_base.offset());
  base.append_time_us = from_base.append_time_us();
  base.state_bytes = from_base.state_bytes();
  chunk->offset = from.offset();
  chunk->bytes = from.state().size();
  decoded_.state = from.state();
  message.chunk = std::move(chunk);
  return absl::OkStatus();
}

}  // namespace kappa

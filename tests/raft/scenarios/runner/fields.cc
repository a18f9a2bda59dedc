#include "tests/raft/scenarios/runner/fields.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"

namespace kappa::raft {
namespace {

std::string Number(uint64_t number) { return absl::StrCat(number); }
std::string YesNo(bool value) { return value ? "yes" : "no"; }

std::string FormatOptional(const std::optional<ReplicaId>& replica) {
  return replica ? Format(*replica) : "none";
}

std::string LogText(const LogImage& image, const Labels& labels) {
  std::vector<EntryMeta> entries;
  for (const auto& [index, entry] : image.entries) entries.push_back(entry);
  return Format(entries, labels);
}

template <typename Indexes>
std::string IndexesText(const Indexes& indexes) {
  return absl::StrCat("[",
                      absl::StrJoin(indexes, " ",
                                    [](std::string* out, LogIndex index) {
                                      absl::StrAppend(out, index.value());
                                    }),
                      "]");
}

std::string StartsText(const std::vector<EntryId>& starts) {
  return absl::StrCat("[",
                      absl::StrJoin(starts, " ",
                                    [](std::string* out, EntryId id) {
                                      absl::StrAppend(out, Format(id));
                                    }),
                      "]");
}

std::string PartialText(const std::optional<PartialBase>& partial) {
  if (!partial) return "none";
  return absl::StrCat(Format(partial->base.id), "+", partial->bytes);
}

}  // namespace

Fields StateFields(const ScriptedReplica& replica, const Labels& labels) {
  if (!replica.core) {
    Fields fields{{"role", "down"}};
    for (auto& field : DiskFields(replica.disk.durable(), labels)) {
      fields.push_back(std::move(field));
    }
    return fields;
  }
  const Core& core = *replica.core;
  const LogImage& image = replica.disk.written();
  return {{"role", std::string(Format(core.role()))},
          {"term", Number(core.term().value())},
          {"vote", FormatOptional(image.hard_state.vote)},
          {"leader", FormatOptional(core.leader())},
          {"log", LogText(image, labels)},
          {"base", Format(core.base())},
          {"last", Format(core.last())},
          {"commit", Number(core.committed().value())},
          {"durable", Number(core.durable().value())},
          {"readable", Number(core.readable().value())},
          {"config", Format(core.configuration())},
          {"uncommitted", Number(core.uncommitted_bytes())},
          {"term-start", Number(core.leader_term_start().value())},
          {"transferring", YesNo(core.transferring())},
          {"lease", YesNo(core.holds_lease())},
          {"quiescent", YesNo(core.quiescent())},
          {"halted", YesNo(core.halted())},
          {"damaged", IndexesText(core.damaged())}};
}

Fields ProgressFields(const PeerStatus& peer) {
  return {{"state", std::string(Format(peer.state))},
          {"match", Number(peer.match.value())},
          {"next", Number(peer.next.value())},
          {"voter", YesNo(peer.voter)},
          {"active", YesNo(peer.active)},
          {"full", YesNo(peer.full)},
          {"in-flight-bytes", Number(peer.in_flight_bytes)},
          {"donor", FormatOptional(peer.donor)},
          {"base-bytes", Number(peer.base_bytes)}};
}

Fields MessageFields(const Message& message, const Labels& labels) {
  Fields fields{{"type", std::string(Format(message.type))},
                {"term", Number(message.term.value())},
                {"previous", Format(message.previous)},
                {"entries", Format(message.entries, labels)},
                {"commit", Number(message.committed.value())},
                {"last", Format(message.last)},
                {"granted", YesNo(message.granted)},
                {"match", Number(message.match.value())},
                {"starts", StartsText(message.term_starts)},
                {"round", Number(message.read_round)},
                {"quiesce", YesNo(message.quiesce)},
                {"full", YesNo(message.full)},
                {"donor", FormatOptional(message.donor)},
                {"transfer", YesNo(message.transfer)},
                {"doubted", Format(message.doubted)},
                {"holding", std::string(Format(message.holding))},
                {"read", Number(message.read_id)},
                {"read-index", Number(message.read_index.value())},
                {"chunk-end", Number(message.chunk_end)}};
  if (message.chunk) {
    fields.emplace_back("base", Format(message.chunk->base.id));
    fields.emplace_back("chunk", absl::StrCat(message.chunk->offset, "+",
                                              message.chunk->bytes));
  }
  return fields;
}

Fields WriteFields(const Persist& persist, const Labels& labels) {
  const auto id_of = [](const std::optional<LogBase>& base) {
    return base ? Format(base->id) : std::string("none");
  };
  return {{"term", Number(persist.hard_state.term.value())},
          {"vote", FormatOptional(persist.hard_state.vote)},
          {"install", id_of(persist.install_base)},
          {"trim", id_of(persist.trim_to)},
          {"truncate", persist.truncate_from
                           ? Number(persist.truncate_from->value())
                           : std::string("none")},
          {"repairs", Format(persist.repairs, labels)},
          {"entries", Format(persist.entries, labels)},
          {"chunk", persist.base_chunk
                        ? absl::StrCat(persist.base_chunk->offset, "+",
                                       persist.base_chunk->bytes)
                        : std::string("none")},
          {"messages", Number(persist.messages_after.size())}};
}

Fields DiskFields(const LogImage& durable, const Labels& labels) {
  return {{"term", Number(durable.hard_state.term.value())},
          {"vote", FormatOptional(durable.hard_state.vote)},
          {"log", LogText(durable, labels)},
          {"base", Format(durable.base.id)},
          {"last", Format(durable.last())},
          {"config", Format(durable.NewestConfiguration())},
          {"damaged", IndexesText(durable.damaged)},
          {"partial-base", PartialText(durable.partial_base)}};
}

std::optional<std::string> FieldOf(const Fields& fields,
                                   absl::string_view name) {
  for (const auto& [known, value] : fields) {
    if (known == name) return value;
  }
  return std::nullopt;
}

std::string Join(const Fields& fields) {
  return absl::StrJoin(fields, " ", [](std::string* out, const auto& field) {
    absl::StrAppend(out, field.first, "=", field.second);
  });
}

}  // namespace kappa::raft

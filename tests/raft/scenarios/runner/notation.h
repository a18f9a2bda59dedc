// How scenarios write replicas, entries, configurations and messages.
#ifndef KAPPA_TESTS_RAFT_SCENARIOS_RUNNER_NOTATION_H_
#define KAPPA_TESTS_RAFT_SCENARIOS_RUNNER_NOTATION_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "proto/wire/types.h"
#include "raft/configuration.h"
#include "raft/core.h"
#include "raft/entry.h"
#include "raft/message.h"
#include "raft/output.h"
#include "raft/peer_status.h"

namespace kappa::raft {

// Names of payloads: every entry with the same label has the same handle.
class Labels {
 public:
  EntryHandle HandleOf(absl::string_view label);
  std::string NameOf(EntryHandle handle) const;

 private:
  std::map<std::string, EntryHandle, std::less<>> handles_;
  std::vector<std::string> names_;
};

// Each Parse function returns nullopt for text that is not of its form; each
// Format function writes what Parse reads.

std::optional<uint64_t> ParseNumber(absl::string_view text);
std::optional<bool> ParseSwitch(absl::string_view text);  // on, off

// "3" is (node 3, incarnation 1), "3.2" (node 3, incarnation 2).
std::optional<ReplicaId> ParseReplica(absl::string_view text);
std::string Format(ReplicaId replica);

// "term/index".
std::optional<EntryId> ParseEntryId(absl::string_view text);
std::string Format(EntryId id);

// "{1 2 3 & 1 2 4 learners 5 6 promoting 5 next 4 auto}": voters, outgoing
// voters, learners, promoting, learners_next, auto_leave.
std::optional<Configuration> ParseConfiguration(absl::string_view text);
std::string Format(const Configuration& configuration);

// One entry, "term:content" with content noop, fence, a configuration or a
// label; its index is the reader's business.
std::optional<EntryMeta> ParseEntry(absl::string_view text, Labels& labels);
std::string Format(const EntryMeta& entry, const Labels& labels);

// "[1:noop 1:a*3 2:{1 2 3}]": entries that follow `previous`; x*3 stands for
// three like it.
std::optional<std::vector<EntryMeta>> ParseEntries(absl::string_view text,
                                                   EntryId previous,
                                                   Labels& labels);
std::string Format(const std::vector<EntryMeta>& entries, const Labels& labels);

std::optional<MessageType> ParseMessageType(absl::string_view text);
absl::string_view Format(MessageType type);

absl::string_view Format(Role role);
absl::string_view Format(PeerState state);
absl::string_view Format(Holding holding);
absl::string_view Format(TransferResult result);
std::optional<DiskHealth> ParseDiskHealth(absl::string_view text);

// Splits at spaces that are in no quotes, brackets or braces. Quotes are taken
// off. nullopt if something is not closed.
std::optional<std::vector<std::string>> SplitWords(absl::string_view text);

}  // namespace kappa::raft

#endif  // KAPPA_TESTS_RAFT_SCENARIOS_RUNNER_NOTATION_H_

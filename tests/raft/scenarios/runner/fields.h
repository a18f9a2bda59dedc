// What can be expected of replicas, peers, messages and writes, field by field.
#ifndef KAPPA_TESTS_RAFT_SCENARIOS_RUNNER_FIELDS_H_
#define KAPPA_TESTS_RAFT_SCENARIOS_RUNNER_FIELDS_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "raft/message.h"
#include "raft/output.h"
#include "raft/peer_status.h"
#include "tests/raft/scenarios/runner/notation.h"
#include "tests/raft/scenarios/runner/scripted_cluster.h"
#include "tests/raft/simulated_disk.h"

namespace kappa::raft {

// Names with their values as text, in the order of printing.
using Fields = std::vector<std::pair<absl::string_view, std::string>>;

// The first is "role".
Fields StateFields(const ScriptedReplica& replica, const Labels& labels);
// The first is "state".
Fields ProgressFields(const PeerStatus& peer);
Fields MessageFields(const Message& message, const Labels& labels);
Fields WriteFields(const Persist& persist, const Labels& labels);
// What a crash now would leave.
Fields DiskFields(const LogImage& durable, const Labels& labels);

// The value of that name, or nullopt.
std::optional<std::string> FieldOf(const Fields& fields,
                                   absl::string_view name);
// "name=value name=value ...".
std::string Join(const Fields& fields);

}  // namespace kappa::raft

#endif  // KAPPA_TESTS_RAFT_SCENARIOS_RUNNER_FIELDS_H_

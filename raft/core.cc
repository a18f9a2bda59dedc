#include "raft/core.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "raft/log_start.h"
#include "raft/replica.h"

namespace kappa::raft {

// Everything is there; this file only translates.
struct Core::State {
  State(const CoreIdentity& identity,
        std::shared_ptr<const CoreSettings> settings, RestoredState restored)
      : replica(identity, std::move(settings), std::move(restored)) {}

  Context& context() { return replica.context(); }
  Leader* leader() { return replica.leader(); }

  Replica replica;
};

Core::Core(CoreOptions options, RestoredState restored)
    : Core(options, std::make_shared<const CoreSettings>(options),
           std::move(restored)) {}
Core::Core(const CoreIdentity& identity,
           std::shared_ptr<const CoreSettings> settings, RestoredState restored)
    : state_(std::make_unique<State>(identity, std::move(settings),
                                     std::move(restored))) {}
Core::~Core() = default;
Core::Core(Core&&) noexcept = default;

// --- inputs ---

void Core::Tick() { state_->replica.Tick(); }
void Core::Step(const Message& message) { state_->replica.Step(message); }
void Core::OnNodeLiveness(NodeId node, bool alive) {
  state_->replica.OnNodeLiveness(node, alive);
}
void Core::Campaign() { state_->replica.Campaign(); }

absl::StatusOr<EntryId> Core::Propose(EntryKind kind, uint32_t record_count,
                                      uint64_t payload_bytes,
                                      EntryHandle handle) {
  state_->replica.WakeToLead();
  if (state_->leader() == nullptr) {
    return absl::UnavailableError(absl::StrCat(
        "propose in term ", term().value(), ": this replica does not lead"));
  }
  return state_->leader()->Propose(state_->context(), kind, record_count,
                                   payload_bytes, handle);
}

absl::StatusOr<EntryId> Core::ProposeConfiguration(
    const ConfigurationChange& change) {
  state_->replica.WakeToLead();
  if (state_->leader() == nullptr) {
    return absl::UnavailableError(absl::StrCat("propose configuration in term ",
                                               term().value(),
                                               ": this replica does not lead"));
  }
  return state_->leader()->ProposeConfiguration(state_->context(), change);
}

absl::Status Core::TransferLeadership(std::optional<ReplicaId> target) {
  state_->replica.WakeToLead();
  if (state_->leader() == nullptr) {
    return absl::UnavailableError(absl::StrCat("transfer leadership in term ",
                                               term().value(),
                                               ": this replica does not lead"));
  }
  return state_->leader()->Transfer(state_->context(), state_->replica.nodes(),
                                    target);
}

void Core::OnPersisted(const PersistToken& token) {
  state_->replica.OnPersisted(token);
}

void Core::OnDiskHealth(DiskHealth health) {
  state_->replica.OnDiskHealth(health);
}

void Core::Halt() { state_->replica.Halt(); }

void Core::OnEntryDamaged(LogIndex index, const Digest& chain) {
  state_->replica.OnEntryDamaged(index, chain);
}

absl::Status Core::TrimTo(const LogBase& base) {
  if (halted()) return absl::FailedPreconditionError("trim: halted");
  absl::Status status = TrimLog(state_->context(), base);
  if (status.ok() && state_->leader() != nullptr) {
    state_->leader()->OnTrimmed(state_->context());
  }
  return status;
}

absl::Status Core::InstallBase(const LogBase& base) {
  if (halted() || state_->replica.follower() == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat("install base at index ", base.id.index.value(),
                     ": only a follower's log is replaced"));
  }
  state_->replica.Wake();
  return ReplaceLog(state_->context(), base);
}

void Core::OnReadRequested(uint64_t id) {
  state_->replica.Wake();
  if (state_->leader() != nullptr) {
    state_->leader()->OnReadRequested(state_->context(), id);
  } else if (state_->replica.follower() != nullptr) {
    state_->replica.follower()->OnReadRequested(state_->context(), id);
  } else {
    state_->context().RefuseRead(id);
  }
}

absl::Status Core::RecoverAlone() { return state_->replica.RecoverAlone(); }

// --- output ---

Output Core::TakeOutput() { return state_->replica.TakeOutput(); }
bool Core::HasOutput() const { return state_->replica.HasOutput(); }

// --- state ---

Role Core::role() const { return state_->replica.role(); }
Term Core::term() const { return state_->context().term(); }
std::optional<ReplicaId> Core::leader() const {
  return state_->context().leader();
}
EntryId Core::last() const { return state_->context().log().last(); }
LogIndex Core::committed() const { return state_->context().committed(); }
LogIndex Core::durable() const { return state_->context().durable(); }
LogIndex Core::readable() const { return std::min(committed(), durable()); }
EntryId Core::base() const { return state_->context().log().base(); }
const Configuration& Core::configuration() const {
  return state_->context().configuration();
}

uint64_t Core::uncommitted_bytes() const {
  return state_->leader() == nullptr ? 0
                                     : state_->leader()->uncommitted_bytes();
}

LogIndex Core::leader_term_start() const {
  return state_->leader() == nullptr ? LogIndex(0)
                                     : state_->leader()->term_start();
}

std::optional<Term> Core::TermAt(LogIndex index) const {
  return state_->context().log().TermAt(index);
}

std::vector<LogIndex> Core::damaged() const {
  std::vector<LogIndex> indexes;
  for (const DamagedEntry& damaged : state_->context().damaged().entries()) {
    indexes.push_back(damaged.id.index);
  }
  return indexes;
}

std::vector<PeerStatus> Core::peers() const {
  if (state_->leader() == nullptr) return {};
  return state_->leader()->Peers(state_->context());
}

bool Core::quiescent() const { return state_->replica.quiescent(); }
bool Core::halted() const { return state_->replica.halted(); }

bool Core::transferring() const {
  return state_->leader() != nullptr && state_->leader()->transferring();
}

bool Core::holds_lease() const {
  return state_->leader() != nullptr &&
         state_->leader()->HoldsLease(state_->context());
}

void Core::CheckInvariants() const { state_->replica.CheckInvariants(); }

}  // namespace kappa::raft

#include "server/met_nodes.h"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "absl/strings/cord.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "proto/wire/string_view.h"
#include "server/random_uuid.h"

namespace kappa::server {
namespace {

constexpr char kForgottenUrl[] = "kappa/forgotten";
constexpr size_t kPastMax = 16;

std::string HexOf(const Uuid& id) {
  return absl::BytesToHexString(BytesOf(id));
}

absl::Status ForgottenBy(const Uuid& disk, uint64_t remembered_by,
                         const raft::v1::OpenEvidence& evidence) {
  return Forgotten(absl::StrCat(
      "disk ", HexOf(disk), " has forgotten what it promised: node ",
      remembered_by, " has heard of its cycle ", evidence.cycle(), " in open ",
      absl::Hex(evidence.open_id(), absl::kZeroPad16),
      ", and the directory does not come that far (an older copy of it was put "
      "back, or synced data is lost)"));
}

}  // namespace

absl::Status Forgotten(std::string_view why) {
  absl::Status status = absl::DataLossError(ToAbsl(why));
  status.SetPayload(kForgottenUrl, absl::Cord());
  return status;
}

bool IsForgotten(const absl::Status& status) {
  return status.GetPayload(kForgottenUrl).has_value();
}

raft::v1::Greeting MetNodes::EvidenceAbout(const Uuid& disk) const {
  raft::v1::Greeting greeting;
  if (generations_ == nullptr) return greeting;
  greeting.set_known_disk_id(BytesOf(disk));
  for (const raft::Generation& open : generations_->About(disk)) {
    raft::v1::OpenEvidence* const evidence = greeting.add_evidence();
    evidence->set_open_id(open.open_id);
    evidence->set_cycle(open.cycle);
  }
  return greeting;
}

absl::Status MetNodes::CheckKnownDisk(
    const raft::v1::Greeting& greeting) const {
  if (generations_ == nullptr || greeting.known_disk_id().empty()) {
    return absl::OkStatus();
  }
  if (greeting.known_disk_id() != BytesOf(own_)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "hello: node ", greeting.from_node(), " knows this node on disk ",
        absl::BytesToHexString(greeting.known_disk_id()),
        ", and it is on disk ", HexOf(own_)));
  }
  return absl::OkStatus();
}

absl::Status MetNodes::JudgeEvidenceLocked(const raft::v1::Greeting& greeting) {
  if (!forgotten_.ok()) return forgotten_;
  if (generations_ == nullptr || greeting.known_disk_id() != BytesOf(own_)) {
    return absl::OkStatus();
  }
  for (const raft::v1::OpenEvidence& evidence : greeting.evidence()) {
    if (!generations_->Covers({evidence.open_id(), evidence.cycle()})) {
      forgotten_ = ForgottenBy(own_, greeting.from_node(), evidence);
      break;
    }
  }
  return forgotten_;
}

absl::Status MetNodes::JudgeEvidence(const raft::v1::Greeting& greeting) {
  MutexLock lock(&mutex_);
  return JudgeEvidenceLocked(greeting);
}

bool MetNodes::IsPast(const Met& met, const Uuid& disk,
                      uint64_t open_id) const {
  if (std::find(met.past.begin(), met.past.end(), open_id) != met.past.end()) {
    return true;
  }
  if (generations_ == nullptr) return false;
  const std::vector<raft::Generation> known = generations_->About(disk);
  const auto found = std::find_if(
      known.begin(), known.end(),
      [open_id](const auto& open) { return open.open_id == open_id; });
  return found != known.end() && found + 1 != known.end();
}

void MetNodes::OnHeard(Met* met) {
  const auto heard =
      std::find(met->greeted.begin(), met->greeted.end(), met->open_id);
  if (heard == met->greeted.begin()) return;
  met->past.insert(met->past.end(), met->greeted.begin(), heard);
  met->greeted.erase(met->greeted.begin(), heard);
  while (met->past.size() > kPastMax) met->past.pop_front();
}

absl::Status MetNodes::Judge(const raft::v1::Greeting& greeting) {
  const NodeId node(greeting.from_node());
  const Uuid disk = UuidOf(greeting.disk_id());
  MutexLock lock(&mutex_);
  absl::Status own = JudgeEvidenceLocked(greeting);
  if (own.ok()) own = CheckKnownDisk(greeting);
  if (!own.ok()) return own;
  Met& met = met_[node];
  if (met.disk != disk) {
    met = Met();
    met.disk = disk;
  }
  if (met.open_id != greeting.open_id()) {
    if (IsPast(met, disk, greeting.open_id())) {
      return absl::FailedPreconditionError(
          absl::StrCat("hello: node ", node.value(), " speaks of open ",
                       absl::Hex(greeting.open_id(), absl::kZeroPad16),
                       " of its disk, which was opened again since"));
    }
    if (std::find(met.greeted.begin(), met.greeted.end(), greeting.open_id()) ==
        met.greeted.end()) {
      met.greeted.push_back(greeting.open_id());
    }
    if (met.greeted.size() > kPastMax) met.greeted.pop_front();
    met.open_id = greeting.open_id();
    met.answered = false;
  }
  met.answered = met.answered || greeting.answer();
  return absl::OkStatus();
}

absl::Status MetNodes::Note(NodeId node, const Uuid& disk,
                            const raft::Generation& told) {
  MutexLock lock(&mutex_);
  if (!forgotten_.ok()) return forgotten_;
  const auto met = met_.find(node);
  if (met == met_.end() || met->second.disk != disk ||
      met->second.open_id != told.open_id) {
    return absl::FailedPreconditionError(
        absl::StrCat("frame: node ", node.value(), " speaks of open ",
                     absl::Hex(told.open_id, absl::kZeroPad16),
                     " of its disk, which was opened again since"));
  }
  OnHeard(&met->second);
  // A cycle of 0 is none.
  if (generations_ != nullptr && told.cycle > 0) {
    generations_->Note(disk, told);
  }
  return absl::OkStatus();
}

bool MetNodes::HasMet(NodeId node) const {
  MutexLock lock(&mutex_);
  const auto met = met_.find(node);
  return met != met_.end() && met->second.answered;
}

absl::Status MetNodes::forgotten() const {
  MutexLock lock(&mutex_);
  return forgotten_;
}

}  // namespace kappa::server

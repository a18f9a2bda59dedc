#include "raft/configuration_change.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace kappa::raft {
namespace {

using Step = ConfigurationChange::Step;
using Replicas = std::vector<ReplicaId>;

std::string Name(ReplicaId replica) {
  return absl::StrCat("replica ", replica.node.value(), ".",
                      replica.incarnation.value());
}

template <typename... Text>
absl::Status Illegal(const Text&... text) {
  return absl::InvalidArgumentError(
      absl::StrCat("configuration change: ", text...));
}

bool Contains(const Replicas& sorted, ReplicaId replica) {
  return std::binary_search(sorted.begin(), sorted.end(), replica);
}

Replicas Union(const Replicas& a, const Replicas& b) {
  Replicas both;
  std::set_union(a.begin(), a.end(), b.begin(), b.end(),
                 std::back_inserter(both));
  return both;
}

Replicas Without(const Replicas& from, const Replicas& removed) {
  Replicas rest;
  std::set_difference(from.begin(), from.end(), removed.begin(), removed.end(),
                      std::back_inserter(rest));
  return rest;
}

Replicas InBoth(const Replicas& a, const Replicas& b) {
  Replicas both;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(),
                        std::back_inserter(both));
  return both;
}

// Sorts the lists of `change`; each replica may be in each of them once.
absl::Status Sort(ConfigurationChange& change) {
  for (Replicas* list : {&change.voters, &change.learners, &change.promoting}) {
    std::sort(list->begin(), list->end());
    auto twice = std::adjacent_find(list->begin(), list->end());
    if (twice != list->end()) return Illegal(Name(*twice), " is named twice");
  }
  return absl::OkStatus();
}

// A node has one replica at most, and never an older one than before
// (RELIABILITY.md S5).
absl::Status CheckIncarnations(const Replicas& present,
                               const Replicas& wanted) {
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (i > 0 && wanted[i].node == wanted[i - 1].node) {
      return Illegal("node ", wanted[i].node.value(), " has two incarnations");
    }
    for (ReplicaId known : present) {
      if (known.node == wanted[i].node && known > wanted[i]) {
        return Illegal(Name(wanted[i]), " is older than ", Name(known));
      }
    }
  }
  return absl::OkStatus();
}

// Requires: sorted lists.
absl::Status CheckTarget(const Configuration& present,
                         const ConfigurationChange& change) {
  if (change.voters.empty()) return Illegal("no voter would be left");
  for (ReplicaId learner : change.learners) {
    if (Contains(change.voters, learner)) {
      return Illegal(Name(learner), " is named as voter and learner");
    }
  }
  for (ReplicaId replica : change.promoting) {
    if (!Contains(change.learners, replica)) {
      return Illegal(Name(replica), " is promoting and no learner");
    }
    if (Contains(present.voters, replica)) {
      return Illegal(Name(replica), " is promoting and votes already");
    }
  }
  if (absl::Status status =
          CheckIncarnations(Union(present.voters, present.learners),
                            Union(change.voters, change.learners));
      !status.ok()) {
    return status;
  }
  if (change.voters == present.voters && change.learners == present.learners &&
      change.promoting == present.promoting) {
    return Illegal("nothing would change");
  }
  return absl::OkStatus();
}

Configuration LeaveJoint(const Configuration& joint) {
  Configuration next;
  next.voters = joint.voters;
  next.learners = Union(joint.learners, joint.learners_next);
  next.promoting = joint.promoting;
  return next;
}

Configuration EnterJoint(const Configuration& present,
                         const ConfigurationChange& change, bool auto_leave) {
  Configuration next;
  next.voters = change.voters;
  next.outgoing_voters = present.voters;
  next.learners = Without(change.learners, present.voters);
  next.learners_next = InBoth(change.learners, present.voters);
  next.promoting = change.promoting;
  next.auto_leave = auto_leave;
  return next;
}

}  // namespace

absl::StatusOr<Configuration> ApplyChange(const Configuration& present,
                                          const ConfigurationChange& change) {
  if (change.step == Step::kLeaveJoint) {
    if (!present.joint()) return Illegal("no joint configuration to leave");
    return LeaveJoint(present);
  }
  if (present.joint()) {
    return Illegal("the present configuration is joint; it is left first");
  }
  ConfigurationChange wanted = change;
  if (absl::Status status = Sort(wanted); !status.ok()) return status;
  if (absl::Status status = CheckTarget(present, wanted); !status.ok()) {
    return status;
  }
  const size_t changed = Without(present.voters, wanted.voters).size() +
                         Without(wanted.voters, present.voters).size();
  if (wanted.step == Step::kSimple && changed > 1) {
    return Illegal("a simple change of ", changed, " voters");
  }
  if (wanted.step == Step::kSimple ||
      (wanted.step == Step::kAuto && changed <= 1)) {
    Configuration next;
    next.voters = std::move(wanted.voters);
    next.learners = std::move(wanted.learners);
    next.promoting = std::move(wanted.promoting);
    return next;
  }
  return EnterJoint(present, wanted, wanted.step != Step::kEnterJoint);
}

}  // namespace kappa::raft

#include "server/formation_rules.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/node_limits.h"
#include "server/peer/peer_limits.h"
#include "server/random_uuid.h"

namespace kappa::server {
namespace {

using raft::v1::ClusterNode;
using raft::v1::ProbeResponse;

constexpr size_t kIdBytes = 16;

std::string NameOf(const PeerAddress& peer) {
  return absl::StrCat("node ", peer.node.value(), " at ", peer.address);
}

std::string HexOf(const Uuid& id) {
  return absl::BytesToHexString(BytesOf(id));
}

bool IsNode(const ClusterNode& node) {
  return node.node_id() != 0 && node.disk_id().size() == kIdBytes &&
         node.address().size() <= kAddressBytesMax &&
         node.client_address().size() <= kAddressBytesMax &&
         node.rack().size() <= kRackBytesMax;
}

FormationVerdict WaitFor(std::string what) {
  FormationVerdict verdict;
  verdict.waits_for = std::move(what);
  return verdict;
}

// "1=a:1,2=b:1".
template <typename Peers, typename Format>
std::string ListOf(const Peers& peers, Format format) {
  return absl::StrJoin(peers, ",", [&](std::string* out, const auto& peer) {
    const PeerAddress one = format(peer);
    absl::StrAppend(out, one.node.value(), "=", one.address);
  });
}

// One look at what the peers said.
class Judge {
 public:
  Judge(const NodeInfo& self, const std::vector<PeerAddress>& peers,
        const std::vector<ProbeResult>& results, int64_t heard_since_us)
      : self_(self),
        peers_(peers),
        results_(results),
        heard_since_us_(heard_since_us) {}

  absl::StatusOr<FormationVerdict> Run() const {
    for (size_t i = 0; i < peers_.size(); ++i) {
      if (absl::Status legal = CheckIds(i); !legal.ok()) return legal;
    }
    if (auto known = LookForCluster()) return *std::move(known);
    for (size_t i = 0; i < peers_.size(); ++i) {
      std::string missing = MissingOf(i);
      if (!missing.empty()) return WaitFor(std::move(missing));
    }
    return FormOrWait();
  }

 private:
  const ProbeResponse* AnswerOf(size_t i) const {
    const ProbeResult& result = results_[i];
    const bool fresh =
        result.answer.has_value() && result.asked_us >= heard_since_us_;
    return fresh ? &*result.answer : nullptr;
  }
  bool IsSelf(size_t i) const { return peers_[i].node == self_.node; }
  // Another node that has this one's id.
  bool IsTwin(const ProbeResponse& answer) const {
    return answer.self().node_id() == self_.node.value() &&
           answer.self().disk_id() != BytesOf(self_.disk_id);
  }

  absl::Status CheckIds(size_t i) const {
    const ProbeResponse* answer = AnswerOf(i);
    if (answer == nullptr) return absl::OkStatus();
    if (answer->protocol_version() != kPeerProtocolVersion) {
      return absl::FailedPreconditionError(absl::StrCat(
          NameOf(peers_[i]), " speaks protocol version ",
          answer->protocol_version(), ", this node, ", self_.node.value(),
          ", speaks version ", kPeerProtocolVersion));
    }
    if (IsSelf(i) && IsTwin(*answer)) {
      return absl::FailedPreconditionError(absl::StrCat(
          "node id ", self_.node.value(), " is taken: the node at ",
          peers_[i].address, " has it too, on disk ",
          absl::BytesToHexString(answer->self().disk_id()),
          ", and this one is on disk ", HexOf(self_.disk_id)));
    }
    return absl::OkStatus();
  }

  // A cluster that a peer belongs to: this node's place in it, or why it has
  // none. Nullopt: nobody has a cluster.
  std::optional<FormationVerdict> LookForCluster() const {
    std::optional<FormationVerdict> strange;
    for (size_t i = 0; i < peers_.size(); ++i) {
      const ProbeResponse* answer = AnswerOf(i);
      if (answer == nullptr || !answer->has_formation()) continue;
      std::optional<FormationVerdict> place = PlaceIn(answer->formation());
      if (place.has_value()) return place;
      if (strange.has_value()) continue;
      strange = WaitFor(absl::StrCat(
          "being added: ", NameOf(peers_[i]), " belongs to cluster ",
          absl::BytesToHexString(answer->formation().cluster_id()),
          ", which was formed without this disk, ", HexOf(self_.disk_id)));
      if (IsNamedIn(answer->formation())) {
        strange->replaces_at = peers_[i].address;
      }
    }
    return strange;
  }

  // Whether it was formed with this node, on whatever disk.
  bool IsNamedIn(const raft::v1::Formation& formation) const {
    return IsFormation(formation) &&
           std::any_of(formation.nodes().begin(), formation.nodes().end(),
                       [this](const ClusterNode& node) {
                         return node.node_id() == self_.node.value();
                       });
  }

  std::optional<FormationVerdict> PlaceIn(
      const raft::v1::Formation& formation) const {
    if (!IsFormation(formation)) return std::nullopt;
    FormationVerdict verdict;
    verdict.action = FormationVerdict::Action::kTakePlace;
    verdict.cluster_id = UuidOf(formation.cluster_id());
    bool named = false;
    for (const ClusterNode& node : formation.nodes()) {
      verdict.founders.push_back(FromClusterNode(node));
      named = named || (verdict.founders.back().node == self_.node &&
                        verdict.founders.back().disk_id == self_.disk_id);
    }
    if (!named) return std::nullopt;
    return verdict;
  }

  // Why nothing can be formed because of that peer; empty: it is ready.
  std::string MissingOf(size_t i) const {
    const ProbeResponse* answer = AnswerOf(i);
    if (answer == nullptr) {
      if (IsSelf(i)) return "";  // others reach it, or say so
      const std::string& error = results_[i].error;
      return absl::StrCat("an answer of ", NameOf(peers_[i]),
                          error.empty() ? "" : ": ", error);
    }
    if (answer->self().node_id() != peers_[i].node.value()) {
      return absl::StrCat(NameOf(peers_[i]), ", where node ",
                          answer->self().node_id(), " answers",
                          IsTwin(*answer) ? ", which has this node's id" : "");
    }
    if (!IsNode(answer->self())) {
      return absl::StrCat(NameOf(peers_[i]), ", whose answer makes no sense");
    }
    return OtherListOf(i, *answer);
  }

  std::string OtherListOf(size_t i, const ProbeResponse& answer) const {
    const std::string ours =
        ListOf(peers_, [](const PeerAddress& peer) { return peer; });
    const std::string theirs =
        ListOf(answer.peers(), [](const ClusterNode& node) {
          return PeerAddress{NodeId(node.node_id()), node.address()};
        });
    if (ours == theirs) return "";
    return absl::StrCat("one peer list on all nodes: that of ",
                        NameOf(peers_[i]), " is \"", theirs,
                        "\", this node's is \"", ours, "\"");
  }

  FormationVerdict FormOrWait() const {
    FormationVerdict verdict;
    verdict.action = FormationVerdict::Action::kForm;
    std::map<Uuid, NodeId> disks;
    for (size_t i = 0; i < peers_.size(); ++i) {
      NodeInfo node = IsSelf(i) ? self_ : FromClusterNode(AnswerOf(i)->self());
      // What all of them were told, not what one says about itself.
      node.address = peers_[i].address;
      const auto [place, is_new] = disks.emplace(node.disk_id, node.node);
      if (!is_new) {
        return WaitFor(absl::StrCat(
            "disks of their own: nodes ", place->second.value(), " and ",
            node.node.value(), " both have disk ", HexOf(node.disk_id)));
      }
      verdict.founders.push_back(std::move(node));
    }
    if (verdict.founders.front().node == self_.node) return verdict;
    return WaitFor(absl::StrCat(NameOf(peers_.front()),
                                ", which forms the cluster: all are there"));
  }

  const NodeInfo& self_;
  const std::vector<PeerAddress>& peers_;
  const std::vector<ProbeResult>& results_;
  const int64_t heard_since_us_;
};

}  // namespace

absl::StatusOr<FormationVerdict> JudgeProbes(
    const NodeInfo& self, const std::vector<PeerAddress>& peers,
    const std::vector<ProbeResult>& results, int64_t now_us, int64_t fresh_us) {
  return Judge(self, peers, results, now_us - fresh_us).Run();
}

raft::v1::ClusterNode ToClusterNode(const NodeInfo& node) {
  raft::v1::ClusterNode out;
  out.set_node_id(node.node.value());
  out.set_disk_id(BytesOf(node.disk_id));
  out.set_address(node.address);
  out.set_client_address(node.client_address);
  out.set_rack(node.rack);
  if (node.incarnation != Incarnation(1)) {
    out.set_incarnation(node.incarnation.value());
  }
  return out;
}

NodeInfo FromClusterNode(const raft::v1::ClusterNode& node) {
  return {
      .node = NodeId(node.node_id()),
      .disk_id = UuidOf(node.disk_id()),
      .address = node.address(),
      .client_address = node.client_address(),
      .rack = node.rack(),
      .incarnation = Incarnation(std::max<uint64_t>(1, node.incarnation()))};
}

raft::v1::Formation FormationOf(const Identity& identity) {
  raft::v1::Formation formation;
  formation.set_cluster_id(BytesOf(identity.cluster_id));
  for (const NodeInfo& founder : identity.founders) {
    *formation.add_nodes() = ToClusterNode(founder);
  }
  if (identity.founders.empty()) {
    ClusterNode* alone = formation.add_nodes();
    alone->set_node_id(identity.node_id.value());
    alone->set_disk_id(BytesOf(identity.disk_id));
  }
  return formation;
}

bool IsFormation(const raft::v1::Formation& formation) {
  if (formation.cluster_id().size() != kIdBytes) return false;
  uint64_t last = 0;
  for (const ClusterNode& node : formation.nodes()) {
    if (!IsNode(node) || node.node_id() <= last) return false;
    last = node.node_id();
  }
  return last != 0;
}

}  // namespace kappa::server

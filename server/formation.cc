#include "server/formation.h"

#include <optional>
#include <string_view>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "proto/wire/check.h"
#include "proto/wire/mutex.h"
#include "proto/wire/string_view.h"
#include "server/formation_rules.h"
#include "server/former_place.h"
#include "server/join_asker.h"
#include "server/logging.h"
#include "server/peer/peer_limits.h"
#include "server/peer/peer_probes.h"
#include "server/peer/peer_transport.h"
#include "server/random_uuid.h"

namespace kappa::server {
namespace {

constexpr int64_t kProbeTimeoutUs = 1'000'000;
constexpr size_t kWaitsForBytesMax = 512;
// What is logged of a node that was taken in.
constexpr std::string_view kJoined = "joined the cluster";

raft::v1::ProbeResponse ProbeAnswerOf(const NodeInfo& self,
                                      const std::vector<PeerAddress>& peers) {
  raft::v1::ProbeResponse answer;
  answer.set_protocol_version(kPeerProtocolVersion);
  *answer.mutable_self() = ToClusterNode(self);
  for (const PeerAddress& peer : peers) {
    raft::v1::ClusterNode* node = answer.add_peers();
    node->set_node_id(peer.node.value());
    node->set_address(peer.address);
  }
  return answer;
}

PeerCallbacks::Method<raft::v1::ProbeRequest, raft::v1::ProbeResponse>
AlwaysAnswer(raft::v1::ProbeResponse answer) {
  return
      [answer = std::move(answer)](
          raft::v1::ProbeRequest,
          PeerCallbacks::Done<raft::v1::ProbeResponse> done) { done(answer); };
}

// One search, on the caller's thread.
class Search {
 public:
  explicit Search(const FormationOptions& options)
      : options_(options), self_(options.self) {
    if (!options_.channel_credentials) {
      options_.channel_credentials =
          [insecure = grpc::InsecureChannelCredentials()] { return insecure; };
    }
  }

  absl::StatusOr<Identity> Run() {
    if (absl::Status listed = FindOwnAddress(); !listed.ok()) return listed;
    const auto former = FindFormerNode(options_.data_dir, self_.node);
    if (!former.ok()) return former.status();
    self_.node = former->node;
    if (Stops()) return EndsWithoutCluster();
    absl::StatusOr<Uuid> disk_id = ReserveDiskId(options_.data_dir, self_.node);
    if (!disk_id.ok()) return disk_id.status();
    self_.disk_id = *disk_id;
    auto serving = Serve();
    if (!serving.ok()) return serving.status();
    const JoinAsker asker(
        {.self = self_,
         // A directory that was set aside says which node it was; the peer list
         // says so too.
         .replaces = former->set_aside || !options_.peers.empty(),
         .channel_credentials = options_.channel_credentials,
         .stops = [this] { return Stops(); }});
    if (!options_.join.empty()) return Join(asker);
    FormerPlace place({.set_aside = former->set_aside,
                       .replace_after_us = options_.replace_after_us,
                       .replace_period_us = options_.replace_period_us,
                       .clock = options_.clock,
                       .asker = &asker});
    return MeetPeers(&place);
  }

 private:
  // Once true it stays so: the reason may be told only once.
  bool Stops() const {
    stops_ = stops_ || (options_.stop && options_.stop());
    return stops_;
  }

  absl::Status FindOwnAddress() {
    if (!options_.join.empty()) return absl::OkStatus();
    for (const PeerAddress& peer : options_.peers) {
      if (peer.node != self_.node) continue;
      self_.address = peer.address;
      return absl::OkStatus();
    }
    return absl::InvalidArgumentError(absl::StrCat(
        "node ", self_.node.value(), " is not in its own list of peers"));
  }

  // Answers Probe, and refuses all else, until the result is gone.
  absl::StatusOr<std::unique_ptr<PeerTransport>> Serve() const {
    PeerTransportOptions options;
    options.listen = options_.listen;
    options.self.node = self_.node;
    options.self.disk_id = self_.disk_id;
    options.self.address = self_.address;
    options.clock = options_.clock;
    options.server_credentials = options_.server_credentials;
    options.channel_credentials = options_.channel_credentials;
    options.callbacks.deliver = [](PeerDelivery) {};
    options.callbacks.judge = [](const raft::v1::Hello&) {
      return absl::FailedPreconditionError("the node has no cluster yet");
    };
    options.callbacks.probe =
        AlwaysAnswer(ProbeAnswerOf(self_, options_.peers));
    return PeerTransport::Start(std::move(options));
  }

  absl::StatusOr<Identity> MeetPeers(FormerPlace* place) {
    std::vector<std::string> addresses;
    for (const PeerAddress& peer : options_.peers) {
      addresses.push_back(peer.address);
    }
    std::unique_ptr<PeerProbes> probes;
    std::shared_ptr<grpc::ChannelCredentials> credentials;
    int64_t ask_at_us = 0;
    while (!Stops()) {
      const int64_t now_us = options_.clock->MonotonicUs();
      if (now_us >= ask_at_us) {
        auto current = options_.channel_credentials();
        if (current != credentials) {
          credentials = std::move(current);
          probes.reset();  // what it knows is asked for anew
          probes = std::make_unique<PeerProbes>(addresses, credentials,
                                                options_.clock, kProbeTimeoutUs,
                                                [this] { SignalNews(); });
        }
        probes->Ask(Question());
        ask_at_us = now_us + options_.period_us;
      }
      auto verdict = JudgeProbes(self_, options_.peers, probes->results(),
                                 now_us, options_.fresh_us);
      if (!verdict.ok()) return verdict.status();
      if (verdict->action != FormationVerdict::Action::kWait) {
        if (Stops()) break;
        return Take(*verdict);
      }
      std::string waits_for = verdict->waits_for;
      if (!verdict->replaces_at.empty()) {
        const auto taken = place->Ask(verdict->replaces_at, now_us, &waits_for);
        if (!taken.ok()) return taken.status();
        if (taken->has_value()) return Write(**taken, kJoined);
      }
      Wait(waits_for, now_us);
      AwaitNews(ask_at_us - now_us);
    }
    return EndsWithoutCluster();
  }

  raft::v1::ProbeRequest Question() const {
    raft::v1::ProbeRequest request;
    request.set_protocol_version(kPeerProtocolVersion);
    *request.mutable_self() = ToClusterNode(self_);
    request.set_waits_for(waits_for_.substr(0, kWaitsForBytesMax));
    return request;
  }

  absl::StatusOr<Identity> Take(const FormationVerdict& verdict) const {
    const bool forms = verdict.action == FormationVerdict::Action::kForm;
    return Write({.cluster_id = forms ? RandomUuid() : verdict.cluster_id,
                  .node_id = self_.node,
                  .disk_id = self_.disk_id,
                  .formed = false,
                  .founders = verdict.founders},
                 forms ? "cluster formed" : "place in the cluster taken");
  }

  absl::StatusOr<Identity> Write(const Identity& identity,
                                 std::string_view event) const {
    const absl::Status written = WriteIdentity(options_.data_dir, identity);
    if (!written.ok()) return written;
    LogInfo(event,
            {{"cluster", absl::BytesToHexString(BytesOf(identity.cluster_id))},
             {"node", absl::StrCat(identity.node_id.value())},
             {"disk", absl::BytesToHexString(BytesOf(identity.disk_id))},
             {"founders", absl::StrCat(identity.founders.size())}});
    return identity;
  }

  // Says what is waited for when that has changed, and now and then.
  void Wait(const std::string& waits_for, int64_t now_us) {
    if (waits_for == waits_for_ && now_us < remind_at_us_) return;
    if (options_.on_waits) options_.on_waits(waits_for);
    waits_for_ = waits_for;
    remind_at_us_ = now_us + options_.remind_us;
    LogInfo("the node has no cluster yet and waits",
            {{"node", absl::StrCat(self_.node.value())}, {"for", waits_for}});
  }

  void SignalNews() {
    MutexLock lock(&mutex_);
    news_ = true;
    changed_.Signal();
  }
  void AwaitNews(int64_t longest_us) {
    MutexLock lock(&mutex_);
    if (!news_ && longest_us > 0) changed_.WaitFor(&mutex_, longest_us);
    news_ = false;
  }

  absl::StatusOr<Identity> Join(const JoinAsker& asker) {
    while (true) {
      std::string waits_for = "being taken in by ";
      const auto taken = asker.Ask(options_.join, &waits_for);
      if (!taken.ok()) return taken.status();
      if (taken->has_value()) return Write(**taken, kJoined);
      Wait(waits_for, options_.clock->MonotonicUs());
      if (Stops()) return EndsWithoutCluster();
      AwaitNews(options_.period_us);
    }
  }

  FormationOptions options_;
  NodeInfo self_;
  mutable bool stops_ = false;
  std::string waits_for_;
  int64_t remind_at_us_ = 0;

  Mutex mutex_;
  CondVar changed_;
  bool news_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace

absl::StatusOr<Identity> FindCluster(const FormationOptions& options) {
  KAPPA_CHECK(
      options.clock != nullptr && options.peers.empty() != options.join.empty(),
      "either peers or nodes to join");
  absl::StatusOr<std::optional<Identity>> found =
      ReadIdentity(options.data_dir);
  if (!found.ok()) return found.status();
  if (found->has_value()) {
    absl::Status ours =
        CheckNodeId(options.data_dir, **found, options.self.node);
    if (!ours.ok()) return ours;
    return **found;
  }
  return Search(options).Run();
}

absl::Status CheckNodeId(const std::string& data_dir, const Identity& identity,
                         NodeId node) {
  if (node.value() == 0 || identity.node_id == node) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(data_dir, " belongs to node ", identity.node_id.value(),
                   ", and this is node ", node.value()));
}

PeerCallbacks::Method<raft::v1::ProbeRequest, raft::v1::ProbeResponse>
AnswerProbes(const Identity& identity, const NodeInfo& self,
             const std::vector<PeerAddress>& peers) {
  NodeInfo as_it_is = self;
  as_it_is.node = identity.node_id;
  as_it_is.disk_id = identity.disk_id;
  raft::v1::ProbeResponse answer = ProbeAnswerOf(as_it_is, peers);
  *answer.mutable_formation() = FormationOf(identity);
  return AlwaysAnswer(std::move(answer));
}

}  // namespace kappa::server

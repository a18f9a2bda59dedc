#include "server/formation.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "proto/wire/check.h"
#include "proto/wire/mutex.h"
#include "proto/wire/string_view.h"
#include "server/errors.h"
#include "server/formation_rules.h"
#include "server/latch.h"
#include "server/logging.h"
#include "server/peer/call_status.h"
#include "server/peer/peer_channel.h"
#include "server/peer/peer_limits.h"
#include "server/peer/peer_probes.h"
#include "server/peer/peer_transport.h"
#include "server/random_uuid.h"
#include "storage/set_aside.h"

namespace kappa::server {
namespace {

constexpr int64_t kProbeTimeoutUs = 1'000'000;
constexpr int64_t kJoinTimeoutUs = 5'000'000;
constexpr int64_t kStopLookUs = 100'000;
constexpr size_t kWaitsForBytesMax = 512;

// What no repetition helps against.
bool IsRefusal(const absl::Status& status) {
  return absl::IsFailedPrecondition(status) ||
         absl::IsInvalidArgument(status) || absl::IsAlreadyExists(status) ||
         absl::IsPermissionDenied(status);
}

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
    if (absl::Status found = FindFormerNode(); !found.ok()) return found;
    if (Stops()) return Stopped();
    absl::StatusOr<Uuid> disk_id = ReserveDiskId(options_.data_dir, self_.node);
    if (!disk_id.ok()) return disk_id.status();
    self_.disk_id = *disk_id;
    auto serving = Serve();
    if (!serving.ok()) return serving.status();
    return options_.join.empty() ? MeetPeers() : Join();
  }

 private:
  // Once true it stays so: the reason may be told only once.
  bool Stops() const {
    stops_ = stops_ || (options_.stop && options_.stop());
    return stops_;
  }
  static absl::Status Stopped() {
    return absl::CancelledError("the node ends before it has a cluster");
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

  // Whose place the node may take: that of its former disk. A directory that
  // was set aside says which node it was; the peer list says so too.
  absl::Status FindFormerNode() {
    const auto copies = storage::SetAsideCopies(options_.data_dir);
    if (!copies.ok()) return copies.status();
    set_aside_ = !copies->empty();
    replaces_ = set_aside_ || !options_.peers.empty();
    if (!set_aside_ || self_.node.value() != 0) return absl::OkStatus();
    const absl::StatusOr<NodeId> node = ReservedNode(options_.data_dir);
    if (!node.ok()) return node.status();
    self_.node = *node;
    // It may have ended before that was written. One copy that says it, the
    // newest of them, is enough.
    absl::Status unread;
    for (auto copy = copies->rbegin();
         copy != copies->rend() && self_.node.value() == 0; ++copy) {
      const auto former = ReadIdentity(*copy);
      unread.Update(former.status());
      if (former.ok() && former->has_value()) {
        self_.node = (*former)->node_id;
      }
    }
    return self_.node.value() == 0 ? unread : absl::OkStatus();
  }

  // A merely empty directory: whoever started the node may find out meanwhile
  // that its disk is not mounted. False: the place may be asked for.
  bool LeavesItsPlace(int64_t now_us, std::string* waits_for) {
    if (set_aside_) return false;
    if (!replace_at_us_.has_value()) {
      replace_at_us_ = now_us + options_.replace_after_us;
      replace_time_ =
          absl::FormatTime("%Y-%m-%dT%H:%M:%SZ",
                           absl::FromUnixMicros(options_.clock->NowUs() +
                                                options_.replace_after_us),
                           absl::UTCTimeZone());
    }
    if (now_us >= *replace_at_us_) return false;
    absl::StrAppend(waits_for, "; until ", replace_time_,
                    " for its former disk (is it not mounted?), whose place "
                    "this directory, which is empty, takes then for good");
    return true;
  }

  // Asks for the place of the former disk at `address` now and then. Nullopt:
  // it has not got it yet; `waits_for` gets why.
  absl::StatusOr<std::optional<Identity>> AskForPlace(
      const std::string& address, int64_t now_us, std::string* waits_for) {
    if (LeavesItsPlace(now_us, waits_for)) return std::optional<Identity>();
    if (now_us >= ask_place_at_us_) {
      ask_place_at_us_ = now_us + options_.replace_period_us;
      place_refused_.clear();
      auto taken = AskOnce({address}, &place_refused_);
      if (taken.ok() && taken->has_value()) return taken;
      if (absl::IsCancelled(taken.status())) return taken;
      // Whoever refuses now may not later: the former disk may be heard.
      if (!taken.ok()) {
        place_refused_ = absl::StrCat("; ", taken.status().message());
      }
    }
    absl::StrAppend(waits_for, place_refused_);
    return std::optional<Identity>();
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

  absl::StatusOr<Identity> MeetPeers() {
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
        auto taken = AskForPlace(verdict->replaces_at, now_us, &waits_for);
        if (!taken.ok()) return taken.status();
        if (taken->has_value()) return **taken;
      }
      Wait(waits_for, now_us);
      AwaitNews(ask_at_us - now_us);
    }
    return Stopped();
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

  absl::StatusOr<Identity> Join() {
    while (true) {
      std::string waits_for = "being taken in by ";
      auto taken = AskOnce(options_.join, &waits_for);
      if (!taken.ok()) return taken.status();
      if (taken->has_value()) return **taken;
      Wait(waits_for, options_.clock->MonotonicUs());
      if (Stops()) return Stopped();
      AwaitNews(options_.period_us);
    }
  }

  // Asks the addresses, and the leaders that they name, until one has taken the
  // node in. Nullopt: none has; `failures` gets why. Errors: Stopped(); those
  // that no repetition helps against.
  absl::StatusOr<std::optional<Identity>> AskOnce(
      const std::vector<std::string>& addresses, std::string* failures) {
    std::vector<std::string> asked;
    std::vector<std::string> failed;
    // Back to front, so that a leader's address is the next one.
    std::vector<std::string> next(addresses.rbegin(), addresses.rend());
    while (!next.empty()) {
      const std::string address = std::move(next.back());
      next.pop_back();
      if (std::find(asked.begin(), asked.end(), address) != asked.end()) {
        continue;
      }
      asked.push_back(address);
      if (Stops()) return Stopped();
      auto joined = JoinAt(address);
      if (joined.ok()) {
        absl::StatusOr<Identity> identity = TakeIn(*joined);
        if (!identity.ok()) return identity.status();
        return std::optional<Identity>(*std::move(identity));
      }
      if (IsRefusal(joined.status())) return joined.status();
      failed.push_back(absl::StrCat(address, ": ", joined.status().message()));
      std::string leader = LeaderOf(joined.status());
      if (!leader.empty()) next.push_back(std::move(leader));
    }
    absl::StrAppend(failures, failures->ends_with(' ') ? "" : "; ",
                    absl::StrJoin(failed, "; "));
    return std::optional<Identity>();
  }

  static std::string LeaderOf(const absl::Status& error) {
    const v1::ErrorInfo info = ErrorInfoOf(error);
    const auto found = info.metadata().find("leader_peer");
    return found == info.metadata().end() ? "" : found->second;
  }

  absl::StatusOr<raft::v1::JoinResponse> JoinAt(
      const std::string& address) const {
    const auto channel =
        MakePeerChannel({.address = address,
                         .credentials = options_.channel_credentials(),
                         .connect_timeout_us = kJoinTimeoutUs,
                         .receive_bytes_max = kPeerReceiveBytesMax});
    const auto stub = raft::v1::PeerService::NewStub(channel);
    raft::v1::JoinRequest request;
    request.set_protocol_version(kPeerProtocolVersion);
    *request.mutable_self() = ToClusterNode(self_);
    request.set_replaces(replaces_);
    raft::v1::JoinResponse response;
    grpc::Status status;
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() +
                         std::chrono::microseconds(kJoinTimeoutUs));
    const auto ended = std::make_shared<Latch>(1);
    stub->async()->Join(&context, &request, &response,
                        [&status, ended](grpc::Status end) {
                          status = std::move(end);
                          ended->CountDown();
                        });
    while (!ended->WaitFor(kStopLookUs)) {
      if (Stops()) context.TryCancel();
    }
    if (!status.ok()) return FromCallStatus(status);
    return response;
  }

  absl::StatusOr<Identity> TakeIn(const raft::v1::JoinResponse& joined) const {
    const NodeInfo as_known = FromClusterNode(joined.self());
    if (!IsFormation(joined.formation()) || as_known.node.value() == 0 ||
        as_known.disk_id != self_.disk_id ||
        (self_.node.value() != 0 && as_known.node != self_.node)) {
      return absl::FailedPreconditionError(absl::StrCat(
          "join: the cluster took in node ", as_known.node.value(), " on disk ",
          absl::BytesToHexString(joined.self().disk_id()),
          ", and this is node ", self_.node.value(), " on disk ",
          absl::BytesToHexString(BytesOf(self_.disk_id))));
    }
    Identity identity = {.cluster_id = UuidOf(joined.formation().cluster_id()),
                         .node_id = as_known.node,
                         .disk_id = self_.disk_id,
                         .formed = false};
    identity.incarnation = as_known.incarnation;
    for (const raft::v1::ClusterNode& node : joined.formation().nodes()) {
      identity.founders.push_back(FromClusterNode(node));
    }
    return Write(identity, "joined the cluster");
  }

  FormationOptions options_;
  NodeInfo self_;
  mutable bool stops_ = false;
  bool replaces_ = false;                 // see FindFormerNode
  bool set_aside_ = false;                // this directory is the rest of one
  std::optional<int64_t> replace_at_us_;  // see LeavesItsPlace
  std::string replace_time_;              // the same for people
  int64_t ask_place_at_us_ = 0;
  std::string place_refused_;  // what came of it last
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

#include "server/peer/peer_transport.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <limits>
#include <map>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "grpcpp/ext/health_check_service_server_builder_option.h"
#include "grpcpp/resource_quota.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "proto/wire/check.h"
#include "proto/wire/mutex.h"
#include "server/peer/outbound_stream.h"
#include "server/peer/peer_calls.h"
#include "server/peer/peer_context.h"
#include "server/peer/peer_limits.h"
#include "server/peer/peer_link.h"
#include "server/peer/peer_service.h"
#include "server/peer/peer_timer.h"

namespace kappa::server {
namespace {

constexpr int kStreamsPerConnectionMax = 1024;
constexpr int kHandshakeTimeoutMs = 10'000;
constexpr int kMetadataBytesMax = 16 << 10;
constexpr int kKeepaliveTimeMs = 5'000;
constexpr int kKeepaliveTimeoutMs = 5'000;
// Callers may ping this often.
constexpr int kPingIntervalMs = 1'000;
// The timer looks at least so often.
constexpr int64_t kTickLongestUs = 1'000'000;

// Keeps out what other servers of the process switch on for all: health and
// reflection tell nodes nothing.
class NothingElse final : public grpc::ServerBuilderOption {
 public:
  void UpdateArguments(grpc::ChannelArguments*) override {}
  void UpdatePlugins(std::vector<std::unique_ptr<grpc::ServerBuilderPlugin>>*
                         plugins) override {
    plugins->clear();
  }
};

void SetLimits(grpc::ServerBuilder* builder) {
  builder->SetOption(std::make_unique<NothingElse>());
  builder->SetOption(
      std::make_unique<grpc::HealthCheckServiceServerBuilderOption>(nullptr));
  builder->SetMaxReceiveMessageSize(static_cast<int>(kPeerReceiveBytesMax));
  builder->SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_DEFLATE, false);
  builder->SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_GZIP, false);
  for (const auto& [name, value] : std::map<const char*, int>{
           {GRPC_ARG_MAX_CONCURRENT_STREAMS, kStreamsPerConnectionMax},
           {GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, kHandshakeTimeoutMs},
           {GRPC_ARG_MAX_METADATA_SIZE, kMetadataBytesMax},
           {GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveTimeMs},
           {GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs},
           {GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1},
           {GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0},
           {GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
            kPingIntervalMs},
           // A second server on the port must fail, not share it.
           {GRPC_ARG_ALLOW_REUSEPORT, 0},
           {GRPC_ARG_ENABLE_CHANNELZ, 0}}) {
    builder->AddChannelArgument(name, value);
  }
}

}  // namespace

struct PeerTransport::State {
  using Links = std::array<std::shared_ptr<PeerLink>, kPeerClassCount>;
  struct Peer {
    std::string address;
    Links links;
  };

  explicit State(PeerTransportOptions given)
      : options(std::move(given)),
        context(std::make_shared<PeerContext>(options.call_bytes,
                                              options.receive_window_bytes,
                                              options.hello_timeout_us)),
        calls(context, options.call_bytes, options.connect_timeout_us) {}

  Peer MakePeer(NodeId node, const std::string& address);
  std::optional<Links> LinksOf(NodeId node) const;
  // Ticks every link; returns how long the timer may wait.
  int64_t Tick();
  // What comes in from `peer_count` nodes has room.
  void ResizeQuota(size_t peer_count);
  void OnCaller(NodeId node);

  PeerTransportOptions options;
  ListenAddress address;
  const std::shared_ptr<PeerContext> context;
  PeerCalls calls;
  grpc::ResourceQuota quota{"peer"};
  std::unique_ptr<PeerService> service;
  std::unique_ptr<grpc::Server> server;
  std::atomic<uint64_t> dropped_unknown{0};

  mutable Mutex mutex;
  absl::flat_hash_map<NodeId, Peer> peers ABSL_GUARDED_BY(mutex);
  bool stopped ABSL_GUARDED_BY(mutex) = false;
  bool stop_is_over ABSL_GUARDED_BY(mutex) = false;
  CondVar stop_over;

  int64_t renew_at_us = 0;           // the timer's
  std::unique_ptr<PeerTimer> timer;  // last: its thread uses the above
};

PeerTransport::State::Peer PeerTransport::State::MakePeer(
    NodeId node, const std::string& peer_address) {
  Peer peer;
  peer.address = peer_address;
  for (PeerClass peer_class : kPeerClasses) {
    PeerLinkOptions link;
    link.node = node;
    link.peer_class = peer_class;
    link.queue_bytes_max = options.queue_bytes[IndexOf(peer_class)];
    link.backoff_first_us = options.backoff_first_us;
    link.backoff_longest_us = options.backoff_longest_us;
    link.connect_timeout_us = options.connect_timeout_us;
    if (peer_class == PeerClass::kControl) {
      link.beat_period_us = options.beat_period_us;
    }
    link.seed =
        options.seed + node.value() * kPeerClassCount + IndexOf(peer_class);
    link.clock = options.clock;
    link.factory = [context = context, timeout = options.connect_timeout_us](
                       const std::string& to, std::shared_ptr<PeerLink> of,
                       uint64_t attempt) {
      return OutboundStream::Start(context, to, std::move(of), attempt,
                                   timeout);
    };
    // Outlives every stream, and so every call: Stop waits for them.
    link.wake = [this] { timer->Wake(); };
    peer.links[IndexOf(peer_class)] =
        std::make_shared<PeerLink>(std::move(link), peer_address);
  }
  return peer;
}

std::optional<PeerTransport::State::Links> PeerTransport::State::LinksOf(
    NodeId node) const {
  MutexLock lock(&mutex);
  auto found = peers.find(node);
  if (found == peers.end()) return std::nullopt;
  return found->second.links;
}

int64_t PeerTransport::State::Tick() {
  context->retired.Sweep();
  const int64_t now_us = options.clock->MonotonicUs();
  context->hellos.EndLate(now_us);
  if (now_us >= renew_at_us) {
    calls.Renew();
    renew_at_us = now_us + kTickLongestUs;
  }
  std::vector<std::shared_ptr<PeerLink>> links;
  {
    MutexLock lock(&mutex);
    for (const auto& [node, peer] : peers) {
      links.insert(links.end(), peer.links.begin(), peer.links.end());
    }
  }
  int64_t next_us = std::numeric_limits<int64_t>::max();
  for (const auto& link : links) next_us = std::min(next_us, link->Tick());
  return std::min(next_us - options.clock->MonotonicUs(), kTickLongestUs);
}

void PeerTransport::State::ResizeQuota(size_t peer_count) {
  size_t peer_bytes = 0;
  for (const size_t window_bytes : options.receive_window_bytes) {
    peer_bytes += window_bytes + kPeerReceiveBytesMax;
  }
  quota.Resize(options.quota_bytes + peer_count * peer_bytes);
}

void PeerTransport::State::OnCaller(NodeId node) {
  if (std::optional<Links> links = LinksOf(node)) {
    for (const auto& link : *links) link->RetryNow();
    calls.RetryNow(node);
  }
}

PeerTransport::PeerTransport(std::unique_ptr<State> state)
    : state_(std::move(state)) {}

absl::StatusOr<std::unique_ptr<PeerTransport>> PeerTransport::Start(
    PeerTransportOptions options) {
  KAPPA_CHECK(options.callbacks.deliver != nullptr && options.clock != nullptr,
              "what the transport needs");
  // gRPC only tells that it could not listen; the system knows why.
  if (absl::Status can = TryToListen(options.listen); !can.ok()) return can;
  if (options.server_credentials == nullptr) {
    options.server_credentials = grpc::InsecureServerCredentials();
  }
  if (!options.channel_credentials) {
    options.channel_credentials =
        [insecure = grpc::InsecureChannelCredentials()] { return insecure; };
  }
  auto state = std::make_unique<State>(std::move(options));
  State* raw = state.get();
  PeerContext& context = *state->context;
  context.self = raw->options.self;
  context.callbacks = raw->options.callbacks;
  context.clock = raw->options.clock;
  context.credentials = raw->options.channel_credentials;
  context.on_caller = [raw](NodeId node) { raw->OnCaller(node); };
  raw->ResizeQuota(0);
  raw->service = std::make_unique<PeerService>(raw->context);
  raw->timer = std::make_unique<PeerTimer>([raw] { return raw->Tick(); });

  grpc::ServerBuilder builder;
  SetLimits(&builder);
  builder.SetResourceQuota(raw->quota);
  int port = 0;
  builder.AddListeningPort(raw->options.listen.ToString(),
                           raw->options.server_credentials, &port);
  builder.RegisterService(raw->service.get());
  raw->server = builder.BuildAndStart();
  if (raw->server == nullptr || port == 0) {
    return absl::UnavailableError(
        absl::StrCat("cannot listen on ", raw->options.listen.ToString()));
  }
  raw->address = raw->options.listen;
  raw->address.port = static_cast<uint16_t>(port);
  if (context.self.address.empty()) {
    context.self.address = raw->address.ToString();
  }
  context.serving.store(true, std::memory_order_release);
  return std::unique_ptr<PeerTransport>(new PeerTransport(std::move(state)));
}

PeerTransport::~PeerTransport() { Stop(); }

const ListenAddress& PeerTransport::address() const { return state_->address; }

void PeerTransport::SetPeer(NodeId node, const std::string& address) {
  KAPPA_CHECK(node != state_->options.self.node, "a peer is another node");
  std::optional<State::Links> moved;
  {
    MutexLock lock(&state_->mutex);
    if (state_->stopped) return;
    auto found = state_->peers.find(node);
    if (found == state_->peers.end()) {
      state_->peers.emplace(node, state_->MakePeer(node, address));
      state_->ResizeQuota(state_->peers.size());
    } else {
      found->second.address = address;
      moved = found->second.links;
    }
  }
  state_->calls.SetPeer(node, address);
  if (moved) {
    for (const auto& link : *moved) link->Readdress(address);
  }
  state_->timer->Wake();
}

void PeerTransport::RemovePeer(NodeId node) {
  std::optional<State::Links> links;
  {
    MutexLock lock(&state_->mutex);
    auto found = state_->peers.find(node);
    if (found != state_->peers.end()) {
      links = found->second.links;
      state_->peers.erase(found);
      state_->ResizeQuota(state_->peers.size());
    }
  }
  if (links) {
    for (const auto& link : *links) link->Stop();
  }
  state_->calls.RemovePeer(node);
  state_->context->hearing.Forget(node);
}

void PeerTransport::Send(NodeId node, std::vector<PeerMessage> messages) {
  std::optional<State::Links> links = state_->LinksOf(node);
  if (!links) {
    state_->dropped_unknown.fetch_add(messages.size(),
                                      std::memory_order_relaxed);
    return;
  }
  std::array<std::vector<PeerMessage>, kPeerClassCount> by_class;
  for (PeerMessage& message : messages) {
    by_class[IndexOf(ClassOf(message.message))].push_back(std::move(message));
  }
  for (size_t i = 0; i < kPeerClassCount; ++i) {
    if (!by_class[i].empty()) (*links)[i]->Send(std::move(by_class[i]));
  }
}

void PeerTransport::Send(NodeId node, PeerMessage message) {
  std::vector<PeerMessage> messages;
  messages.push_back(std::move(message));
  Send(node, std::move(messages));
}

std::optional<int64_t> PeerTransport::LastHeardUs(NodeId node) const {
  return state_->context->hearing.LastHeardUs(node);
}

std::optional<int64_t> PeerTransport::ClockAheadUs(NodeId node) const {
  return state_->context->hearing.ClockAheadUs(node);
}

void PeerTransport::Forward(NodeId node, raft::v1::ForwardRequest request,
                            int64_t timeout_us,
                            Callback<raft::v1::ForwardResponse> done) {
  state_->calls.Forward(node, std::move(request), timeout_us, std::move(done));
}

void PeerTransport::AskPartition(NodeId node,
                                 raft::v1::PartitionRequest request,
                                 int64_t timeout_us,
                                 Callback<raft::v1::PartitionResponse> done) {
  state_->calls.AskPartition(node, std::move(request), timeout_us,
                             std::move(done));
}

std::vector<PeerStatus> PeerTransport::Statuses() const {
  std::map<NodeId, PeerStatus> statuses;
  {
    MutexLock lock(&state_->mutex);
    for (const auto& [node, peer] : state_->peers) {
      PeerStatus::Sending& sending = statuses[node].sending.emplace();
      sending.address = peer.address;
      for (size_t i = 0; i < kPeerClassCount; ++i) {
        sending.links[i] = peer.links[i]->status();
      }
    }
  }
  for (auto& [node, hearing] : state_->context->hearing.statuses()) {
    statuses[node].hearing = std::move(hearing);
  }
  std::vector<PeerStatus> out;
  for (auto& [node, status] : statuses) {
    status.node = node;
    out.push_back(std::move(status));
  }
  return out;
}

std::vector<PeerTraffic> PeerTransport::Traffic() const {
  std::vector<PeerTraffic> all;
  for (const PeerStatus& status : Statuses()) {
    for (const PeerClass peer_class : kPeerClasses) {
      PeerTraffic traffic;
      traffic.node = status.node.value();
      traffic.peer_class = NameOf(peer_class);
      if (status.sending.has_value()) {
        const LinkStatus& link = status.sending->links[IndexOf(peer_class)];
        traffic.sent_frames = link.sent_frames;
        traffic.sent_messages = link.sent_messages;
        traffic.sent_bytes = link.sent_bytes;
        traffic.dropped_messages = link.queue.dropped_full +
                                   link.queue.dropped_closed +
                                   link.queue.dropped_too_large;
      }
      if (status.hearing.has_value()) {
        const HearingStatus& stream =
            status.hearing->streams[IndexOf(peer_class)];
        traffic.received_frames = stream.received_frames;
        traffic.received_messages = stream.received_messages;
        traffic.received_bytes = stream.received_bytes;
      }
      all.push_back(std::move(traffic));
    }
  }
  return all;
}

uint64_t PeerTransport::dropped_unknown() const {
  return state_->dropped_unknown.load(std::memory_order_relaxed);
}

void PeerTransport::Stop() {
  std::vector<std::shared_ptr<PeerLink>> links;
  {
    MutexLock lock(&state_->mutex);
    if (std::exchange(state_->stopped, true)) {
      while (!state_->stop_is_over) state_->stop_over.Wait(&state_->mutex);
      return;
    }
    for (const auto& [node, peer] : state_->peers) {
      links.insert(links.end(), peer.links.begin(), peer.links.end());
    }
  }
  state_->timer->Stop();
  state_->calls.Stop();
  for (const auto& link : links) link->Stop();
  state_->context->hearing.EndAll(absl::UnavailableError(absl::StrCat(
      "node ", state_->options.self.node.value(), " is stopping")));
  state_->server->Shutdown(std::chrono::system_clock::now());
  state_->server->Wait();
  state_->context->live.WaitForZero();
  // Only a Send that is under way may still use one.
  while (!state_->context->retired.Sweep()) std::this_thread::yield();
  MutexLock lock(&state_->mutex);
  state_->stop_is_over = true;
  state_->stop_over.SignalAll();
}

}  // namespace kappa::server

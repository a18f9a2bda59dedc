#include "server/rpc/grpc_server.h"

#include <chrono>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "grpcpp/health_check_service_interface.h"
#include "grpcpp/resource_quota.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "server/rpc/cluster_methods.h"
#include "server/rpc/cluster_service.h"
#include "server/rpc/live_streams.h"
#include "server/rpc/log_methods.h"
#include "server/rpc/log_service.h"
#include "server/rpc/maintenance_service.h"
#include "server/rpc/rpc_context.h"
#include "server/rpc/task_pool.h"
#include "server/rpc/tls_credentials.h"
#include "server/rpc/topic_methods.h"
#include "server/rpc/topic_service.h"
#include "server/rpc/unary_methods.h"

namespace kappa::server {
namespace {

// A batch of the largest limit and everything around it.
constexpr int kReceiveBytesMax = 17 << 20;
constexpr int kStreamsPerConnectionMax = 1'024;
constexpr int kHandshakeTimeoutMs = 10'000;
constexpr int kMetadataBytesMax = 16 << 10;
// A client that is silent so long is asked whether it still lives.
constexpr int kKeepaliveTimeMs = 60'000;
constexpr int kKeepaliveTimeoutMs = 20'000;
// Clients may ping this often, with and without calls: they ask once a second
// whether a node that owes them answers still lives.
constexpr int kClientPingIntervalMs = 500;
constexpr int kPingStrikesMax = 3;
constexpr std::chrono::milliseconds kStopTimeout{1'000};

std::string AppendHealthName() {
  return absl::StrCat(v1::LogService::service_full_name(), "/Append");
}

void SetLimits(const GrpcServerOptions& options, grpc::ServerBuilder* builder) {
  builder->SetResourceQuota(
      grpc::ResourceQuota("kappad").Resize(options.quota_bytes));
  builder->SetMaxReceiveMessageSize(kReceiveBytesMax);
  // Payloads come compressed by the client or not at all; a compressed gRPC
  // message would be inflated before any limit is checked.
  builder->SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_DEFLATE, false);
  builder->SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_GZIP, false);
  builder->AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS,
                              kStreamsPerConnectionMax);
  builder->AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS,
                              kHandshakeTimeoutMs);
  builder->AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMetadataBytesMax);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveTimeMs);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
                              kKeepaliveTimeoutMs);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder->AddChannelArgument(
      GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
      kClientPingIntervalMs);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, kPingStrikesMax);
  // A second server on the port must fail, not share it.
  builder->AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder->AddChannelArgument(GRPC_ARG_ENABLE_CHANNELZ, 0);
}

std::function<storage::WriterLoad()> LoadOf(const GrpcServerOptions& options,
                                            const Node* node) {
  if (options.writer_load) return options.writer_load;
  return [node] { return node->writer_load(); };
}

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> CredentialsOf(
    const TlsFiles& tls) {
  if (tls.cert.empty()) return grpc::InsecureServerCredentials();
  return TlsCredentials::Open(tls);
}

}  // namespace

struct GrpcServer::State {
  State(const GrpcServerOptions& options, Node* node, const Clock* clock)
      : address(options.listen),
        pool(options.delivery_threads, clock),
        replay_pace(options.replay_pace, LoadOf(options, node)),
        context{node,   clock,        &pool,         &streams,
                &stats, &replay_pace, options.peers, &methods},
        forward_target(options.forward_target),
        log_service(context),
        topic_service(context) {
    AddLogMethods(context, &methods);
    AddTopicMethods(context, &methods);
    if (auto* owner = dynamic_cast<ClusterStatusOwner*>(node)) {
      ClusterStatus* const status = owner->cluster_status();
      AddClusterMethods(context, status, &methods);
      cluster_service = std::make_unique<ClusterService>(context, status);
    }
    if (auto* maintenance = dynamic_cast<Maintenance*>(node)) {
      maintenance_service =
          std::make_unique<MaintenanceService>(context, maintenance);
    }
  }

  ListenAddress address;
  RpcStats stats;
  LiveStreams streams;
  TaskPool pool;
  ReplayPace replay_pace;
  UnaryMethods methods;
  RpcContext context;
  ForwardTarget* const forward_target;  // may be null
  LogService log_service;
  TopicService topic_service;
  std::unique_ptr<ClusterService> cluster_service;
  std::unique_ptr<MaintenanceService> maintenance_service;
  std::shared_ptr<grpc::ServerCredentials> credentials;
  std::unique_ptr<grpc::Server> server;
};

GrpcServer::GrpcServer(std::unique_ptr<State> state)
    : state_(std::move(state)) {}

absl::StatusOr<std::unique_ptr<GrpcServer>> GrpcServer::Start(
    GrpcServerOptions options, Node* node, const Clock* clock) {
  // gRPC only tells that it could not listen; the system knows why.
  if (absl::Status can = TryToListen(options.listen); !can.ok()) return can;
  auto credentials = CredentialsOf(options.tls);
  if (!credentials.ok()) return credentials.status();
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  auto state = std::make_unique<State>(options, node, clock);
  state->credentials = *std::move(credentials);
  grpc::ServerBuilder builder;
  SetLimits(options, &builder);
  // Only server reflection is served by threads of its own.
  builder.SetSyncServerOption(grpc::ServerBuilder::NUM_CQS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::MIN_POLLERS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::MAX_POLLERS, 1);
  int port = 0;
  builder.AddListeningPort(options.listen.ToString(), state->credentials,
                           &port);
  builder.RegisterService(&state->log_service);
  builder.RegisterService(&state->topic_service);
  if (state->cluster_service != nullptr) {
    builder.RegisterService(state->cluster_service.get());
  }
  if (state->maintenance_service != nullptr) {
    builder.RegisterService(state->maintenance_service.get());
  }
  state->server = builder.BuildAndStart();
  if (state->server == nullptr || port == 0) {
    return absl::UnavailableError(
        absl::StrCat("cannot listen on ", options.listen.ToString()));
  }
  state->address.port = static_cast<uint16_t>(port);
  if (auto* health = state->server->GetHealthCheckService()) {
    health->SetServingStatus(true);
    health->SetServingStatus(v1::LogService::service_full_name(), true);
    health->SetServingStatus(v1::TopicService::service_full_name(), true);
    health->SetServingStatus(v1::ClusterService::service_full_name(),
                             state->cluster_service != nullptr);
    health->SetServingStatus(v1::MaintenanceService::service_full_name(),
                             state->maintenance_service != nullptr);
    health->SetServingStatus(AppendHealthName(), true);
  }
  if (state->forward_target != nullptr) {
    state->forward_target->Bind(&state->methods);
  }
  return std::unique_ptr<GrpcServer>(new GrpcServer(std::move(state)));
}

GrpcServer::~GrpcServer() { Stop(); }

const ListenAddress& GrpcServer::address() const { return state_->address; }

const RpcStats& GrpcServer::stats() const { return state_->stats; }

void GrpcServer::SetAppending(bool accepted) {
  if (auto* health = state_->server->GetHealthCheckService()) {
    health->SetServingStatus(AppendHealthName(), accepted);
  }
}

void GrpcServer::BeginShutdown() {
  if (state_->server == nullptr) return;
  if (auto* health = state_->server->GetHealthCheckService()) {
    health->Shutdown();
  }
  state_->streams.BeginShutdown();
}

void GrpcServer::Stop() {
  if (state_->server == nullptr) return;
  BeginShutdown();
  state_->server->Shutdown(std::chrono::system_clock::now() + kStopTimeout);
  state_->server->Wait();
  state_->server.reset();
  if (state_->forward_target != nullptr) state_->forward_target->Unbind();
  state_->pool.Stop();
}

}  // namespace kappa::server

#include "server/rpc/waiting_server.h"

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "grpcpp/generic/async_generic_service.h"
#include "grpcpp/resource_quota.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "kappa/v1/cluster_service.pb.h"
#include "proto/wire/mutex.h"
#include "server/errors.h"
#include "server/rpc/byte_buffers.h"
#include "server/rpc/grpc_status.h"
#include "server/rpc/tls_credentials.h"

namespace kappa::server {
namespace {

constexpr size_t kQuotaBytes = size_t{16} << 20;
constexpr int kReceiveBytesMax = 64 << 10;
constexpr std::chrono::milliseconds kStopTimeout{500};

// What the node waits for, and since when.
//
// Thread safety: thread-safe.
class Waiting {
 public:
  Waiting(NodeId node, int64_t since_us) : node_(node), since_us_(since_us) {}

  void Set(const std::string& what) {
    MutexLock lock(&mutex_);
    what_ = what;
  }
  std::string message() const {
    MutexLock lock(&mutex_);
    return absl::StrCat("node ", node_.value(),
                        " has no cluster yet and waits: ", what_);
  }

  v1::GetHealthResponse Health() const {
    v1::GetHealthResponse health;
    health.set_node_id(node_.value());
    v1::HealthProblem* const problem = health.add_problems();
    problem->set_kind(v1::HEALTH_PROBLEM_KIND_NODE_WAITS);
    problem->add_nodes(node_.value());
    problem->set_since_time_us(since_us_);
    problem->set_message(message());
    return health;
  }
  v1::DescribeClusterResponse Description(const std::string& address) const {
    v1::DescribeClusterResponse cluster;
    cluster.set_node_id(node_.value());
    v1::ClusterNodeStatus* const node = cluster.add_nodes();
    node->set_node_id(node_.value());
    node->set_address(address);
    node->set_heard(true);
    return cluster;
  }

 private:
  const NodeId node_;
  const int64_t since_us_;
  mutable Mutex mutex_;
  std::string what_ ABSL_GUARDED_BY(mutex_) = "what that is, is not known yet";
};

// One call: reads the request, whatever it is, and answers.
class Call final : public grpc::ServerGenericBidiReactor {
 public:
  // `answer` empty: the call is refused with `refusal`.
  Call(grpc::ByteBuffer answer, bool answers, const absl::Status& refusal)
      : answer_(std::move(answer)) {
    if (!answers) {
      Finish(ToGrpcStatus(refusal));
      return;
    }
    StartRead(&request_);
  }

 private:
  void OnReadDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::CANCELLED);
    StartWriteAndFinish(&answer_, grpc::WriteOptions(), grpc::Status::OK);
  }
  void OnDone() override { delete this; }

  grpc::ByteBuffer request_;
  grpc::ByteBuffer answer_;
};

class Service final : public grpc::CallbackGenericService {
 public:
  Service(NodeId node, int64_t since_us) : waiting_(node, since_us) {}

  Waiting& waiting() { return waiting_; }
  void SetAddress(const std::string& address) { address_ = address; }

 private:
  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override {
    if (context->method() == "/kappa.v1.ClusterService/GetHealth") {
      return new Call(ByteBufferOf(waiting_.Health()), true, absl::OkStatus());
    }
    if (context->method() == "/kappa.v1.ClusterService/DescribeCluster") {
      return new Call(ByteBufferOf(waiting_.Description(address_)), true,
                      absl::OkStatus());
    }
    return new Call(grpc::ByteBuffer(), false,
                    MakeError(v1::ERROR_REASON_NOT_LEADER, waiting_.message()));
  }

  Waiting waiting_;
  std::string address_;  // set before the first call
};

}  // namespace

struct WaitingServer::State {
  State(NodeId node, int64_t since_us) : service(node, since_us) {}

  ListenAddress address;
  Service service;
  std::shared_ptr<grpc::ServerCredentials> credentials =
      grpc::InsecureServerCredentials();
  std::unique_ptr<grpc::Server> server;
};

WaitingServer::WaitingServer(std::unique_ptr<State> state)
    : state_(std::move(state)) {}

absl::StatusOr<std::unique_ptr<WaitingServer>> WaitingServer::Start(
    const WaitingServerOptions& options) {
  if (absl::Status can = TryToListen(options.listen); !can.ok()) return can;
  auto state = std::make_unique<State>(options.node, options.clock->NowUs());
  if (!options.tls.cert.empty()) {
    auto credentials = TlsCredentials::Open(options.tls);
    if (!credentials.ok()) return credentials.status();
    state->credentials = *std::move(credentials);
  }
  state->address = options.listen;
  state->service.SetAddress(options.listen.ToString());
  grpc::ServerBuilder builder;
  builder.SetResourceQuota(grpc::ResourceQuota("waiting").Resize(kQuotaBytes));
  builder.SetMaxReceiveMessageSize(kReceiveBytesMax);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  int port = 0;
  builder.AddListeningPort(options.listen.ToString(), state->credentials,
                           &port);
  builder.RegisterCallbackGenericService(&state->service);
  state->server = builder.BuildAndStart();
  if (state->server == nullptr || port == 0) {
    return absl::UnavailableError(
        absl::StrCat("cannot listen on ", options.listen.ToString()));
  }
  state->address.port = static_cast<uint16_t>(port);
  return std::unique_ptr<WaitingServer>(new WaitingServer(std::move(state)));
}

WaitingServer::~WaitingServer() {
  state_->server->Shutdown(std::chrono::system_clock::now() + kStopTimeout);
  state_->server->Wait();
}

const ListenAddress& WaitingServer::address() const { return state_->address; }

void WaitingServer::SetWaitsFor(const std::string& what) {
  state_->service.waiting().Set(what);
}

}  // namespace kappa::server

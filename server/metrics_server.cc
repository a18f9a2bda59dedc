#include "server/metrics_server.h"

#include <exception>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "prometheus/exposer.h"

namespace kappa::server {

struct MetricsServer::State {
  ListenAddress address;
  std::shared_ptr<prometheus::Collectable> metrics;
  std::shared_ptr<prometheus::Collectable> partitions;
  std::unique_ptr<prometheus::Exposer> exposer;
};

absl::StatusOr<std::unique_ptr<MetricsServer>> MetricsServer::Start(
    const ListenAddress& listen,
    std::shared_ptr<prometheus::Collectable> metrics,
    std::shared_ptr<prometheus::Collectable> partitions) {
  // The library only tells that it could not listen.
  if (absl::Status can = TryToListen(listen); !can.ok()) return can;
  auto state = std::make_unique<State>();
  state->address = listen;
  state->metrics = std::move(metrics);
  state->partitions = std::move(partitions);
  try {
    state->exposer = std::make_unique<prometheus::Exposer>(listen.ToString(),
                                                           /*num_threads=*/1);
    state->exposer->RegisterCollectable(state->metrics);
    state->exposer->RegisterCollectable(state->partitions,
                                        "/metrics/partitions");
    const std::vector<int> ports = state->exposer->GetListeningPorts();
    if (ports.size() == 1) {
      state->address.port = static_cast<uint16_t>(ports.front());
    }
  } catch (const std::exception& error) {
    return absl::UnavailableError(absl::StrCat("cannot listen on ",
                                               listen.ToString(),
                                               " for metrics: ", error.what()));
  }
  return std::unique_ptr<MetricsServer>(new MetricsServer(std::move(state)));
}

MetricsServer::MetricsServer(std::unique_ptr<State> state)
    : state_(std::move(state)) {}

MetricsServer::~MetricsServer() = default;

const ListenAddress& MetricsServer::address() const { return state_->address; }

}  // namespace kappa::server

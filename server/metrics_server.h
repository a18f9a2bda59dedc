// MetricsServer: serves /metrics and /metrics/partitions to Prometheus over
// HTTP.
#ifndef KAPPA_SERVER_METRICS_SERVER_H_
#define KAPPA_SERVER_METRICS_SERVER_H_

#include <memory>

#include "absl/status/statusor.h"
#include "prometheus/collectable.h"
#include "server/listen_address.h"

namespace kappa::server {

// Thread safety: thread-compatible.
class MetricsServer {
 public:
  // Listens and serves from now on, with one thread.
  // Errors: as TryToListen.
  static absl::StatusOr<std::unique_ptr<MetricsServer>> Start(
      const ListenAddress& listen,
      std::shared_ptr<prometheus::Collectable> metrics,
      std::shared_ptr<prometheus::Collectable> partitions);
  ~MetricsServer();

  // Where it listens; the port is the real one.
  const ListenAddress& address() const;

 private:
  struct State;
  explicit MetricsServer(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_METRICS_SERVER_H_

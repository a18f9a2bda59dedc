// NodeProbe: asks one node whether it serves.
#ifndef KAPPA_CLIENT_CLI_LOCAL_NODE_PROBE_H_
#define KAPPA_CLIENT_CLI_LOCAL_NODE_PROBE_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/cpp/client.h"
#include "client/cpp/tls_options.h"
#include "kappa/v1/cluster_service.pb.h"

namespace kappa::cli {

// Thread safety: thread-safe.
class NodeProbe {
 public:
  // `address` is HOST:PORT.
  // Errors: a usage error: files of TLS cannot be read or used.
  static absl::StatusOr<NodeProbe> Make(const std::string& address,
                                        std::optional<client::TlsOptions> tls);

  // What it says of the cluster: it serves. Errors: why it does not, within
  // `timeout`.
  absl::StatusOr<v1::DescribeClusterResponse> Ask(absl::Duration timeout) const;

 private:
  explicit NodeProbe(std::shared_ptr<client::Client> client)
      : client_(std::move(client)) {}

  std::shared_ptr<client::Client> client_;
};

}  // namespace kappa::cli

#endif  // KAPPA_CLIENT_CLI_LOCAL_NODE_PROBE_H_

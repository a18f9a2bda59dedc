// ClientOptions: where the cluster is and how patient to be.
#ifndef KAPPA_CLIENT_CPP_CLIENT_OPTIONS_H_
#define KAPPA_CLIENT_CPP_CLIENT_OPTIONS_H_

#include <optional>
#include <string>

#include "absl/time/time.h"
#include "client/cpp/tls_options.h"

namespace kappa::client {

struct ClientOptions {
  // "HOST:PORT[,HOST:PORT...]": any nodes of the cluster. The others are
  // learnt from answers.
  std::string seeds = "127.0.0.1:7400";
  // TLS on all connections; nullopt: plain text.
  std::optional<TlsOptions> tls = std::nullopt;
  // How long Client::Connect looks for a seed that answers.
  absl::Duration connect_timeout = absl::Seconds(5);
  // How long one administrative call may take, retries included.
  absl::Duration call_timeout = absl::Seconds(30);
  // Wait before the first repetition of a failed attempt; doubles each time up
  // to the maximum. The actual wait is random between half of it and all. While
  // nodes are gone or do not lead it stays below 80 ms for some seconds first.
  absl::Duration backoff_min = absl::Milliseconds(20);
  absl::Duration backoff_max = absl::Seconds(2);
  // A node that leaves all appends of a producer with exact retries unanswered
  // for so long is given up for another one: it was stopped or cut off. Longer
  // where answers are slow. Infinite: only when the connection breaks.
  absl::Duration silence_min = absl::Seconds(1);
};

}  // namespace kappa::client

#endif  // KAPPA_CLIENT_CPP_CLIENT_OPTIONS_H_

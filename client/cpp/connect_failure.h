// Why no connection came about, as far as gRPC tells.
#ifndef KAPPA_CLIENT_CPP_CONNECT_FAILURE_H_
#define KAPPA_CLIENT_CPP_CONNECT_FAILURE_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "grpcpp/channel.h"

namespace kappa::client {

// Asks the channel why it is not connected, waiting up to 0.2 s for an attempt
// under way. OK: it is connected by now.
absl::Status WhyNotConnected(const std::shared_ptr<grpc::Channel>& channel);

// One status for all addresses, each with what WhyNotConnected said. Something
// that listens but does not serve us, because of TLS, its absence or a
// certificate, is told apart from nothing that answers.
// Errors: always UNAVAILABLE.
absl::Status ConnectFailure(
    const std::vector<std::pair<std::string, absl::Status>>& failures);

// Whether `status` is a ConnectFailure where something did listen.
bool SomethingListens(const absl::Status& status);

}  // namespace kappa::client

#endif  // KAPPA_CLIENT_CPP_CONNECT_FAILURE_H_

#include "client/cli/local/free_ports.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "proto/wire/check.h"

namespace kappa::cli {
namespace {

// 0, or why nobody can listen on 127.0.0.1 at that port.
int WhyTaken(uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  KAPPA_CHECK(fd >= 0, "a socket can be made");
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int why =
      bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0
          ? 0
          : errno;
  close(fd);
  return why;
}

}  // namespace

absl::Status CheckPortsFree(const LocalCluster& cluster, uint32_t node) {
  const std::pair<const char*, std::string> uses[] = {
      {"clients", cluster.ClientAddressOf(node)},
      {"nodes", cluster.NodeAddressOf(node)},
      {"metrics", cluster.MetricsAddressOf(node)}};
  for (const auto& [use, address] : uses) {
    uint32_t port = 0;
    KAPPA_CHECK(absl::SimpleAtoi(address.substr(address.rfind(':') + 1), &port),
                "an address ends with its port");
    const int why = WhyTaken(static_cast<uint16_t>(port));
    if (why == 0) continue;
    return absl::FailedPreconditionError(
        absl::StrCat("port ", port, ", where node ", node, " serves ", use,
                     ", cannot be had: ", std::strerror(why),
                     "; choose another --base-port"));
  }
  return absl::OkStatus();
}

}  // namespace kappa::cli

#include "server/listen_address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "proto/wire/string_view.h"

namespace kappa::server {
namespace {

absl::Status Explain(const ListenAddress& address, int error) {
  const std::string what = absl::StrCat("cannot listen on ", address.ToString(),
                                        ": ", std::strerror(error));
  switch (error) {
    case EADDRINUSE:
      return absl::UnavailableError(
          absl::StrCat(what,
                       "; another program, perhaps another kappad, "
                       "listens there: stop it or choose another port"));
    case EACCES:
      return absl::PermissionDeniedError(what);
    default:
      return absl::InvalidArgumentError(what);
  }
}

}  // namespace

absl::StatusOr<ListenAddress> ListenAddress::Parse(std::string_view text) {
  const auto refuse = [text] {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", ToAbsl(text),
                     "\" is not HOST:PORT, e.g. 127.0.0.1:7400 or [::1]:7400"));
  };
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return refuse();
  ListenAddress address;
  std::string_view host = text.substr(0, colon);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return refuse();
  }
  uint32_t port;
  if (host.empty() || host.find_first_of("[] ") != std::string_view::npos ||
      !absl::SimpleAtoi(ToAbsl(text.substr(colon + 1)), &port) ||
      port > 65'535) {
    return refuse();
  }
  address.host = std::string(host);
  address.port = static_cast<uint16_t>(port);
  return address;
}

bool ListenAddress::IsLoopback() const {
  if (host == "localhost") return true;
  in_addr v4;
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) {
    return (ntohl(v4.s_addr) >> 24) == 127;
  }
  in6_addr v6;
  return inet_pton(AF_INET6, host.c_str(), &v6) == 1 &&
         IN6_IS_ADDR_LOOPBACK(&v6);
}

std::string ListenAddress::ToString() const {
  return host.find(':') == std::string::npos
             ? absl::StrCat(host, ":", port)
             : absl::StrCat("[", host, "]:", port);
}

absl::Status TryToListen(const ListenAddress& address) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  const int result = getaddrinfo(
      address.host.c_str(), absl::StrCat(address.port).c_str(), &hints, &found);
  if (result != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "cannot listen on ", address.ToString(), ": ", gai_strerror(result)));
  }
  int error = 0;
  const int fd = socket(found->ai_family, found->ai_socktype | SOCK_CLOEXEC, 0);
  const int on = 1;
  if (fd < 0) {
    error = errno;
  } else {
    // As servers do: connections of a former process that linger are no reason.
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, found->ai_addr, found->ai_addrlen) != 0 ||
        listen(fd, 1) != 0) {
      error = errno;
    }
    close(fd);
  }
  freeaddrinfo(found);
  return error == 0 ? absl::OkStatus() : Explain(address, error);
}

}  // namespace kappa::server

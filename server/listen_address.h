// ListenAddress: HOST:PORT as a person writes it.
#ifndef KAPPA_SERVER_LISTEN_ADDRESS_H_
#define KAPPA_SERVER_LISTEN_ADDRESS_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace kappa::server {

struct ListenAddress {
  std::string host = "127.0.0.1";  // without brackets
  uint16_t port = 0;               // 0: any free one

  // "HOST:PORT"; an IPv6 host stands in brackets.
  // Errors: INVALID_ARGUMENT naming the text.
  static absl::StatusOr<ListenAddress> Parse(std::string_view text);

  // Only this machine can reach it: 127.0.0.0/8, ::1 or "localhost". Any other
  // name is not asked for, and so counts as remote.
  bool IsLoopback() const;
  // The form that Parse takes.
  std::string ToString() const;

  friend bool operator==(const ListenAddress&, const ListenAddress&) = default;
};

// Why one cannot listen there, from the operating system; OK when one can (then
// nothing listens afterwards). Errors: UNAVAILABLE: in use; INVALID_ARGUMENT:
// no such address here; PERMISSION_DENIED.
absl::Status TryToListen(const ListenAddress& address);

}  // namespace kappa::server

#endif  // KAPPA_SERVER_LISTEN_ADDRESS_H_

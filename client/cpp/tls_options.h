// TlsOptions: how to reach servers that serve TLS.
#ifndef KAPPA_CLIENT_CPP_TLS_OPTIONS_H_
#define KAPPA_CLIENT_CPP_TLS_OPTIONS_H_

#include <string>

#include "absl/status/statusor.h"
#include "proto/wire/tls_material.h"

namespace kappa::client {

// Each part is a file or PEM text. Files are read once, when the Client is
// made.
struct TlsOptions {
  // Whose certificates are trusted: one or more. One of the two is required.
  std::string ca_file;
  std::string ca_pem;
  // One's own certificate and key, for servers that ask for one: both or
  // neither.
  std::string cert_file;
  std::string cert_pem;
  std::string key_file;
  std::string key_pem;
  // The name that the server's certificate must carry; empty: the host of the
  // address that is dialled.
  std::string server_name;
};

// Reads and checks.
// Errors: INVALID_ARGUMENT naming the file and what is wrong.
absl::StatusOr<TlsMaterial> LoadTls(const TlsOptions& options);

}  // namespace kappa::client

#endif  // KAPPA_CLIENT_CPP_TLS_OPTIONS_H_

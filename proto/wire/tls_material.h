// Certificates and keys of TLS: read from files, and checked before use.
#ifndef KAPPA_PROTO_WIRE_TLS_MATERIAL_H_
#define KAPPA_PROTO_WIRE_TLS_MATERIAL_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace kappa {

// Paths of PEM files; an empty one means: none.
struct TlsFiles {
  std::string cert;  // one's own certificate, then those between it and the CA
  std::string key;   // its private key, without a passphrase
  std::string ca;    // whose certificates are trusted; one or more

  friend bool operator==(const TlsFiles&, const TlsFiles&) = default;
};

// The same as PEM text.
struct TlsMaterial {
  std::string cert;
  std::string key;
  std::string ca;

  friend bool operator==(const TlsMaterial&, const TlsMaterial&) = default;
};

// Reads what `files` names; looks at nothing.
// Errors: NOT_FOUND: "TLS key FILE: why it cannot be read".
absl::StatusOr<TlsMaterial> ReadTlsFiles(const TlsFiles& files);

// Whether OpenSSL can use it: everything parses, the key belongs to the
// certificate and is strong enough. `names` is what errors call the parts.
// Errors: INVALID_ARGUMENT: "TLS key NAME: why".
absl::Status CheckTlsMaterial(const TlsMaterial& material,
                              const TlsFiles& names);

// ReadTlsFiles and CheckTlsMaterial.
absl::StatusOr<TlsMaterial> LoadTlsFiles(const TlsFiles& files);

// The first certificate of `pem` for a log: "CN = a.example, until Nov 26
// 12:00:00 2027 GMT". Requires: CheckTlsMaterial accepted it.
std::string DescribeCertificate(const std::string& pem);

}  // namespace kappa

#endif  // KAPPA_PROTO_WIRE_TLS_MATERIAL_H_

// TestCertificates: certificates for trying TLS out on one machine, made by the
// program openssl.
#ifndef KAPPA_CLIENT_CLI_LOCAL_TEST_CERTIFICATES_H_
#define KAPPA_CLIENT_CLI_LOCAL_TEST_CERTIFICATES_H_

#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"

namespace kappa::cli {

// One CA for clients and what serves them, another one for nodes among each
// other, so that neither is taken for the other. All are for localhost and
// 127.0.0.1, and valid for ten years.
//
// Thread safety: thread-compatible.
class TestCertificates {
 public:
  explicit TestCertificates(std::string directory)
      : directory_(std::move(directory)) {}

  // Makes the directory with everything in it, for nodes 1 to `nodes`, in one
  // step; does nothing if it is there.
  // Errors: FAILED_PRECONDITION: no program openssl, or what it said.
  absl::Status Make(uint32_t nodes) const;

  // PEM files. A key is in the file that ends with ".key".
  std::string Ca() const { return directory_ + "/ca.pem"; }
  std::string NodeCa() const { return directory_ + "/node-ca.pem"; }
  std::string ClientCert() const { return directory_ + "/client.pem"; }
  std::string ClientKey() const { return directory_ + "/client.key"; }
  std::string ServerCert(uint32_t node) const;
  std::string ServerKey(uint32_t node) const;
  std::string NodeCert(uint32_t node) const;
  std::string NodeKey(uint32_t node) const;

 private:
  const std::string directory_;
};

}  // namespace kappa::cli

#endif  // KAPPA_CLIENT_CLI_LOCAL_TEST_CERTIFICATES_H_

// TestCa: certificates for tests, made by the openssl program.
#ifndef KAPPA_TESTS_SERVER_PEER_TEST_CA_H_
#define KAPPA_TESTS_SERVER_PEER_TEST_CA_H_

#include <string>

#include "proto/wire/tls_material.h"

namespace kappa::server {

// A certificate authority, with its files in a folder.
class TestCa {
 public:
  TestCa(const std::string& folder, const std::string& name);

  // A certificate and its key for the hosts, a list as openssl takes it, and
  // this CA.
  TlsFiles Issue(const std::string& name,
                 const std::string& hosts = "DNS:localhost,IP:127.0.0.1") const;
  const std::string& cert() const { return cert_; }

 private:
  const std::string prefix_;
  const std::string cert_;
  const std::string key_;
};

// Puts the content of `from` in the place of `to`, in one step.
void ReplaceFile(const std::string& from, const std::string& to);

}  // namespace kappa::server

#endif  // KAPPA_TESTS_SERVER_PEER_TEST_CA_H_

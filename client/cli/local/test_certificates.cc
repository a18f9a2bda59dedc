#include "client/cli/local/test_certificates.h"

#include <fcntl.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cli/local/run_program.h"

namespace kappa::cli {
namespace {

namespace fs = std::filesystem;

constexpr char kDays[] = "3650";

// "openssl req -x509" with a new key, into BASE.pem and BASE.key.
std::vector<std::string> Request(const std::string& base,
                                 const std::string& name) {
  return {"openssl",
          "req",
          "-x509",
          "-newkey",
          "ec",
          "-pkeyopt",
          "ec_paramgen_curve:P-256",
          "-nodes",
          "-days",
          kDays,
          "-subj",
          absl::StrCat("/CN=", name),
          "-keyout",
          base + ".key",
          "-out",
          base + ".pem"};
}

absl::Status MakeCa(const std::string& base, const std::string& name) {
  return RunProgram(Request(base, name));
}

// `use`: of extendedKeyUsage.
absl::Status Issue(const std::string& ca, const std::string& base,
                   const std::string& name, const std::string& use) {
  std::vector<std::string> words = Request(base, name);
  words.insert(words.end(), {"-CA", ca + ".pem", "-CAkey", ca + ".key",
                             "-addext", "basicConstraints=critical,CA:FALSE",
                             "-addext", "extendedKeyUsage=" + use, "-addext",
                             "subjectAltName=DNS:localhost,IP:127.0.0.1"});
  return RunProgram(words);
}

absl::Status MakeAll(const std::string& directory, uint32_t nodes) {
  const std::string ca = directory + "/ca";
  const std::string node_ca = directory + "/node-ca";
  absl::Status made = MakeCa(ca, "kappa local CA");
  if (made.ok()) made = MakeCa(node_ca, "kappa local CA of nodes");
  if (made.ok()) {
    made = Issue(ca, directory + "/client", "client", "clientAuth");
  }
  for (uint32_t node = 1; node <= nodes && made.ok(); ++node) {
    const std::string name = absl::StrCat("node-", node);
    made = Issue(ca, absl::StrCat(directory, "/server-", node), name,
                 "serverAuth");
    if (!made.ok()) break;
    made = Issue(node_ca, absl::StrCat(directory, "/", name), name,
                 "serverAuth,clientAuth");
  }
  return made;
}

}  // namespace

absl::Status TestCertificates::Make(uint32_t nodes) const {
  std::error_code error;
  if (fs::exists(directory_, error)) return absl::OkStatus();
  const std::string made = directory_ + ".new";
  fs::remove_all(made, error);
  fs::create_directories(made, error);
  if (!error) fs::permissions(made, fs::perms::owner_all, error);
  if (error) {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot make ", made, ": ", error.message()));
  }
  absl::Status status = MakeAll(made, nodes);
  if (status.ok()) {
    fs::rename(made, directory_, error);
    if (!error) return status;
    status = absl::FailedPreconditionError(
        absl::StrCat("cannot make ", directory_, ": ", error.message()));
  }
  fs::remove_all(made, error);
  return status;
}

std::string TestCertificates::ServerCert(uint32_t node) const {
  return absl::StrCat(directory_, "/server-", node, ".pem");
}

std::string TestCertificates::ServerKey(uint32_t node) const {
  return absl::StrCat(directory_, "/server-", node, ".key");
}

std::string TestCertificates::NodeCert(uint32_t node) const {
  return absl::StrCat(directory_, "/node-", node, ".pem");
}

std::string TestCertificates::NodeKey(uint32_t node) const {
  return absl::StrCat(directory_, "/node-", node, ".key");
}

}  // namespace kappa::cli

#include "tests/server/peer/test_ca.h"

#include <cstdlib>
#include <filesystem>

#include "proto/wire/check.h"

namespace kappa::server {
namespace {

const char* const kNewKey =
    " -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2";

void OpenSsl(const std::string& arguments) {
  const std::string command =
      "openssl " + arguments + " </dev/null >/dev/null 2>&1";
  KAPPA_CHECK(std::system(command.c_str()) == 0, "openssl makes it");
}

}  // namespace

TestCa::TestCa(const std::string& folder, const std::string& name)
    : prefix_(folder + "/" + name),
      cert_(prefix_ + ".pem"),
      key_(prefix_ + ".key") {
  OpenSsl("req -x509 -keyout " + key_ + " -out " + cert_ +
          " -subj /CN=" + name + kNewKey);
}

TlsFiles TestCa::Issue(const std::string& name,
                       const std::string& hosts) const {
  TlsFiles files;
  files.cert = prefix_ + "-" + name + ".pem";
  files.key = prefix_ + "-" + name + ".key";
  files.ca = cert_;
  OpenSsl("req -x509 -CA " + cert_ + " -CAkey " + key_ + " -keyout " +
          files.key + " -out " + files.cert + " -subj /CN=" + name +
          " -addext basicConstraints=critical,CA:FALSE -addext "
          "subjectAltName=" +
          hosts + kNewKey);
  return files;
}

void ReplaceFile(const std::string& from, const std::string& to) {
  std::filesystem::copy_file(from, to + ".next",
                             std::filesystem::copy_options::overwrite_existing);
  std::filesystem::rename(to + ".next", to);
}

}  // namespace kappa::server

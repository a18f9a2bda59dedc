#include "client/cpp/tls_options.h"

#include "absl/status/status.h"

namespace kappa::client {
namespace {

// Takes the text that is given in the place of a file.
absl::Status Place(const std::string& pem, std::string* file,
                   std::string* content) {
  if (pem.empty()) return absl::OkStatus();
  if (!file->empty()) {
    return absl::InvalidArgumentError("TLS: " + *file +
                                      " is given as a file and as PEM text");
  }
  *file = "(given as text)";
  *content = pem;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<TlsMaterial> LoadTls(const TlsOptions& options) {
  TlsFiles files{options.cert_file, options.key_file, options.ca_file};
  absl::StatusOr<TlsMaterial> material = ReadTlsFiles(files);
  if (!material.ok()) {
    return absl::InvalidArgumentError(material.status().message());
  }
  absl::Status status = Place(options.ca_pem, &files.ca, &material->ca);
  if (status.ok()) {
    status = Place(options.cert_pem, &files.cert, &material->cert);
  }
  if (status.ok()) {
    status = Place(options.key_pem, &files.key, &material->key);
  }
  if (status.ok() && files.ca.empty()) {
    status = absl::InvalidArgumentError("TLS: no CA is given");
  }
  if (status.ok()) status = CheckTlsMaterial(*material, files);
  if (!status.ok()) return status;
  return material;
}

}  // namespace kappa::client

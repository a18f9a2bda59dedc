#include "server/tls_follower.h"

#include <utility>

#include "absl/status/status.h"
#include "server/logging.h"

namespace kappa::server {

absl::StatusOr<std::unique_ptr<TlsFollower>> TlsFollower::Open(TlsFiles files) {
  absl::StatusOr<TlsMaterial> material = LoadTlsFiles(files);
  if (!material.ok()) return material.status();
  return std::unique_ptr<TlsFollower>(
      new TlsFollower(std::move(files), *std::move(material)));
}

TlsFollower::TlsFollower(TlsFiles files, TlsMaterial material)
    : files_(std::move(files)) {
  MutexLock lock(&mutex_);
  Take(std::move(material));
}

std::shared_ptr<const TlsMaterial> TlsFollower::Current() {
  absl::StatusOr<TlsMaterial> read = ReadTlsFiles(files_);
  MutexLock lock(&mutex_);
  if (!read.ok()) {
    Refuse(std::string(read.status().message()));
  } else if (*read == *current_) {
    refused_.clear();
  } else if (absl::Status good = CheckTlsMaterial(*read, files_); !good.ok()) {
    Refuse(std::string(good.message()));
  } else {
    Take(*std::move(read));
  }
  return current_;
}

void TlsFollower::Take(TlsMaterial material) {
  current_ = std::make_shared<const TlsMaterial>(std::move(material));
  refused_.clear();
  LogInfo("TLS certificate in use",
          {{"certificate", DescribeCertificate(current_->cert)},
           {"file", files_.cert},
           {"ca", files_.ca}});
}

void TlsFollower::Refuse(const std::string& why) {
  if (why == refused_) return;
  refused_ = why;
  LogError("changed TLS files are not taken, the former ones stay in use",
           {{"error", why}});
}

}  // namespace kappa::server

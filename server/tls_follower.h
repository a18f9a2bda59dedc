// TlsFollower: certificates and keys that follow their files.
#ifndef KAPPA_SERVER_TLS_FOLLOWER_H_
#define KAPPA_SERVER_TLS_FOLLOWER_H_

#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "proto/wire/mutex.h"
#include "proto/wire/tls_material.h"

namespace kappa::server {

// While the files do not fit together (half of them replaced, or one
// unreadable), what was last good stays in use, and the log says why.
//
// Thread safety: thread-safe.
class TlsFollower {
 public:
  // Errors: as LoadTlsFiles.
  static absl::StatusOr<std::unique_ptr<TlsFollower>> Open(TlsFiles files);

  // Reads the files. Returns the same object as long as nothing has changed.
  std::shared_ptr<const TlsMaterial> Current();

 private:
  TlsFollower(TlsFiles files, TlsMaterial material);

  void Take(TlsMaterial material) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Refuse(const std::string& why) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const TlsFiles files_;
  Mutex mutex_;
  std::shared_ptr<const TlsMaterial> current_ ABSL_GUARDED_BY(mutex_);
  // Why the files were last not taken; empty when they were.
  std::string refused_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_TLS_FOLLOWER_H_

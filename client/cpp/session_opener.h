// SessionOpener: finds out, without blocking, where a partition's session is.
#ifndef KAPPA_CLIENT_CPP_SESSION_OPENER_H_
#define KAPPA_CLIENT_CPP_SESSION_OPENER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/cpp/client.h"
#include "client/cpp/partition_appender.h"
#include "client/cpp/timer.h"
#include "proto/wire/mutex.h"

namespace kappa::client {

// Asks GetOffsets (unnamed: where the session starts) or GetProducer (named:
// the last sequence), again with back-off while errors are retriable.
//
// Thread safety: thread-safe.
class SessionOpener {
 public:
  using Done = std::function<void(absl::StatusOr<PartitionSession>)>;

  // `name` is empty for unnamed sessions. `timer` must outlive it.
  SessionOpener(std::shared_ptr<Client> client, Timer* timer, std::string topic,
                std::string topic_uuid, std::string name);
  // Waits for calls on their way.
  ~SessionOpener();

  // Calls `done` at most once, on another thread; not after Stop. What it
  // tells has the identity of `identity` and the rest from the server.
  void Open(uint32_t partition, PartitionSession identity, Done done);

  // Cancels all calls and waits until none is left.
  void Stop();

 private:
  struct Call;

  void Start(std::shared_ptr<Call> call);
  void OnDone(const std::shared_ptr<Call>& call, const absl::Status& status);

  const std::shared_ptr<Client> client_;
  Timer& timer_;
  const std::string topic_;
  const std::string topic_uuid_;
  const std::string name_;

  Mutex mutex_;
  CondVar changed_;
  absl::flat_hash_set<std::shared_ptr<Call>> calls_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace kappa::client

#endif  // KAPPA_CLIENT_CPP_SESSION_OPENER_H_

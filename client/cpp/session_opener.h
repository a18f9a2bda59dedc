// SessionOpener: finds out, without blocking, where a partition's session is.
#ifndef KAPPA_CLIENT_CPP_SESSION_OPENER_H_
#define KAPPA_CLIENT_CPP_SESSION_OPENER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
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
  // Stop. The timer must have stopped before.
  ~SessionOpener();

  // Calls `done` at most once, on another thread; not after Stop. What it
  // tells has the identity of `identity` and the rest from the server.
  void Open(uint32_t partition, PartitionSession identity, Done done);

  // Cancels all calls and waits until none is left.
  void Stop();

 private:
  struct Call;

  void Start(Call* call);
  void OnDone(Call* call, const absl::Status& status);
  // On the timer's thread: calls hold channels (see AppendStream).
  void DestroyFinished();

  const std::shared_ptr<Client> client_;
  Timer& timer_;
  const std::string topic_;
  const std::string topic_uuid_;
  const std::string name_;

  Mutex mutex_;
  CondVar changed_;
  absl::flat_hash_map<Call*, std::unique_ptr<Call>> calls_
      ABSL_GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<Call>> finished_ ABSL_GUARDED_BY(mutex_);
  // Calls on their way, as opposed to those that wait for another attempt.
  size_t active_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace kappa::client

#endif  // KAPPA_CLIENT_CPP_SESSION_OPENER_H_

// Replay: the records of one partition, as a range.
#ifndef KAPPA_CLIENT_CPP_REPLAY_H_
#define KAPPA_CLIENT_CPP_REPLAY_H_

#include <cstddef>
#include <functional>
#include <iterator>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/cpp/client.h"
#include "client/cpp/replay_options.h"

namespace kappa::client {

class PartitionReader;
class ReadySignal;

// Reads a partition from a start to a stop. A lost connection is made again
// with back-off and goes on at the next offset, so each record comes exactly
// once and in order.
//
//   auto replay = Replay::Start(client, {.topic = "orders"});
//   for (const ReplayRecord& record : **replay) Use(record);
//   absl::Status status = (*replay)->status();  // why it ended
//
// Thread safety: one thread iterates; Cancel may be called from any.
class Replay {
 public:
  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = ReplayRecord;
    using difference_type = std::ptrdiff_t;
    using pointer = const ReplayRecord*;
    using reference = const ReplayRecord&;

    const ReplayRecord& operator*() const { return replay_->record(); }
    const ReplayRecord* operator->() const { return &replay_->record(); }
    Iterator& operator++() {
      if (!replay_->Next()) replay_ = nullptr;
      return *this;
    }
    friend bool operator==(const Iterator& a, const Iterator& b) {
      return a.replay_ == b.replay_;
    }

   private:
    friend class Replay;
    explicit Iterator(Replay* replay) : replay_(replay) {}
    Replay* replay_;
  };

  // Resolves start and stop and begins to read.
  // Errors: those of the API method Replay that show at once (for example
  // TOPIC_NOT_FOUND when a position must be resolved); others end the range.
  static absl::StatusOr<std::unique_ptr<Replay>> Start(
      std::shared_ptr<Client> client, ReplayOptions options);

  ~Replay();
  Replay(const Replay&) = delete;
  Replay& operator=(const Replay&) = delete;

  // Waits for the next record; false at the end, see status().
  bool Next();
  // Valid after Next returned true, until it is called again.
  const ReplayRecord& record() const;

  // begin() calls Next; a range can be walked once.
  Iterator begin() { return Iterator(Next() ? this : nullptr); }
  Iterator end() { return Iterator(nullptr); }

  // Calls `on_record` for each record until the end or until it returns false.
  // Returns status().
  absl::Status ForEach(
      const std::function<bool(const ReplayRecord&)>& on_record);

  // Ends the range soon, from any thread.
  void Cancel();

  // After the end: OK when the stop was reached; CANCELLED after Cancel;
  // OUT_OF_RANGE: the start lies beyond the end; DATA_LOSS: bytes damaged; else
  // as for the API method, or UNAVAILABLE after retry_timeout.
  const absl::Status& status() const;
  // Where to go on: pass it as the next start. Backwards too.
  Offset next_offset() const;
  // The committed end as last told by the server.
  Offset end_offset() const;
  // Payload bytes received, as stored.
  uint64_t payload_bytes() const;

 private:
  Replay();

  std::unique_ptr<ReadySignal> ready_;
  std::unique_ptr<PartitionReader> reader_;
  bool ended_ = false;
};

}  // namespace kappa::client

#endif  // KAPPA_CLIENT_CPP_REPLAY_H_

// TopicReplay: the records of all partitions of a topic.
#ifndef KAPPA_CLIENT_CPP_TOPIC_REPLAY_H_
#define KAPPA_CLIENT_CPP_TOPIC_REPLAY_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/cpp/client.h"
#include "client/cpp/replay_options.h"

namespace kappa::client {

class PartitionReader;
class ReadySignal;

// Which partitions a TopicReplay reads.
struct TopicReplaySettings {
  // Empty: all partitions that the topic has now.
  std::vector<uint32_t> partitions = {};
  // Where each of `partitions` starts, in the same order, instead of
  // ReplayOptions::start; empty: all start there.
  std::vector<Offset> starts = {};
  // Partitions read at the same time. Ignored when the tail is followed:
  // then it is all of them.
  size_t partitions_at_once = 8;
};

// Replays several partitions at once on the caller's thread. Records of one
// partition come in order; between partitions there is none.
//
//   auto replay = TopicReplay::Start(
//       client, {.topic = "orders", .stop = ReplayPosition::End()});
//   absl::Status status = (*replay)->ForEach([](const ReplayRecord& record) {
//     Use(record);
//     return true;
//   });
//
// Thread safety: one thread reads; Cancel may be called from any.
class TopicReplay {
 public:
  // Resolves the topic, starts and stops of all partitions.
  // Errors: as for Admin::GetTopic and Admin::GetOffsets; INVALID_ARGUMENT:
  // options or settings that make no sense, e.g. a partition named twice.
  static absl::StatusOr<std::unique_ptr<TopicReplay>> Start(
      std::shared_ptr<Client> client, ReplayOptions options,
      TopicReplaySettings settings = {});

  ~TopicReplay();
  TopicReplay(const TopicReplay&) = delete;
  TopicReplay& operator=(const TopicReplay&) = delete;

  // Calls `on_record` for each record until every partition reached its stop,
  // until one fails, or until `on_record` returns false. Returns OK when all
  // stops (or records_max) were reached or `on_record` returned false;
  // CANCELLED after Cancel; else the first partition's error.
  absl::Status ForEach(
      const std::function<bool(const ReplayRecord&)>& on_record);

  // Ends ForEach soon, from any thread.
  void Cancel();

  // Partition numbers, and where each goes on, in the order of the settings.
  const std::vector<uint32_t>& partitions() const { return partitions_; }
  std::vector<Offset> next_offsets() const;
  // Whether the partition at place `i` of partitions() has reached its stop.
  bool ended(size_t i) const;
  // Records between the starts and the stops as far as known (a committed end
  // where there is no stop): what a progress bar needs.
  uint64_t records_expected() const;
  // Payload bytes received, as stored.
  uint64_t payload_bytes() const;

 private:
  TopicReplay();

  // Starts readers up to partitions_at_once.
  void StartReaders();

  std::vector<uint32_t> partitions_;
  std::unique_ptr<ReadySignal> ready_;
  std::vector<std::unique_ptr<PartitionReader>> readers_;
  std::vector<size_t> active_;
  size_t started_ = 0;
  size_t at_once_ = 0;
  uint64_t records_ = 0;
  uint64_t records_max_ = 0;
  uint64_t records_expected_ = 0;
};

}  // namespace kappa::client

#endif  // KAPPA_CLIENT_CPP_TOPIC_REPLAY_H_

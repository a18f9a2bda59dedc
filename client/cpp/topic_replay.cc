#include "client/cpp/topic_replay.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cpp/admin.h"
#include "client/cpp/partition_reader.h"
#include "client/cpp/ready_signal.h"

namespace kappa::client {
namespace {

using Kind = ReplayPosition::Kind;

// One partition is read for so many batches before it is another's turn.
constexpr uint64_t kBatchesPerTurn = 16;

bool FollowsTail(const ReplayOptions& options) {
  return !options.backwards &&
         (!options.stop.has_value() || options.stop->kind == Kind::kNever);
}

uint64_t RecordsBetween(const v1::GetOffsetsResponse& offsets,
                        const ReplayOptions& options) {
  if (options.backwards) return offsets.end_offset() - offsets.first_offset();
  uint64_t first = offsets.first_offset();
  if (options.start.has_value()) {
    if (options.start->kind == Kind::kOffset) first = options.start->offset;
    if (options.start->kind == Kind::kAppendTime &&
        offsets.has_offset_at_time()) {
      first = offsets.offset_at_time();
    }
  }
  uint64_t end = offsets.end_offset();
  if (options.stop.has_value() && options.stop->kind == Kind::kOffset) {
    end = std::min(end, options.stop->offset);
  }
  return first < end ? end - first : 0;
}

absl::StatusOr<std::vector<v1::GetOffsetsResponse>> FetchOffsets(
    Admin* admin, const ReplayOptions& options,
    const std::vector<uint32_t>& partitions, bool all) {
  v1::GetOffsetsRequest request;
  request.set_topic(options.topic);
  request.set_consistency(options.consistency);
  if (options.start.has_value() && options.start->kind == Kind::kAppendTime) {
    request.set_append_time_us(options.start->append_time_us);
  }
  if (all) {
    return admin->GetAllOffsets(request,
                                static_cast<uint32_t>(partitions.size()));
  }
  std::vector<v1::GetOffsetsResponse> offsets;
  for (uint32_t partition : partitions) {
    request.set_partition(partition);
    absl::StatusOr<v1::GetOffsetsResponse> answer = admin->GetOffsets(request);
    if (!answer.ok()) return answer.status();
    offsets.push_back(*std::move(answer));
  }
  return offsets;
}

}  // namespace

TopicReplay::TopicReplay() : ready_(std::make_unique<ReadySignal>()) {}

TopicReplay::~TopicReplay() = default;

absl::StatusOr<std::unique_ptr<TopicReplay>> TopicReplay::Start(
    std::shared_ptr<Client> client, ReplayOptions options,
    TopicReplaySettings settings) {
  const absl::Status status = CheckReplayOptions(options);
  if (!status.ok()) return status;
  Admin admin(client);
  const bool all = settings.partitions.empty();
  if (all) {
    absl::StatusOr<v1::Topic> topic = admin.GetTopic(options.topic);
    if (!topic.ok()) return topic.status();
    for (uint32_t i = 0; i < topic->partitions(); ++i) {
      settings.partitions.push_back(i);
    }
  }
  std::vector<uint32_t> sorted = settings.partitions;
  std::sort(sorted.begin(), sorted.end());
  const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
  if (twice != sorted.end()) {
    return absl::InvalidArgumentError(
        absl::StrCat("partition ", *twice, " is named twice"));
  }
  if (!settings.starts.empty() &&
      settings.starts.size() != settings.partitions.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat(settings.starts.size(), " starts for ",
                     settings.partitions.size(), " partitions"));
  }
  absl::StatusOr<std::vector<v1::GetOffsetsResponse>> offsets =
      FetchOffsets(&admin, options, settings.partitions, all);
  if (!offsets.ok()) return offsets.status();
  std::unique_ptr<TopicReplay> replay(new TopicReplay());
  replay->at_once_ = FollowsTail(options)
                         ? settings.partitions.size()
                         : std::max<size_t>(settings.partitions_at_once, 1);
  replay->records_max_ = options.records_max;
  for (size_t i = 0; i < settings.partitions.size(); ++i) {
    ReplayOptions own = options;
    own.partition = settings.partitions[i];
    if (!settings.starts.empty()) {
      own.start = ReplayPosition::At(settings.starts[i]);
    }
    ResolvePositions((*offsets)[i], &own);
    replay->records_expected_ += RecordsBetween((*offsets)[i], own);
    replay->readers_.push_back(std::make_unique<PartitionReader>(
        client, std::move(own), replay->ready_.get()));
  }
  if (options.records_max > 0) {
    replay->records_expected_ =
        std::min(replay->records_expected_, options.records_max);
  }
  replay->partitions_ = std::move(settings.partitions);
  return replay;
}

absl::Status TopicReplay::ForEach(
    const std::function<bool(const ReplayRecord&)>& on_record) {
  while (true) {
    StartReaders();
    if (active_.empty()) return absl::OkStatus();
    bool progress = false;
    absl::Time wake = absl::InfiniteFuture();
    for (size_t i = 0; i < active_.size();) {
      PartitionReader& reader = *readers_[active_[i]];
      const uint64_t turn_end = reader.batches() + kBatchesPerTurn;
      PartitionReader::Step step = reader.Next();
      while (step == PartitionReader::Step::kRecord) {
        progress = true;
        ++records_;
        if (!on_record(reader.record())) return absl::OkStatus();
        if (records_max_ > 0 && records_ == records_max_) {
          return absl::OkStatus();
        }
        if (reader.batches() >= turn_end) break;
        step = reader.Next();
      }
      if (step == PartitionReader::Step::kEnd) {
        if (!reader.status().ok()) return reader.status();
        progress = true;
        active_.erase(active_.begin() + static_cast<ptrdiff_t>(i));
        continue;
      }
      if (step == PartitionReader::Step::kPending) {
        wake = std::min(wake, reader.wake_time());
      }
      ++i;
    }
    if (!progress) ready_->Wait(wake);
  }
}

void TopicReplay::StartReaders() {
  while (active_.size() < at_once_ && started_ < readers_.size()) {
    active_.push_back(started_++);
  }
}

void TopicReplay::Cancel() { ready_->Cancel(); }

std::vector<Offset> TopicReplay::next_offsets() const {
  std::vector<Offset> offsets;
  offsets.reserve(readers_.size());
  for (const auto& reader : readers_) offsets.push_back(reader->next_offset());
  return offsets;
}

bool TopicReplay::ended(size_t i) const {
  return i < started_ &&
         std::find(active_.begin(), active_.end(), i) == active_.end();
}

uint64_t TopicReplay::records_expected() const { return records_expected_; }

uint64_t TopicReplay::payload_bytes() const {
  uint64_t bytes = 0;
  for (const auto& reader : readers_) bytes += reader->payload_bytes();
  return bytes;
}

}  // namespace kappa::client

#include "storage/segment_lifecycle.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/wire/check.h"
#include "storage/keys.h"
#include "storage/rocks_status.h"
#include "storage/sealed_row.h"
#include "storage/sealed_segment.h"

namespace kappa::storage {
namespace {

// A scan that nobody goes on with is kept one to two of these.
constexpr int64_t kIdleScanUs = 1'000'000;

int64_t MonotonicUs() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

SealerOptions MakeSealerOptions(SealerOptions options,
                                const std::atomic<bool>* cancelled) {
  options.cancelled = cancelled;
  return options;
}

}  // namespace

SegmentLifecycle::SegmentLifecycle(SegmentLifecycleOptions options,
                                   SegmentLifecycleParts parts,
                                   SegmentNumber active, uint64_t active_bytes)
    : options_(std::move(options)),
      parts_(parts),
      sealer_(MakeSealerOptions(options_.sealer, &cancelled_)),
      rewriter_(MakeSealerOptions(options_.sealer, &cancelled_)),
      rebuilder_(MakeSealerOptions(options_.sealer, &cancelled_),
                 parts.entries),
      active_(active),
      active_family_(parts.entries->Live(active)),
      active_bytes_(active_bytes),
      highest_(active) {
  KAPPA_CHECK(active_family_ != nullptr, "the active segment has no family");
  for (const SegmentNumber segment : parts_.entries->LiveSegments()) {
    if (segment < active) {
      frozen_.push_back(segment);
    } else if (segment > active) {
      if (!next_.has_value()) next_ = segment;
      highest_ = segment;
    }
  }
  NoteRepairs();
  thread_ = std::thread([this] { Loop(); });
}

SegmentLifecycle::~SegmentLifecycle() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  cancelled_ = true;
  work_.SignalAll();
  thread_.join();
}

void SegmentLifecycle::SwitchIfFull() {
  if (active_bytes_ < options_.segment_bytes) return;
  {
    MutexLock lock(&mutex_);
    if (!next_.has_value()) return;
    frozen_.push_back(active_);
    active_ = *next_;
    next_.reset();
    resting_ = false;
    nudged_ = true;
  }
  active_family_ = parts_.entries->Live(active_);
  active_bytes_ = 0;
  work_.SignalAll();
}

bool SegmentLifecycle::rows_ready() const {
  return has_ready_ || !ended_.empty();
}

void SegmentLifecycle::PutEnds(CycleBatch* batch) {
  for (const auto& [replica, index] : ended_) {
    // One that was repaired anew meanwhile has a newer row.
    if (parts_.repaired->FirstIn(replica, index, index).has_value()) continue;
    batch->Delete(parts_.database->meta(),
                  MetaKey(MetaRow::kRepaired, replica.value(), index.value()));
  }
  ended_.clear();
}

void SegmentLifecycle::NoteRepairs() {
  if (parts_.repaired == nullptr ||
      parts_.repaired->revision() == repairs_noted_) {
    return;
  }
  repairs_noted_ = parts_.repaired->revision();
  MutexLock lock(&mutex_);
  repairs_due_us_ = MonotonicUs() + options_.repair_settle_us;
}

void SegmentLifecycle::PutRows(CycleBatch* batch) {
  if (!has_ready_) return;
  {
    MutexLock lock(&mutex_);
    publishing_ = std::exchange(ready_, {});
    has_ready_ = false;
  }
  rocksdb::ColumnFamilyHandle* const meta = parts_.database->meta();
  for (const Outcome& outcome : publishing_) {
    const uint64_t segment = outcome.segment.value();
    const std::string key = MetaKey(MetaRow::kSegment, segment);
    if (outcome.row.files.empty()) {
      batch->Delete(meta, key);
    } else {
      batch->Put(meta, key, EncodeSealedRow(outcome.row));
    }
    batch->DeleteRange(meta, MetaKey(MetaRow::kDirectory, segment),
                       MetaKey(MetaRow::kDirectory, segment + 1));
  }
}

void SegmentLifecycle::PublishOutcome(const Outcome& outcome) {
  const SegmentNumber segment = outcome.segment;
  Family family = parts_.entries->Live(segment);
  std::shared_ptr<SealedSegment> replaced = parts_.entries->Sealed(segment);
  if (outcome.row.files.empty()) {
    parts_.directory->RemoveSealed(segment);
    parts_.entries->Remove(segment);
  } else {
    // Readers of the directory find the family until the files take its place.
    parts_.directory->PutSealed(outcome.row);
    parts_.entries->PutSealed(SealedSegment::Create(
        options_.sealed_root, outcome.row, parts_.readers));
  }
  // From now on the files are read; the rows go with a later cycle, so that
  // nobody finds neither.
  if (!outcome.repaired.empty()) {
    parts_.repaired->Remove(outcome.repaired);
    ended_.insert(ended_.end(), outcome.repaired.begin(),
                  outcome.repaired.end());
  }
  // Whatever the last user of these frees, files among it, is not freed here:
  // this is the writer's thread.
  if (replaced) replaced->RemoveFilesAtEnd();
  MutexLock lock(&mutex_);
  if (replaced) replaced_.push_back(std::move(replaced));
  if (family) dropped_.push_back(std::move(family));
}

void SegmentLifecycle::Publish() {
  if (publishing_.empty()) return;
  for (const Outcome& outcome : publishing_) PublishOutcome(outcome);
  publishing_.clear();
  {
    MutexLock lock(&mutex_);
    concluding_ = false;
    nudged_ = true;
  }
  work_.SignalAll();
  // The next cycle takes the rows that ended with this one.
  if (!ended_.empty() && options_.on_rows_ready) options_.on_rows_ready();
}

void SegmentLifecycle::Nudge() {
  {
    MutexLock lock(&mutex_);
    nudged_ = true;
    resting_ = false;
  }
  work_.SignalAll();
}

void SegmentLifecycle::Loop() {
  while (true) {
    if (WorkOnce()) continue;
    MutexLock lock(&mutex_);
    if (stopping_) return;
    Rest();
  }
}

void SegmentLifecycle::Rest() {
  const int64_t period_us =
      std::min({kIdleScanUs, options_.retry_period_us,
                std::max<int64_t>(1'000, options_.repair_settle_us)});
  bool paused = false;
  while (!nudged_ && !stopping_) {
    paused |= Paused();
    if (!work_.WaitFor(&mutex_, period_us)) parts_.scans->DropIdle();
    const bool retry = resting_ && MonotonicUs() >= resting_until_us_;
    if (retry || (paused && !Paused())) {
      resting_ = false;
      break;
    }
    if (repairs_due_us_ != 0 && MonotonicUs() >= repairs_due_us_) break;
  }
  nudged_ = false;
}

bool SegmentLifecycle::WorkOnce() {
  DropReplaced();
  return CreateNext() || SealOldest() || RebuildRepaired() || RewriteDeadest();
}

void SegmentLifecycle::DropReplaced() {
  std::deque<Family> families;
  std::deque<std::shared_ptr<SealedSegment>> replaced;
  {
    MutexLock lock(&mutex_);
    families = std::exchange(dropped_, {});
    replaced = std::exchange(replaced_, {});
  }
  for (const Family& family : families) {
    const absl::Status status = parts_.database->DropSegment(family);
    if (!status.ok() && options_.on_fatal) options_.on_fatal(status);
  }
}

bool SegmentLifecycle::CreateNext() {
  SegmentNumber number;
  {
    MutexLock lock(&mutex_);
    // A sealed segment's family lives until the outcome is published.
    const size_t unsealed = frozen_.size() + (concluding_ ? 1 : 0);
    if (stopping_ || next_.has_value() || unsealed + 2 > kLiveSegmentsMax) {
      return false;
    }
    number = highest_.Next();
    highest_ = number;
  }
  absl::StatusOr<Family> family = parts_.database->CreateSegment(number);
  if (!family.ok()) {
    if (options_.on_fatal) options_.on_fatal(family.status());
    return false;
  }
  parts_.entries->AddLive(number, *std::move(family));
  MutexLock lock(&mutex_);
  next_ = number;
  return true;
}

std::vector<SegmentRange> SegmentLifecycle::VisibleIn(
    SegmentNumber segment) const {
  return parts_.directory->VisibleIn(segment, [this](ReplicaNumber replica) {
    return parts_.replicas->Last(replica);
  });
}

bool SegmentLifecycle::HasChanged(
    SegmentNumber segment, absl::Span<const SegmentRange> visible) const {
  const std::vector<SegmentRange> now = VisibleIn(segment);
  return !std::equal(now.begin(), now.end(), visible.begin(), visible.end(),
                     [](const SegmentRange& a, const SegmentRange& b) {
                       return a.replica == b.replica && a.first == b.first &&
                              a.end == b.end;
                     });
}

std::vector<RepairedEntry> SegmentLifecycle::RepairedIn(
    absl::Span<const SegmentRange> visible) const {
  std::vector<RepairedEntry> repaired;
  if (parts_.repaired == nullptr) return repaired;
  for (const SegmentRange& range : visible) {
    const std::vector<RepairedEntry> in =
        parts_.repaired->In(range.replica, range.first, range.end);
    repaired.insert(repaired.end(), in.begin(), in.end());
  }
  return repaired;
}

bool SegmentLifecycle::SealOldest() {
  SegmentNumber segment;
  {
    MutexLock lock(&mutex_);
    if (stopping_ || resting_ || concluding_ || frozen_.empty() || Paused()) {
      return false;
    }
    segment = frozen_.front();
  }
  const std::vector<SegmentRange> visible = VisibleIn(segment);
  std::vector<RepairedEntry> repaired = RepairedIn(visible);
  absl::StatusOr<SealedRow> row =
      repaired.empty()
          ? sealer_.Seal(parts_.database->db(),
                         parts_.entries->Live(segment).get(), segment, visible)
          : rebuilder_.WriteAll(segment, 0, visible);
  if (absl::IsDataLoss(row.status()) && HasChanged(segment, visible)) {
    return true;
  }
  if (row.ok() || absl::IsDataLoss(row.status())) {
    if (!row.ok()) unsealable_.insert(segment);
    MutexLock lock(&mutex_);
    frozen_.pop_front();
  }
  Conclude(segment, std::move(row), std::move(repaired));
  return true;
}

std::optional<SegmentNumber> SegmentLifecycle::PickRepaired() const {
  const uint64_t revision = parts_.repaired->revision();
  for (const auto& [replica, index] : parts_.repaired->All()) {
    const std::optional<SegmentRange> range =
        parts_.directory->Locate(replica, index);
    if (!range.has_value()) continue;
    const SegmentNumber segment = range->segment;
    const auto tried = not_rebuilt_.find(segment);
    if (tried != not_rebuilt_.end() && tried->second == revision) continue;
    // One that is still written to, or waits to be sealed, is sealed whole.
    if (unsealable_.contains(segment) || parts_.entries->Sealed(segment)) {
      return segment;
    }
  }
  return std::nullopt;
}

absl::StatusOr<SealedRow> SegmentLifecycle::Rebuild(
    SegmentNumber segment, absl::Span<const SegmentRange> visible,
    absl::Span<const RepairedEntry> repaired) const {
  if (unsealable_.contains(segment)) {
    return rebuilder_.WriteAll(segment, 0, visible);
  }
  std::string value;
  const rocksdb::Status read = parts_.database->db()->Get(
      rocksdb::ReadOptions(), parts_.database->meta(),
      MetaKey(MetaRow::kSegment, segment.value()), &value);
  if (!read.ok()) return FromRocksRead(read, "read the row of a segment");
  const absl::StatusOr<SealedRow> row = DecodeSealedRow(value);
  if (!row.ok()) return row.status();
  return rebuilder_.Rebuild(*row, visible, repaired);
}

bool SegmentLifecycle::RebuildRepaired() {
  {
    MutexLock lock(&mutex_);
    if (stopping_ || resting_ || concluding_ || Paused() ||
        repairs_due_us_ == 0 || MonotonicUs() < repairs_due_us_) {
      return false;
    }
  }
  const uint64_t revision = parts_.repaired->revision();
  const std::optional<SegmentNumber> segment = PickRepaired();
  if (!segment.has_value()) {
    MutexLock lock(&mutex_);
    // Unless something was repaired meanwhile.
    if (parts_.repaired->revision() == revision) repairs_due_us_ = 0;
    return false;
  }
  const std::vector<SegmentRange> visible = VisibleIn(*segment);
  std::vector<RepairedEntry> repaired = RepairedIn(visible);
  absl::StatusOr<SealedRow> row = Rebuild(*segment, visible, repaired);
  if (row.ok()) {
    damaged_.erase(*segment);
    unsealable_.erase(*segment);
    not_rebuilt_.erase(*segment);
  } else if (absl::IsDataLoss(row.status())) {
    if (HasChanged(*segment, visible)) return true;
    not_rebuilt_[*segment] = revision;
  }
  Conclude(*segment, std::move(row), std::move(repaired));
  return true;
}

bool SegmentLifecycle::RewriteDeadest() {
  {
    MutexLock lock(&mutex_);
    if (stopping_ || resting_ || concluding_ || Paused()) return false;
  }
  const std::optional<SegmentNumber> segment = PickDeadest();
  if (!segment.has_value()) return false;
  const std::shared_ptr<SealedSegment> sealed =
      parts_.entries->Sealed(*segment);
  if (!sealed) return false;
  const std::vector<SegmentRange> visible = VisibleIn(*segment);
  absl::StatusOr<SealedRow> row = rewriter_.Rewrite(*sealed, visible);
  if (absl::IsDataLoss(row.status())) damaged_.insert(*segment);
  Conclude(*segment, std::move(row));
  return true;
}

std::optional<SegmentNumber> SegmentLifecycle::PickDeadest() const {
  std::vector<SegmentUsage> usage = parts_.directory->SealedUsage();
  std::erase_if(usage, [this](const SegmentUsage& one) {
    return damaged_.contains(one.segment);
  });
  return DeadestSegment(usage);
}

void SegmentLifecycle::Conclude(SegmentNumber segment,
                                absl::StatusOr<SealedRow> row,
                                std::vector<RepairedEntry> repaired) {
  if (row.ok()) {
    {
      MutexLock lock(&mutex_);
      if (stopping_) return;
      ready_.push_back({segment, *std::move(row), std::move(repaired)});
      concluding_ = true;
      has_ready_ = true;
    }
    if (options_.on_rows_ready) options_.on_rows_ready();
    return;
  }
  // A damaged segment is left as it is; others go on.
  if (absl::IsDataLoss(row.status())) return;
  if (!absl::IsResourceExhausted(row.status()) &&
      !absl::IsCancelled(row.status()) && options_.on_fatal) {
    options_.on_fatal(row.status());
  }
  MutexLock lock(&mutex_);
  resting_ = true;
  resting_until_us_ = MonotonicUs() + options_.retry_period_us;
}

}  // namespace kappa::storage

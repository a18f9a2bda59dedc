#include "storage/known_damage.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "storage/file_bytes.h"
#include "storage/row_format.h"

namespace kappa::storage {
namespace {

constexpr size_t kPieceBytes = size_t{64} << 10;

std::string Encode(const std::vector<ScrubRange>& ranges) {
  RowWriter row;
  WriteScrubRanges(ranges, &row);
  return std::move(row).Finish();
}

// Overlapping, or one right behind the other.
bool Touch(const ScrubRange& a, const ScrubRange& b) {
  return a.first <= b.last.Next() && b.first <= a.last.Next();
}

void Extend(const ScrubRange& by, ScrubRange* range) {
  range->first = std::min(range->first, by.first);
  range->last = std::max(range->last, by.last);
}

// Makes one range of the two with the fewest entries between them.
void JoinNearest(std::vector<ScrubRange>* ranges) {
  size_t nearest = 0;
  for (size_t i = 1; i + 1 < ranges->size(); ++i) {
    const auto gap = [&](size_t at) {
      return (*ranges)[at + 1].first - (*ranges)[at].last;
    };
    if (gap(i) <= gap(nearest)) nearest = i;
  }
  Extend((*ranges)[nearest + 1], &(*ranges)[nearest]);
  ranges->erase(ranges->begin() + static_cast<ptrdiff_t>(nearest) + 1);
}

}  // namespace

absl::StatusOr<std::vector<ScrubRange>> DecodeKnownDamage(
    std::string_view bytes) {
  RowReader row(bytes);
  std::vector<ScrubRange> ranges = ReadScrubRanges(&row);
  if (!row.Finish()) {
    return absl::DataLossError("the list of damaged entries is damaged");
  }
  return ranges;
}

absl::StatusOr<std::unique_ptr<KnownDamage>> KnownDamage::Load(
    std::string path, ReplacedFile::OnFatal on_fatal) {
  std::unique_ptr<KnownDamage> known(
      new KnownDamage(path, std::move(on_fatal)));
  if (path.empty()) return known;
  std::string bytes;
  const absl::Status read = ReadFileInPieces(
      path, kPieceBytes,
      [&bytes](std::string_view piece) { bytes.append(piece); });
  if (absl::IsNotFound(read)) return known;
  if (!read.ok()) return read;
  absl::StatusOr<std::vector<ScrubRange>> ranges = DecodeKnownDamage(bytes);
  if (!ranges.ok()) {
    return absl::DataLossError(
        absl::StrCat(path, ": ", ranges.status().message(),
                     ", so nothing says which entries may not be served"));
  }
  MutexLock lock(&known->mutex_);
  for (const ScrubRange& range : *ranges) known->Insert(range);
  return known;
}

void KnownDamage::Insert(const ScrubRange& range) {
  std::vector<ScrubRange>& ranges = ranges_[range.replica];
  ScrubRange grown = range;
  for (const ScrubRange& at : ranges) {
    if (Touch(at, grown)) {
      Extend(at, &grown);
      grown.what = at.what;
    }
  }
  std::erase_if(ranges, [&](const ScrubRange& at) { return Touch(at, grown); });
  const auto place = std::find_if(
      ranges.begin(), ranges.end(),
      [&](const ScrubRange& at) { return at.first > grown.first; });
  ranges.insert(place, std::move(grown));
  if (ranges.size() > kKnownRangesMax) JoinNearest(&ranges);
  any_.store(true);
}

void KnownDamage::Add(const ScrubRange& range) {
  MutexLock lock(&mutex_);
  const auto before = ranges_.find(range.replica);
  if (before != ranges_.end() &&
      std::any_of(before->second.begin(), before->second.end(),
                  [&](const ScrubRange& at) {
                    return at.first <= range.first && range.last <= at.last;
                  })) {
    return;
  }
  Insert(range);
  ++changes_;
}

void KnownDamage::Remove(ReplicaNumber replica, LogIndex first, LogIndex last) {
  MutexLock lock(&mutex_);
  const auto found = ranges_.find(replica);
  if (found == ranges_.end()) return;
  std::vector<ScrubRange> left;
  for (const ScrubRange& range : found->second) {
    if (range.last < first || range.first > last) {
      left.push_back(range);
      continue;
    }
    if (range.first < first) {
      left.push_back(range);
      left.back().last = first.Previous();
    }
    if (range.last > last) {
      left.push_back(range);
      left.back().first = last.Next();
    }
  }
  if (left == found->second) return;
  while (left.size() > kKnownRangesMax) JoinNearest(&left);
  found->second = std::move(left);
  if (found->second.empty()) ranges_.erase(found);
  any_.store(!ranges_.empty());
  ++changes_;
}

absl::Status KnownDamage::Save() {
  MutexLock saving(&saving_);
  std::vector<ScrubRange> all;
  uint64_t changes = 0;
  {
    MutexLock lock(&mutex_);
    if (changes_saved_ == changes_) return absl::OkStatus();
    all = AllLocked();
    changes = changes_;
  }
  if (on_disk_) {
    const absl::Status written = file_.Replace(Encode(all));
    if (!written.ok()) return written;
  }
  MutexLock lock(&mutex_);
  changes_saved_ = changes;
  return absl::OkStatus();
}

bool KnownDamage::saved() const {
  MutexLock lock(&mutex_);
  return changes_saved_ == changes_;
}

std::optional<ScrubRange> KnownDamage::FirstIn(ReplicaNumber replica,
                                               LogIndex from,
                                               LogIndex last) const {
  if (!any_.load(std::memory_order_acquire)) return std::nullopt;
  MutexLock lock(&mutex_);
  const auto found = ranges_.find(replica);
  if (found == ranges_.end()) return std::nullopt;
  for (const ScrubRange& range : found->second) {
    if (range.last >= from && range.first <= last) return range;
  }
  return std::nullopt;
}

std::vector<ScrubRange> KnownDamage::In(ReplicaNumber replica) const {
  if (!any_.load(std::memory_order_acquire)) return {};
  MutexLock lock(&mutex_);
  const auto found = ranges_.find(replica);
  return found == ranges_.end() ? std::vector<ScrubRange>() : found->second;
}

std::vector<ScrubRange> KnownDamage::All() const {
  MutexLock lock(&mutex_);
  return AllLocked();
}

std::vector<ScrubRange> KnownDamage::AllLocked() const {
  std::vector<ScrubRange> all;
  for (const auto& [replica, ranges] : ranges_) {
    all.insert(all.end(), ranges.begin(), ranges.end());
  }
  return all;
}

}  // namespace kappa::storage

#include "storage/segment_directory.h"

#include <algorithm>
#include <limits>

#include "proto/wire/check.h"

namespace kappa::storage {
namespace {

uint32_t Saturated(uint64_t value) {
  return static_cast<uint32_t>(
      std::min<uint64_t>(value, std::numeric_limits<uint32_t>::max()));
}

uint32_t Narrow(SegmentNumber segment) {
  KAPPA_CHECK(segment <= kSegmentNumberMax, "segment numbers fit 32 bits");
  return static_cast<uint32_t>(segment.value());
}

}  // namespace

void SegmentDirectory::AddReplica(ReplicaNumber replica, LogIndex base) {
  Stripe& stripe = StripeOf(replica);
  MutexLock lock(&stripe.mutex);
  stripe.replicas[replica].base = base;
}

void SegmentDirectory::DropReplica(ReplicaNumber replica) {
  Stripe& stripe = StripeOf(replica);
  MutexLock lock(&stripe.mutex);
  stripe.replicas.erase(replica);
}

void SegmentDirectory::SetBase(ReplicaNumber replica, LogIndex base) {
  Stripe& stripe = StripeOf(replica);
  MutexLock lock(&stripe.mutex);
  const auto it = stripe.replicas.find(replica);
  if (it == stripe.replicas.end()) return;
  it->second.base = base;
  ForgetBelowBase(&it->second);
}

void SegmentDirectory::PutRow(SegmentNumber segment, ReplicaNumber replica,
                              const DirectoryRow& row) {
  Stripe& stripe = StripeOf(replica);
  MutexLock lock(&stripe.mutex);
  const auto it = stripe.replicas.find(replica);
  if (it == stripe.replicas.end()) return;
  Put(segment, row, &it->second);
  ForgetBelowBase(&it->second);
}

// Keeps the rows ascending in both numbers: a row is void when a later segment
// begins at or below it. Returns the row, or nullptr when it is void.
SegmentDirectory::Row* SegmentDirectory::Put(SegmentNumber segment,
                                             const DirectoryRow& row,
                                             ReplicaRows* replica) {
  std::vector<Row>& rows = replica->rows;
  const uint32_t number = Narrow(segment);
  auto after = std::partition_point(
      rows.begin(), rows.end(),
      [number](const Row& r) { return r.segment <= number; });
  if (after != rows.end() && after->first <= row.first) return nullptr;
  auto first_void = after;
  while (first_void != rows.begin() &&
         (std::prev(first_void)->segment == number ||
          std::prev(first_void)->first >= row.first)) {
    --first_void;
  }
  Row put;
  put.first = row.first;
  put.offset = row.offset;
  put.append_time_us = row.append_time_us;
  put.segment = number;
  const auto place = rows.erase(first_void, after);
  return &*rows.insert(place, put);
}

void SegmentDirectory::ForgetBelowBase(ReplicaRows* replica) {
  std::vector<Row>& rows = replica->rows;
  size_t below = 0;
  while (below + 1 < rows.size() &&
         rows[below + 1].first <= replica->base.Next()) {
    ++below;
  }
  rows.erase(rows.begin(), rows.begin() + static_cast<ptrdiff_t>(below));
}

void SegmentDirectory::PutSealedReplica(SegmentNumber segment,
                                        const SealedReplica& from,
                                        ReplicaRows* replica) {
  const uint32_t number = Narrow(segment);
  auto it = std::partition_point(
      replica->rows.begin(), replica->rows.end(),
      [number](const Row& r) { return r.segment < number; });
  Row* row = nullptr;
  if (it != replica->rows.end() && it->segment == number) {
    row = &*it;
  } else {
    row = Put(segment, from.row, replica);
  }
  if (row == nullptr) return;
  row->kibibytes = Saturated((from.bytes + 1023) / 1024);
  row->entries = Saturated(from.entries);
  row->key_replica = 0;
  if (from.key_replica == from.replica) return;
  std::vector<ReplicaNumber>& keys = replica->key_replicas;
  const auto key = std::find(keys.begin(), keys.end(), from.key_replica);
  row->key_replica = static_cast<uint32_t>(key - keys.begin()) + 1;
  if (key == keys.end()) keys.push_back(from.key_replica);
}

void SegmentDirectory::PutSealed(const SealedRow& row) {
  uint64_t bytes = 0;
  for (const SealedReplica& from : row.replicas) {
    bytes += from.bytes;
    Stripe& stripe = StripeOf(from.replica);
    MutexLock lock(&stripe.mutex);
    const auto it = stripe.replicas.find(from.replica);
    if (it == stripe.replicas.end()) continue;
    PutSealedReplica(row.segment, from, &it->second);
    ForgetBelowBase(&it->second);
  }
  // Linked files also hold what had died before the seal.
  if (!row.runs.empty()) {
    uint64_t file_bytes = 0;
    for (const SealedFile& file : row.files) file_bytes += file.bytes;
    bytes = std::max(bytes, file_bytes);
  }
  MutexLock lock(&sealed_mutex_);
  sealed_bytes_[row.segment] = bytes;
}

void SegmentDirectory::RemoveSealed(SegmentNumber segment) {
  MutexLock lock(&sealed_mutex_);
  sealed_bytes_.erase(segment);
}

LogIndex SegmentDirectory::EndAt(const ReplicaRows& replica, size_t at) {
  return at + 1 < replica.rows.size() ? replica.rows[at + 1].first : kOpenEnd;
}

SegmentRange SegmentDirectory::RangeAt(ReplicaNumber number,
                                       const ReplicaRows& replica, size_t at) {
  const Row& row = replica.rows[at];
  SegmentRange range;
  range.segment = SegmentNumber(row.segment);
  range.replica = number;
  range.key_replica =
      row.key_replica == 0 ? number : replica.key_replicas[row.key_replica - 1];
  range.first = std::max(row.first, replica.base.Next());
  range.end = EndAt(replica, at);
  range.row = {row.first, row.offset, row.append_time_us};
  return range;
}

std::optional<DirectoryRow> SegmentDirectory::RowIn(
    SegmentNumber segment, ReplicaNumber replica) const {
  const Stripe& stripe = StripeOf(replica);
  MutexLock lock(&stripe.mutex);
  const auto it = stripe.replicas.find(replica);
  if (it == stripe.replicas.end()) return std::nullopt;
  const uint32_t number = Narrow(segment);
  const std::vector<Row>& rows = it->second.rows;
  const auto row = std::partition_point(
      rows.begin(), rows.end(),
      [number](const Row& r) { return r.segment < number; });
  if (row == rows.end() || row->segment != number) return std::nullopt;
  return DirectoryRow{row->first, row->offset, row->append_time_us};
}

std::optional<SegmentRange> SegmentDirectory::Locate(ReplicaNumber replica,
                                                     LogIndex index) const {
  const Stripe& stripe = StripeOf(replica);
  MutexLock lock(&stripe.mutex);
  const auto it = stripe.replicas.find(replica);
  if (it == stripe.replicas.end()) return std::nullopt;
  const ReplicaRows& found = it->second;
  if (index <= found.base) return std::nullopt;
  const auto after =
      std::partition_point(found.rows.begin(), found.rows.end(),
                           [index](const Row& r) { return r.first <= index; });
  if (after == found.rows.begin()) return std::nullopt;
  return RangeAt(replica, found,
                 static_cast<size_t>(after - found.rows.begin()) - 1);
}

// A row's offset is that of the entry it begins with: entries before it end at
// or below that offset.
IndexBounds SegmentDirectory::BoundsOfOffset(ReplicaNumber replica,
                                             Offset offset) const {
  const Stripe& stripe = StripeOf(replica);
  MutexLock lock(&stripe.mutex);
  const auto it = stripe.replicas.find(replica);
  if (it == stripe.replicas.end()) return {LogIndex(1), kOpenEnd};
  const std::vector<Row>& rows = it->second.rows;
  const auto after = std::partition_point(
      rows.begin(), rows.end(),
      [offset](const Row& r) { return r.offset <= offset; });
  IndexBounds bounds{it->second.base.Next(), kOpenEnd};
  if (after != rows.begin()) {
    bounds.first = std::max(bounds.first, std::prev(after)->first);
  }
  if (after != rows.end()) {
    bounds.last = std::max(bounds.first, after->first.Previous());
  }
  return bounds;
}

// Entries before a row are no younger than its time, the one it begins with is
// no older.
IndexBounds SegmentDirectory::BoundsOfTime(ReplicaNumber replica,
                                           int64_t time_us) const {
  const Stripe& stripe = StripeOf(replica);
  MutexLock lock(&stripe.mutex);
  const auto it = stripe.replicas.find(replica);
  if (it == stripe.replicas.end()) return {LogIndex(1), kOpenEnd};
  const std::vector<Row>& rows = it->second.rows;
  const auto after = std::partition_point(
      rows.begin(), rows.end(),
      [time_us](const Row& r) { return r.append_time_us < time_us; });
  IndexBounds bounds{it->second.base.Next(), kOpenEnd};
  if (after != rows.begin()) {
    bounds.first = std::max(bounds.first, std::prev(after)->first);
  }
  if (after != rows.end()) {
    bounds.last = std::max(bounds.first, after->first);
  }
  return bounds;
}

std::vector<SegmentRange> SegmentDirectory::VisibleIn(
    SegmentNumber segment,
    absl::FunctionRef<LogIndex(ReplicaNumber)> last) const {
  std::vector<ReplicaNumber> replicas;
  const uint32_t number = Narrow(segment);
  for (const Stripe& stripe : stripes_) {
    MutexLock lock(&stripe.mutex);
    for (const auto& [replica, found] : stripe.replicas) {
      const auto row = std::partition_point(
          found.rows.begin(), found.rows.end(),
          [number](const Row& r) { return r.segment < number; });
      if (row == found.rows.end() || row->segment != number) continue;
      replicas.push_back(replica);
    }
  }
  std::sort(replicas.begin(), replicas.end());
  std::vector<SegmentRange> visible;
  for (const ReplicaNumber replica : replicas) {
    // The last index before the rows: an entry appended in between goes to a
    // later segment and adds a row there.
    const LogIndex end = last(replica).Next();
    const Stripe& stripe = StripeOf(replica);
    MutexLock lock(&stripe.mutex);
    const auto it = stripe.replicas.find(replica);
    if (it == stripe.replicas.end()) continue;
    const std::vector<Row>& rows = it->second.rows;
    const auto row = std::partition_point(
        rows.begin(), rows.end(),
        [number](const Row& r) { return r.segment < number; });
    if (row == rows.end() || row->segment != number) continue;
    SegmentRange range =
        RangeAt(replica, it->second, static_cast<size_t>(row - rows.begin()));
    range.end = std::min(range.end, end);
    if (range.first < range.end) visible.push_back(range);
  }
  return visible;
}

std::vector<SegmentUsage> SegmentDirectory::SealedUsage() const {
  std::map<SegmentNumber, SegmentUsage> usage;
  {
    MutexLock lock(&sealed_mutex_);
    for (const auto& [segment, bytes] : sealed_bytes_) {
      usage[segment] = {segment, bytes, 0};
    }
  }
  for (const Stripe& stripe : stripes_) {
    MutexLock lock(&stripe.mutex);
    for (const auto& [replica, found] : stripe.replicas) {
      for (size_t at = 0; at < found.rows.size(); ++at) {
        const Row& row = found.rows[at];
        const auto it = usage.find(SegmentNumber(row.segment));
        if (it == usage.end() || row.entries == 0) continue;
        const SegmentRange range = RangeAt(replica, found, at);
        const uint64_t visible =
            range.end > range.first ? range.end - range.first : 0;
        const double share =
            std::min(1.0, static_cast<double>(visible) /
                              static_cast<double>(row.entries));
        it->second.live_bytes += static_cast<uint64_t>(
            share * 1024.0 * static_cast<double>(row.kibibytes));
      }
    }
  }
  std::vector<SegmentUsage> result;
  for (auto& [segment, one] : usage) {
    one.live_bytes = std::min(one.live_bytes, one.bytes);
    result.push_back(one);
  }
  return result;
}

size_t SegmentDirectory::row_count() const {
  size_t count = 0;
  for (const Stripe& stripe : stripes_) {
    MutexLock lock(&stripe.mutex);
    for (const auto& [replica, found] : stripe.replicas) {
      count += found.rows.size();
    }
  }
  return count;
}

}  // namespace kappa::storage

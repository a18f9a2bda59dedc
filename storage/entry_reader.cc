#include "storage/entry_reader.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "proto/wire/check.h"
#include "proto/wire/crc32c.h"
#include "storage/damaged_index.h"
#include "storage/keys.h"
#include "storage/rocks_status.h"

namespace kappa::storage {
namespace {

constexpr size_t kCopyBlockBytes = size_t{256} << 10;

rocksdb::Slice ToSlice(std::string_view bytes) {
  return rocksdb::Slice(bytes.data(), bytes.size());
}

std::string NameOf(ReplicaNumber replica, LogIndex index) {
  return absl::StrCat("entry ", index.value(), " of replica ", replica.value());
}

absl::Status Damaged(ReplicaNumber replica, LogIndex index,
                     absl::string_view what) {
  return WithDamagedIndex(
      absl::DataLossError(absl::StrCat(NameOf(replica, index), what)), index);
}

absl::Status Missing(ReplicaNumber replica, LogIndex index) {
  return WithMissingEntry(Damaged(replica, index, " is missing"));
}

// Names the entry in the status of a failed read.
absl::Status About(ReplicaNumber replica, LogIndex index,
                   const absl::Status& status) {
  return WithDamagedIndex(
      absl::Status(status.code(), absl::StrCat(NameOf(replica, index), ": ",
                                               status.message())),
      index);
}

// The header at the front of `value`, which must be that of `index`.
absl::StatusOr<DecodedEntryHeader> DecodeAt(ReplicaNumber replica,
                                            LogIndex index,
                                            std::string_view value) {
  absl::StatusOr<DecodedEntryHeader> decoded = DecodeEntryHeader(value);
  if (!decoded.ok()) return About(replica, index, decoded.status());
  if (decoded->header.index != index ||
      value.size() - decoded->header_bytes != decoded->header.payload_bytes) {
    return Damaged(
        replica, index,
        absl::StrCat(": the header says index ", decoded->header.index.value(),
                     " and ", decoded->header.payload_bytes,
                     " payload bytes; there are ",
                     value.size() - decoded->header_bytes));
  }
  return decoded;
}

// Visits what `at` stands on, from `*next` to `last`, raising `*next` and `at`
// behind what was visited. False: the visitor ended it.
template <typename Visitor>
absl::StatusOr<bool> VisitAlong(ReplicaNumber replica, rocksdb::Iterator* at,
                                LogIndex* next, LogIndex last, Visitor visit) {
  while (*next <= last) {
    if (!at->Valid()) {
      if (at->status().ok()) return Missing(replica, *next);
      return About(replica, *next,
                   FromRocksRead(at->status(), "read live segment"));
    }
    const rocksdb::Slice key = at->key();
    if (IndexOfKey({key.data(), key.size()}) != *next) {
      return Missing(replica, *next);
    }
    const rocksdb::Slice value = at->value();
    absl::StatusOr<bool> more =
        visit(*next, {value.data(), value.size()}, nullptr);
    if (!more.ok()) return more;
    *next = next->Next();
    at->Next();
    if (!*more) return false;
  }
  return true;
}

// Memory for the payloads that one read copies; they own it together.
class CopyBuffer {
 public:
  std::string_view Copy(std::string_view bytes) {
    if (bytes.empty()) return {};
    if (bytes.size() > room_) {
      room_ = std::max(bytes.size(), kCopyBlockBytes);
      blocks_.emplace_back(new char[room_]);
      at_ = blocks_.back().get();
    }
    char* const to = at_;
    std::memcpy(to, bytes.data(), bytes.size());
    at_ += bytes.size();
    room_ -= bytes.size();
    return {to, bytes.size()};
  }

 private:
  std::vector<std::unique_ptr<char[]>> blocks_;
  char* at_ = nullptr;
  size_t room_ = 0;
};

}  // namespace

void EntryReader::AddLive(SegmentNumber segment, Family family) {
  MutexLock lock(&mutex_);
  places_[segment].live = std::move(family);
}

void EntryReader::PutSealed(std::shared_ptr<SealedSegment> segment) {
  const SegmentNumber number = segment->number();
  Place place;
  place.sealed = std::move(segment);
  MutexLock lock(&mutex_);
  std::swap(places_[number], place);
}

void EntryReader::Remove(SegmentNumber segment) {
  MutexLock lock(&mutex_);
  places_.erase(segment);
}

EntryReader::Place EntryReader::PlaceOf(SegmentNumber segment) const {
  MutexLock lock(&mutex_);
  const auto found = places_.find(segment);
  return found == places_.end() ? Place() : found->second;
}

std::shared_ptr<SealedSegment> EntryReader::Sealed(
    SegmentNumber segment) const {
  return PlaceOf(segment).sealed;
}

Family EntryReader::Live(SegmentNumber segment) const {
  return PlaceOf(segment).live;
}

std::vector<SegmentNumber> EntryReader::LiveSegments() const {
  std::vector<SegmentNumber> segments;
  MutexLock lock(&mutex_);
  for (const auto& [number, place] : places_) {
    if (place.live) segments.push_back(number);
  }
  return segments;
}

size_t EntryReader::sealed_count() const {
  size_t count = 0;
  MutexLock lock(&mutex_);
  for (const auto& [number, place] : places_) count += place.sealed ? 1 : 0;
  return count;
}

absl::StatusOr<bool> EntryReader::VisitOne(const Family& family,
                                           const Reading& reading,
                                           ReplicaNumber key_replica,
                                           LogIndex* next,
                                           Visitor visit) const {
  rocksdb::ReadOptions options;
  options.fill_cache = reading.read_class == ReadClass::kPoint;
  rocksdb::PinnableSlice value;
  const EntryKey key(key_replica, *next);
  const rocksdb::Status status =
      db_->Get(options, family.get(), ToSlice(key.view()), &value);
  if (status.IsNotFound()) return Missing(reading.replica, *next);
  if (!status.ok()) {
    return About(reading.replica, *next,
                 FromRocksRead(status, "read live segment"));
  }
  const LogIndex index = *next;
  *next = next->Next();
  return visit(index, {value.data(), value.size()}, nullptr);
}

absl::StatusOr<bool> EntryReader::VisitRepaired(const Reading& reading,
                                                LogIndex* next,
                                                Visitor visit) const {
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  rocksdb::PinnableSlice value;
  const LogIndex index = *next;
  const rocksdb::Status status = db_->Get(
      options, meta_,
      MetaKey(MetaRow::kRepaired, reading.replica.value(), index.value()),
      &value);
  // Its segment's files have it by now.
  if (status.IsNotFound()) return true;
  if (!status.ok()) {
    return About(reading.replica, index,
                 FromRocksRead(status, "read repaired entry"));
  }
  *next = index.Next();
  return visit(index, {value.data(), value.size()}, nullptr);
}

absl::StatusOr<bool> EntryReader::VisitLive(const Family& family,
                                            const Reading& reading,
                                            ReplicaNumber key_replica,
                                            LogIndex* next, LogIndex last,
                                            Visitor visit) const {
  const EntryKey end(key_replica, last.Next());
  const rocksdb::Slice upper_bound = ToSlice(end.view());
  rocksdb::ReadOptions options;
  options.iterate_upper_bound = &upper_bound;
  const std::unique_ptr<rocksdb::Iterator> at(
      db_->NewIterator(options, family.get()));
  const EntryKey first(key_replica, *next);
  at->Seek(ToSlice(first.view()));
  return VisitAlong(reading.replica, at.get(), next, last, visit);
}

absl::StatusOr<bool> EntryReader::ReplayLive(const Family& family,
                                             const Reading& reading,
                                             ReplicaNumber key_replica,
                                             LogIndex* next, LogIndex last,
                                             Visitor visit) const {
  std::unique_ptr<LiveScan> scan =
      scans_->Take(family, key_replica, *next, reading.epoch);
  if (scan) {
    // It may end before entries that were written after it was made.
    const absl::StatusOr<bool> more =
        VisitAlong(reading.replica, &scan->iterator(), next,
                   std::min(last, scan->last()), visit);
    if (more.ok() && (!*more || *next > last)) {
      scans_->Give(std::move(scan));
      return more;
    }
    scan.reset();
  }
  const uint64_t generation = scans_->generation();
  scan = std::make_unique<LiveScan>(db_, family, key_replica, *next,
                                    reading.epoch, generation);
  scan->set_last(last);
  absl::StatusOr<bool> more =
      VisitAlong(reading.replica, &scan->iterator(), next, last, visit);
  if (more.ok()) scans_->Give(std::move(scan));
  return more;
}

absl::StatusOr<bool> EntryReader::VisitSealed(const SealedSegment& segment,
                                              const Reading& reading,
                                              ReplicaNumber key_replica,
                                              LogIndex* next, LogIndex last,
                                              Visitor visit) const {
  if (*next == last) {
    absl::StatusOr<std::optional<PinnedValue>> value =
        segment.Get(key_replica, last);
    if (!value.ok()) return About(reading.replica, last, value.status());
    if (!value->has_value()) return Missing(reading.replica, last);
    *next = last.Next();
    return visit(last, (*value)->value, (*value)->owner);
  }
  SealedCursor at = segment.Scan(key_replica, *next, last, reading.read_class);
  while (true) {
    if (!at.Valid() || at.index() != *next) {
      if (!at.status().ok()) return About(reading.replica, *next, at.status());
      return Missing(reading.replica, *next);
    }
    absl::StatusOr<bool> more = visit(*next, at.value(), at.owner());
    if (!more.ok()) return more;
    *next = next->Next();
    if (!*more || *next > last) return more;
    at.Next();
  }
}

absl::Status EntryReader::Visit(const Reading& reading, LogIndex from,
                                LogIndex last, Visitor visit) const {
  LogIndex next = from;
  while (next <= last) {
    const std::optional<SegmentRange> range =
        directory_->Locate(reading.replica, next);
    if (!range.has_value()) return Missing(reading.replica, next);
    LogIndex range_last = std::min(last, range->end.Previous());
    const std::optional<LogIndex> repaired =
        repaired_ == nullptr
            ? std::nullopt
            : repaired_->FirstIn(reading.replica, next, range_last);
    if (repaired == next) {
      const absl::StatusOr<bool> more = VisitRepaired(reading, &next, visit);
      if (!more.ok()) return more.status();
      if (!*more) break;
      if (next != *repaired) continue;
    } else if (repaired.has_value()) {
      range_last = repaired->Previous();
    }
    const ReplicaNumber key_replica = range->key_replica;
    const Place place = PlaceOf(range->segment);
    absl::StatusOr<bool> more = true;
    if (place.sealed) {
      more = VisitSealed(*place.sealed, reading, key_replica, &next, range_last,
                         visit);
    } else if (!place.live) {
      return Missing(reading.replica, next);
    } else if (reading.read_class == ReadClass::kReplay) {
      more = ReplayLive(place.live, reading, key_replica, &next, range_last,
                        visit);
    } else if (next == range_last) {
      more = VisitOne(place.live, reading, key_replica, &next, visit);
    } else {
      more =
          VisitLive(place.live, reading, key_replica, &next, range_last, visit);
    }
    if (!more.ok()) return more.status();
    if (!*more) break;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<StoredEntry>> EntryReader::Read(
    ReplicaNumber replica, LogIndex from, LogIndex last, size_t bytes_max,
    ReadClass read_class, uint64_t epoch) const {
  KAPPA_CHECK(from <= last, "a read of nothing");
  std::vector<StoredEntry> entries;
  const auto copies = std::make_shared<CopyBuffer>();
  size_t bytes = 0;
  const absl::Status status = Visit(
      {replica, read_class, epoch}, from, last,
      [&](LogIndex index, std::string_view value,
          const std::shared_ptr<const void>& owner) -> absl::StatusOr<bool> {
        absl::StatusOr<DecodedEntryHeader> decoded =
            DecodeAt(replica, index, value);
        if (!decoded.ok()) return decoded.status();
        std::string_view payload = value.substr(decoded->header_bytes);
        if (Crc32c(payload) != decoded->header.payload_crc32c) {
          return Damaged(replica, index, ": the payload's CRC32C is wrong");
        }
        if (!owner) payload = copies->Copy(payload);
        bytes += payload.size();
        entries.push_back(
            {std::move(decoded->header),
             Payload({payload},
                     owner ? owner : std::shared_ptr<const void>(copies))});
        return bytes < bytes_max;
      });
  if (!status.ok() && entries.empty()) return status;
  return entries;
}

absl::StatusOr<EntryHeader> EntryReader::ReadHeader(ReplicaNumber replica,
                                                    LogIndex index) const {
  EntryHeader header;
  const absl::Status status =
      WalkHeaders(replica, index, index, [&](const EntryHeader& read) {
        header = read;
        return absl::OkStatus();
      });
  if (!status.ok()) return status;
  return header;
}

absl::Status EntryReader::WalkHeaders(
    ReplicaNumber replica, LogIndex from, LogIndex last,
    absl::FunctionRef<absl::Status(const EntryHeader&)> visit) const {
  return Visit({replica, ReadClass::kPoint, 0}, from, last,
               [&](LogIndex index, std::string_view value,
                   const std::shared_ptr<const void>&) -> absl::StatusOr<bool> {
                 absl::StatusOr<DecodedEntryHeader> decoded =
                     DecodeAt(replica, index, value);
                 if (!decoded.ok()) return decoded.status();
                 const absl::Status visited = visit(decoded->header);
                 if (!visited.ok()) return visited;
                 return true;
               });
}

}  // namespace kappa::storage

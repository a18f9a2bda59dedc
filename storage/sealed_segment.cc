#include "storage/sealed_segment.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <tuple>
#include <utility>

#include "rocksdb/sst_file_reader.h"
#include "storage/keys.h"
#include "storage/rocks_status.h"

namespace kappa::storage {
namespace {

rocksdb::Slice ToSlice(std::string_view bytes) {
  return {bytes.data(), bytes.size()};
}
std::string_view ToView(const rocksdb::Slice& slice) {
  return {slice.data(), slice.size()};
}

// Iterates over one file up to and including one key. Blocks that it passed
// stay until it goes (pin_data), so values may be used as long as it lives.
class PinningIterator {
 public:
  PinningIterator(std::shared_ptr<rocksdb::SstFileReader> reader,
                  ReplicaNumber key_replica, LogIndex last,
                  ReadClass read_class)
      : reader_(std::move(reader)),
        end_(last == LogIndex(~uint64_t{0})
                 ? EntryKey(key_replica.Next(), LogIndex(0))
                 : EntryKey(key_replica, last.Next())),
        end_slice_(ToSlice(end_.view())) {
    rocksdb::ReadOptions options;
    options.verify_checksums = true;
    options.pin_data = true;
    options.iterate_upper_bound = &end_slice_;
    options.fill_cache = read_class != ReadClass::kReplay;
    iterator_.reset(reader_->NewIterator(options));
  }

  rocksdb::Iterator* get() const { return iterator_.get(); }

 private:
  const std::shared_ptr<rocksdb::SstFileReader> reader_;
  const EntryKey end_;
  const rocksdb::Slice end_slice_;
  std::unique_ptr<rocksdb::Iterator> iterator_;
};

}  // namespace

std::shared_ptr<SealedSegment> SealedSegment::Create(
    std::string_view sealed_root, const SealedRow& row,
    SstReaderCache* readers) {
  return std::shared_ptr<SealedSegment>(
      new SealedSegment(sealed_root, row, readers));
}

SealedSegment::SealedSegment(std::string_view sealed_root, const SealedRow& row,
                             SstReaderCache* readers)
    : number_(row.segment),
      generation_(row.generation),
      folder_(std::string(sealed_root) + "/" +
              SealedFolderName(row.segment, row.generation)),
      readers_(readers),
      runs_(row.runs) {
  for (const SealedFile& file : row.files) {
    files_.push_back({folder_ + "/" + file.name, file.first_replica,
                      file.first_index, file.last_replica, file.last_index});
  }
}

SealedSegment::~SealedSegment() {
  if (!remove_files_.load()) return;
  readers_->Forget(folder_);
  // What cannot be removed now is a leftover of the next open.
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

absl::StatusOr<std::optional<PinnedValue>> SealedSegment::Get(
    ReplicaNumber key_replica, LogIndex index) const {
  const SealedCursor cursor =
      Scan(key_replica, index, index, ReadClass::kPoint);
  if (!cursor.status().ok()) return cursor.status();
  if (!cursor.Valid()) return std::nullopt;
  return PinnedValue{cursor.value(), cursor.owner()};
}

SealedCursor SealedSegment::Scan(ReplicaNumber key_replica, LogIndex from,
                                 LogIndex last, ReadClass read_class) const {
  return SealedCursor(shared_from_this(), key_replica, from, last, read_class);
}

std::optional<SealedSegment::Piece> SealedSegment::FindPiece(
    ReplicaNumber key_replica, LogIndex* from, LogIndex last) const {
  if (*from > last) return std::nullopt;
  return runs_.empty() ? FindInSorted(key_replica, from, last)
                       : FindInRuns(key_replica, from, last);
}

std::optional<SealedSegment::Piece> SealedSegment::FindInSorted(
    ReplicaNumber key_replica, LogIndex* from, LogIndex last) const {
  const auto wanted = std::tie(key_replica, *from);
  const auto file = std::partition_point(
      files_.begin(), files_.end(), [&wanted](const FileBounds& f) {
        return std::tie(f.last_replica, f.last_index) < wanted;
      });
  if (file == files_.end() || file->first_replica > key_replica) {
    return std::nullopt;
  }
  if (file->first_replica == key_replica) {
    *from = std::max(*from, file->first_index);
    if (*from > last) return std::nullopt;
  }
  Piece piece;
  piece.file = static_cast<size_t>(file - files_.begin());
  piece.last = file->last_replica == key_replica
                   ? std::min(last, file->last_index)
                   : last;
  return piece;
}

// Of the files that may hold an index the last one counts, up to where a later
// file begins.
std::optional<SealedSegment::Piece> SealedSegment::FindInRuns(
    ReplicaNumber key_replica, LogIndex* from, LogIndex last) const {
  const auto begin = std::partition_point(
      runs_.begin(), runs_.end(),
      [&](const SealedRun& run) { return run.key_replica < key_replica; });
  const auto end = std::partition_point(
      begin, runs_.end(),
      [&](const SealedRun& run) { return run.key_replica == key_replica; });
  const SealedRun* found = nullptr;
  constexpr LogIndex kNone(~uint64_t{0});
  LogIndex next_begin = kNone;  // of a run above `from`
  for (auto run = begin; run != end; ++run) {
    if (run->first <= *from && *from <= run->last) {
      found = &*run;
      next_begin = kNone;  // only later files matter now
    } else if (run->first > *from) {
      next_begin = std::min(next_begin, run->first);
    }
  }
  if (found == nullptr) {
    if (next_begin == kNone || next_begin > last) return std::nullopt;
    *from = next_begin;
    return FindInRuns(key_replica, from, last);
  }
  Piece piece;
  piece.file = found->file;
  piece.last = std::min({last, found->last, next_begin.Previous()});
  return piece;
}

SealedCursor::SealedCursor(std::shared_ptr<const SealedSegment> segment,
                           ReplicaNumber key_replica, LogIndex from,
                           LogIndex last, ReadClass read_class)
    : segment_(std::move(segment)),
      key_replica_(key_replica),
      next_(from),
      last_(last),
      read_class_(read_class) {
  Settle();
}

void SealedCursor::Next() {
  if (iterator_ == nullptr) {
    valid_ = false;
    return;
  }
  iterator_->Next();
  Settle();
}

void SealedCursor::Settle() {
  valid_ = false;
  while (iterator_ != nullptr || OpenNextPiece()) {
    if (iterator_->Valid()) {
      index_ = IndexOfKey(ToView(iterator_->key()));
      value_ = ToView(iterator_->value());
      next_ = index_.Next();
      valid_ = true;
      return;
    }
    if (!iterator_->status().ok()) {
      status_ = FromRocksRead(iterator_->status(),
                              "read sealed segment " + segment_->folder());
      iterator_ = nullptr;
      return;
    }
    iterator_ = nullptr;
    next_ = piece_last_.Next();
  }
}

// False at the end of the scan or on an error, which is kept.
bool SealedCursor::OpenNextPiece() {
  if (!status_.ok()) return false;
  const auto piece = segment_->FindPiece(key_replica_, &next_, last_);
  if (!piece.has_value()) return false;
  auto reader = segment_->readers_->Open(segment_->files_[piece->file].path);
  if (!reader.ok()) {
    status_ = reader.status();
    return false;
  }
  auto pinning = std::make_shared<PinningIterator>(
      *std::move(reader), key_replica_, piece->last, read_class_);
  iterator_ = pinning->get();
  piece_last_ = piece->last;
  owner_ = std::move(pinning);
  iterator_->Seek(ToSlice(EntryKey(key_replica_, next_).view()));
  return true;
}

}  // namespace kappa::storage

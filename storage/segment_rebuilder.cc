#include "storage/segment_rebuilder.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "storage/entry_header.h"
#include "storage/keys.h"
#include "storage/log_audit.h"
#include "storage/rocks_status.h"
#include "storage/sealed_file_writer.h"
#include "storage/sealed_folder.h"
#include "storage/sealed_folder_writer.h"

namespace kappa::storage {
namespace {

constexpr size_t kReadBytes = size_t{1} << 20;

std::vector<SegmentRange> ByKey(absl::Span<const SegmentRange> visible) {
  std::vector<SegmentRange> ranges(visible.begin(), visible.end());
  std::sort(ranges.begin(), ranges.end(),
            [](const SegmentRange& a, const SegmentRange& b) {
              return a.key_replica < b.key_replica;
            });
  return ranges;
}

std::string ValueOf(const StoredEntry& entry) {
  std::string value;
  EncodeEntryHeader(entry.header, &value);
  for (std::string_view piece : entry.payload.pieces()) value.append(piece);
  return value;
}

// What of `range` lies between the ends of `file`; nullopt: nothing.
std::optional<SegmentRange> Within(const SealedFile& file, SegmentRange range) {
  if (range.key_replica < file.first_replica ||
      range.key_replica > file.last_replica) {
    return std::nullopt;
  }
  if (range.key_replica == file.first_replica) {
    range.first = std::max(range.first, file.first_index);
  }
  if (range.key_replica == file.last_replica) {
    range.end = std::min(range.end, file.last_index.Next());
  }
  if (range.first >= range.end) return std::nullopt;
  return range;
}

// Whether the file holds the entry of `range` at `index`.
bool Holds(const SealedFile& file, const SegmentRange& range, LogIndex index) {
  const std::optional<SegmentRange> within = Within(file, range);
  return within.has_value() && within->first <= index && index < within->end;
}

bool HoldsAny(const SealedFile& file, absl::Span<const SegmentRange> visible,
              absl::Span<const RepairedEntry> repaired) {
  return std::any_of(
      repaired.begin(), repaired.end(), [&](const RepairedEntry& entry) {
        return std::any_of(visible.begin(), visible.end(),
                           [&](const SegmentRange& range) {
                             return range.replica == entry.first &&
                                    Holds(file, range, entry.second);
                           });
      });
}

}  // namespace

absl::Status SegmentRebuilder::Copy(ReplicaNumber replica, LogIndex first,
                                    LogIndex last, Sink sink) const {
  LogAudit audit;
  if (const auto before = entries_->ReadHeader(replica, first.Previous());
      before.ok()) {
    audit = LogAudit(*before);
  }
  LogIndex next = first;
  while (next <= last) {
    const absl::StatusOr<std::vector<StoredEntry>> entries = entries_->Read(
        replica, next, last, kReadBytes, ReadClass::kPoint, /*epoch=*/0);
    if (!entries.ok()) return entries.status();
    for (const StoredEntry& entry : *entries) {
      absl::Status status = audit.Check(entry);
      if (status.ok()) status = sink(next, ValueOf(entry));
      if (!status.ok()) return status;
      next = next.Next();
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<SealedRow> SegmentRebuilder::WriteAll(
    SegmentNumber segment, uint32_t generation,
    absl::Span<const SegmentRange> visible) const {
  auto writer = SealedFolderWriter::Create(options_, segment, generation);
  if (!writer.ok()) return writer.status();
  for (const SegmentRange& range : ByKey(visible)) {
    absl::Status status = (*writer)->BeginRange(range);
    if (status.ok()) {
      status = Copy(range.replica, range.first, range.end.Previous(),
                    [&](LogIndex index, std::string_view value) {
                      return (*writer)->Add(index, value);
                    });
    }
    if (!status.ok()) return status;
  }
  return (*writer)->Finish();
}

absl::StatusOr<SealedFile> SegmentRebuilder::RewriteFile(
    const SealedRow& row, size_t place, absl::Span<const SegmentRange> visible,
    const std::string& folder) const {
  auto file = SealedFileWriter::Create(options_, folder, place);
  if (!file.ok()) return file.status();
  for (const SegmentRange& range : visible) {
    const std::optional<SegmentRange> part = Within(row.files[place], range);
    if (!part.has_value()) continue;
    const absl::Status status =
        Copy(part->replica, part->first, part->end.Previous(),
             [&](LogIndex index, std::string_view value) {
               return (*file)->Add(EntryKey(part->key_replica, index), value);
             });
    if (!status.ok()) return status;
  }
  return (*file)->Finish();
}

absl::StatusOr<SealedRow> SegmentRebuilder::Rebuild(
    const SealedRow& row, absl::Span<const SegmentRange> visible,
    absl::Span<const RepairedEntry> repaired) const {
  if (!row.runs.empty()) {
    return WriteAll(row.segment, row.generation + 1, visible);
  }
  const std::vector<SegmentRange> ranges = ByKey(visible);
  absl::StatusOr<SealedFolder> folder =
      SealedFolder::Make(options_.sealed_root, row.segment, row.generation + 1);
  if (!folder.ok()) return folder.status();
  const std::string old_folder = absl::StrCat(
      options_.sealed_root, "/", SealedFolderName(row.segment, row.generation));
  SealedRow rebuilt = row;
  ++rebuilt.generation;
  for (size_t i = 0; i < row.files.size(); ++i) {
    SealedFile& file = rebuilt.files[i];
    if (HoldsAny(file, ranges, repaired)) {
      absl::StatusOr<SealedFile> written =
          RewriteFile(row, i, ranges, folder->path());
      if (!written.ok()) return written.status();
      file = *std::move(written);
      continue;
    }
    const std::string from = absl::StrCat(old_folder, "/", file.name);
    if (!options_.env->FileExists(from).ok()) {
      return absl::DataLossError(absl::StrCat(from, " is missing"));
    }
    const rocksdb::Status linked = options_.env->LinkFile(
        from, absl::StrCat(folder->path(), "/", file.name));
    if (!linked.ok()) return FromRocks(linked, "link " + file.name);
  }
  const absl::Status kept = folder->Keep();
  if (!kept.ok()) return kept;
  return rebuilt;
}

}  // namespace kappa::storage

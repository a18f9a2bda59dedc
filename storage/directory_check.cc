#include "storage/directory_check.h"

#include <algorithm>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "rocksdb/metadata.h"
#include "storage/file_bytes.h"
#include "storage/file_findings.h"
#include "storage/fixed_width.h"
#include "storage/known_damage.h"
#include "storage/options_file_check.h"
#include "storage/sealed_row.h"
#include "storage/sst_file_check.h"

namespace kappa::storage {
namespace {

std::string NameOfReplica(const ViewedReplica& replica) {
  return absl::StrCat("replica ", replica.number.value(), " (group ",
                      replica.spec.group.value(), ")");
}

std::string Text(const absl::Status& status) {
  return std::string(status.message());
}

std::string RangeText(const EntryRange& range) {
  std::string text = range.first == range.last
                         ? absl::StrCat("entry ", range.first.value())
                         : absl::StrCat("entries ", range.first.value(), " to ",
                                        range.last.value());
  if (!range.first_offset.has_value() || !range.next_offset.has_value()) {
    return text;
  }
  if (*range.first_offset == *range.next_offset) {
    return text + " (no records)";
  }
  absl::StrAppend(&text, " (offsets ", range.first_offset->value(), " to ",
                  range.next_offset->value() - 1, ")");
  return text;
}

}  // namespace

void DirectoryCheck::Add(Severity severity, std::string where,
                         std::string what) {
  report_.findings.push_back(
      {severity, std::move(where), std::move(what), std::nullopt});
}

bool DirectoryCheck::IsDamage(const absl::Status& status) {
  if (!absl::IsUnavailable(status) && !absl::IsResourceExhausted(status)) {
    return true;
  }
  if (report_.trouble.ok()) report_.trouble = status;
  return false;
}

void DirectoryCheck::Advance(uint64_t bytes) {
  done_ += bytes;
  if (progress_) progress_(done_, std::max(done_, total_));
}

std::function<void(uint64_t)> DirectoryCheck::CountFile() {
  return [this](uint64_t bytes) {
    ++report_.files;
    report_.file_bytes += bytes;
    Advance(bytes);
  };
}

CheckReport DirectoryCheck::Run() {
  report_ = CheckReport();
  CheckPromises();
  std::vector<ExpectedFile> files;
  if (view_->readable()) files = ExpectedFiles();
  for (const ExpectedFile& file : files) total_ += 2 * file.bytes;
  CheckLooseFiles();
  if (!view_->readable()) {
    for (Finding& finding : CheckSstFiles(view_->path(), CountFile())) {
      report_.findings.push_back(std::move(finding));
    }
    return std::move(report_);
  }
  for (const ViewedReplica& replica : view_->Replicas()) CheckReplica(replica);
  CheckSideTables();
  // Last: what the findings about entries name is known then.
  CheckFiles(files);
  return std::move(report_);
}

void DirectoryCheck::CheckPromises() {
  if (!view_->directory().format_status().ok()) {
    Add(Severity::kRefusal, "FORMAT", Text(view_->directory().format_status()));
  }
  const auto known = KnownDamage::Load(view_->path() + "/damage");
  if (!known.ok()) Add(Severity::kRefusal, "damage", Text(known.status()));
  for (Finding& finding : CheckWatermarkFile(view_->path())) {
    report_.findings.push_back(std::move(finding));
  }
  if (view_->watermark().ok() && view_->watermark()->newest().has_value()) {
    report_.watermark_cycle = view_->watermark()->newest()->cycle;
  }
  if (!view_->database_status().ok()) {
    Add(Severity::kRefusal, "db", Text(view_->database_status()));
  }
  if (!view_->readable()) return;
  report_.torn_tail = view_->torn_tail();
  report_.recovered_cycle = view_->state().last_cycle().number;
  for (const absl::Status& broken : view_->BrokenPromises()) {
    if (IsDamage(broken)) Add(Severity::kRefusal, "db", Text(broken));
  }
  report_.last_cycle_copied =
      report_.worst() != Severity::kRefusal && view_->LastCycleIsCopied();
}

void DirectoryCheck::CheckLooseFiles() {
  const bool refused = report_.worst() == Severity::kRefusal;
  RecordFileFindings found = CheckRecordFiles(
      view_->path(), refused ? Severity::kRefusal : Severity::kHarmless,
      CountFile());
  report_.torn_tail = report_.torn_tail || found.torn_tail;
  for (Finding& finding : found.findings) {
    if (!refused) {
      absl::StrAppend(&finding.what,
                      "; nothing that was acknowledged rests on it");
    }
    report_.findings.push_back(std::move(finding));
  }
  for (Finding& finding : CheckOptionsFile(view_->path())) {
    report_.findings.push_back(std::move(finding));
  }
}

std::vector<DirectoryCheck::ExpectedFile> DirectoryCheck::ExpectedFiles()
    const {
  std::vector<ExpectedFile> files;
  std::vector<rocksdb::LiveFileMetaData> live;
  view_->database()->db()->GetLiveFilesMetaData(&live);
  for (const rocksdb::LiveFileMetaData& file : live) {
    if (file.file_checksum.size() != sizeof(uint32_t)) continue;
    files.push_back({"db/" + file.relative_filename, file.size,
                     LoadBigEndian<uint32_t>(file.file_checksum.data())});
  }
  for (const SealedRow& row : view_->state().sealed) {
    const std::string folder =
        "sealed/" + SealedFolderName(row.segment, row.generation) + "/";
    for (const SealedFile& file : row.files) {
      files.push_back({folder + file.name, file.bytes, file.crc32c});
    }
  }
  return files;
}

void DirectoryCheck::CheckFiles(const std::vector<ExpectedFile>& files) {
  for (const ExpectedFile& file : files) {
    const absl::StatusOr<FileChecksum> found =
        ChecksumFile(view_->path() + "/" + file.where);
    std::string what;
    if (!found.ok() && !IsDamage(found.status())) continue;
    if (!found.ok()) {
      what = Text(found.status());
    } else if (found->bytes != file.bytes) {
      what = absl::StrCat("it has ", found->bytes, " bytes, not ", file.bytes);
    } else if (found->crc32c != file.crc32c) {
      what = "the checksum of the whole file is wrong";
    }
    ++report_.files;
    report_.file_bytes += file.bytes;
    Advance(file.bytes);
    if (what.empty()) continue;
    // It matters if something that is needed could not be read from it.
    Severity severity = Severity::kHarmless;
    for (const Finding& finding : report_.findings) {
      if (finding.what.find(file.where) != std::string::npos) {
        severity = std::max(severity, finding.severity);
      }
    }
    if (severity == Severity::kHarmless) {
      what += "; every entry can be read all the same";
    }
    Add(severity, file.where, std::move(what));
  }
}

void DirectoryCheck::CheckReplica(const ViewedReplica& replica) {
  ++report_.replicas;
  if (!replica.position.has_value()) return;  // a broken promise
  const ReplicaPosition& position = *replica.position;
  LogWalk walk{position.base.id.index.Next(), position.last.index,
               LogAudit(position.base)};
  const auto damage = walk.Run(
      [&](LogIndex from, LogIndex last) {
        return view_->Read(replica.number, from, last);
      },
      [this](std::vector<StoredEntry> entries) {
        uint64_t bytes = 0;
        for (const StoredEntry& entry : entries) bytes += entry.payload.bytes();
        report_.entries += entries.size();
        report_.payload_bytes += bytes;
        Advance(bytes);
        return true;
      });
  if (!damage.ok()) {
    if (!IsDamage(damage.status())) return;
    return Add(Severity::kData, NameOfReplica(replica), Text(damage.status()));
  }
  for (const DamagedRange& range : *damage) AddDamagedEntries(replica, range);
}

void DirectoryCheck::AddDamagedEntries(const ViewedReplica& replica,
                                       const DamagedRange& range) {
  const ReplicaPosition& position = *replica.position;
  EntryRange entries{replica.number, replica.spec.group, range.first,
                     range.last,     std::nullopt,       std::nullopt};
  const EntryReader& reader = view_->entries();
  if (range.first == position.base.id.index.Next()) {
    entries.first_offset = position.base.offset;
  } else if (const auto before =
                 reader.ReadHeader(replica.number, range.first.Previous());
             before.ok()) {
    entries.first_offset = before->next_offset();
  }
  if (range.last == position.last.index) {
    entries.next_offset = position.end_offset;
  } else if (const auto after =
                 reader.ReadHeader(replica.number, range.last.Next());
             after.ok()) {
    entries.next_offset = after->base_offset;
  }
  report_.findings.push_back(
      {Severity::kData, NameOfReplica(replica),
       absl::StrCat(RangeText(entries), ": ", Text(range.status)), entries});
}

void DirectoryCheck::CheckSideTables() {
  const auto any = [](std::string_view, std::string_view) { return true; };
  absl::Status status = view_->ScanSideRows(SideTable::kMetadata, "", any);
  // kappad reads these rows when it starts, and those when a producer writes.
  if (!status.ok() && IsDamage(status)) {
    Add(Severity::kRefusal, "db", Text(status));
  }
  status = view_->ScanSideRows(SideTable::kProducers, "", any);
  if (!status.ok() && IsDamage(status)) {
    Add(Severity::kData, "db", Text(status));
  }
}

}  // namespace kappa::storage

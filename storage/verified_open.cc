#include "storage/verified_open.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "rocksdb/write_batch.h"
#include "storage/entry_reader.h"
#include "storage/file_findings.h"
#include "storage/open_verification.h"
#include "storage/repaired_entries.h"
#include "storage/rocks_status.h"
#include "storage/sealed_segment.h"
#include "storage/segment_directory.h"

namespace kappa::storage {
namespace {

// What a read-only look found.
struct Findings {
  RecoveredState state;
  uint64_t entries_walked = 0;
};

// The message of every refusal: what, where, and how far things go.
absl::Status Refuse(const DataDirectory& directory, const absl::Status& why,
                    const WatermarkSlots& watermark,
                    std::optional<uint64_t> recovered) {
  const std::string files = DescribeRecordFileDamage(directory.path());
  return absl::Status(
      why.code(),
      absl::StrCat("data directory ", directory.path(),
                   " lost something it promised: ", directory.database_path(),
                   ": ", why.message(), " (watermark: cycle ",
                   watermark.newest()->cycle, "; recovered: ",
                   recovered.has_value() ? absl::StrCat("cycle ", *recovered)
                                         : std::string("nothing"),
                   ")", files.empty() ? "" : "; damaged: ", files,
                   "; nothing was changed"));
}

absl::Status Verify(const DataDirectory& directory, RocksDatabase* database,
                    const WatermarkSlots& watermark, SstReaderCache* readers,
                    Findings* findings) {
  absl::Status status =
      VerifyCycles(findings->state, *watermark.newest(), watermark.copy());
  if (!status.ok()) return status;
  SegmentDirectory segments;
  FillSegmentDirectory(findings->state, &segments);
  ScanPool scans;
  EntryReader entries(database->db(), &segments, &scans);
  RepairedEntries repaired;
  for (const RepairedEntry& entry : findings->state.repaired) {
    repaired.Add(entry);
  }
  entries.UseRepaired(&repaired, database->meta());
  for (auto& [number, family] : database->TakeSegments()) {
    entries.AddLive(number, family);
  }
  for (const SealedRow& row : findings->state.sealed) {
    entries.PutSealed(
        SealedSegment::Create(directory.sealed_path(), row, readers));
  }
  status = VerifySegments(findings->state, entries);
  if (!status.ok()) return status;
  status = VerifyGroupRows(findings->state, entries);
  if (!status.ok()) return status;
  absl::StatusOr<uint64_t> walked = VerifyUnflushedEntries(
      findings->state, segments, entries, database->db());
  if (!walked.ok()) return walked.status();
  findings->entries_walked = *walked;
  return absl::OkStatus();
}

// Looks without changing anything.
// Errors: DATA_LOSS and what the file system says.
absl::StatusOr<Findings> Look(const DataDirectory& directory,
                              const RocksSettings& settings, bool point_in_time,
                              const WatermarkSlots& watermark,
                              SstReaderCache* readers) {
  DatabaseOpenMode mode;
  mode.read_only = true;
  mode.point_in_time = point_in_time;
  absl::StatusOr<std::unique_ptr<RocksDatabase>> database =
      RocksDatabase::Open(directory.database_path(), settings, mode);
  if (!database.ok()) {
    if (!absl::IsDataLoss(database.status())) return database.status();
    return Refuse(directory, database.status(), watermark, std::nullopt);
  }
  absl::StatusOr<RecoveredState> state = ReadRecoveredState(**database);
  if (!state.ok()) {
    return Refuse(directory, state.status(), watermark, std::nullopt);
  }
  Findings findings;
  findings.state = *std::move(state);
  const absl::Status status =
      Verify(directory, database->get(), watermark, readers, &findings);
  if (!status.ok()) {
    return Refuse(directory, status, watermark,
                  findings.state.last_cycle().number);
  }
  return findings;
}

absl::StatusOr<WatermarkSlots> ReadSlots(const DataDirectory& directory) {
  const std::string path = directory.watermark_path();
  absl::StatusOr<WatermarkSlots> slots = ReadWatermark(path);
  if (slots.ok() && slots->newest().has_value()) return slots;
  if (!slots.ok() && !absl::IsDataLoss(slots.status())) return slots.status();
  return absl::DataLossError(absl::StrCat(
      "data directory ", directory.path(), " lost something it promised: ",
      path, slots.ok() ? " has two damaged slots" : " is missing",
      ", so nothing says what was acknowledged; nothing was changed"));
}

// Writes the copy of the watermark's cycle behind a log that ends before it.
// Its rows and entries need no look of their own: the slot's CRC is right, so
// they are what the log was given.
absl::Status ContinueLog(const CycleCopy& copy, const DataDirectory& directory,
                         const WatermarkSlots& watermark,
                         RocksDatabase* database, RecoveredState* state) {
  rocksdb::WriteBatch batch(copy.batch);
  rocksdb::WriteOptions options;
  options.sync = true;
  const absl::Status written = FromRocks(
      database->db()->Write(options, &batch),
      absl::StrCat("continue the log with cycle ", watermark.newest()->cycle));
  if (!written.ok()) return written;
  absl::StatusOr<RecoveredState> after = ReadRecoveredState(*database);
  if (!after.ok()) return after.status();
  const absl::Status status =
      VerifyCycles(*after, *watermark.newest(), /*copy=*/nullptr);
  if (!status.ok()) {
    return absl::DataLossError(absl::StrCat(
        "data directory ", directory.path(), " lost something it promised: ",
        status.message(), "; cycle ", watermark.newest()->cycle,
        " was written behind the log before, as the watermark has it"));
  }
  *state = *std::move(after);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<VerifiedDatabase> OpenVerified(const DataDirectory& directory,
                                              const RocksSettings& settings,
                                              SstReaderCache* readers) {
  absl::StatusOr<WatermarkSlots> slots = ReadSlots(directory);
  if (!slots.ok()) return slots.status();
  VerifiedDatabase verified;
  verified.watermark = *std::move(slots);
  const WatermarkSlots& watermark = verified.watermark;

  absl::StatusOr<Findings> findings =
      Look(directory, settings, /*point_in_time=*/false, watermark, readers);
  if (absl::IsDataLoss(findings.status())) {
    // Perhaps only the torn end of the log, which nobody was told about.
    absl::StatusOr<Findings> shorter =
        Look(directory, settings, /*point_in_time=*/true, watermark, readers);
    if (!shorter.ok()) return findings.status();
    verified.torn_tail = true;
    findings = std::move(shorter);
  }
  if (!findings.ok()) return findings.status();
  verified.entries_walked = findings->entries_walked;

  DatabaseOpenMode mode;
  mode.point_in_time = verified.torn_tail;
  absl::StatusOr<std::unique_ptr<RocksDatabase>> database =
      RocksDatabase::Open(directory.database_path(), settings, mode);
  if (!database.ok()) return database.status();
  // What is used is what the database holds now, not what it held before.
  absl::StatusOr<RecoveredState> state = ReadRecoveredState(**database);
  if (!state.ok()) return state.status();
  if (state->last_cycle() != findings->state.last_cycle()) {
    return absl::InternalError(
        absl::StrCat(directory.database_path(), " recovered cycle ",
                     state->last_cycle().number, " when opened, but cycle ",
                     findings->state.last_cycle().number, " when checked"));
  }
  if (IsContinuedBy(*state, *watermark.newest(), watermark.copy())) {
    const absl::Status status = ContinueLog(
        *watermark.copy(), directory, watermark, database->get(), &*state);
    if (!status.ok()) return status;
    verified.continued = true;
  }
  verified.database = *std::move(database);
  verified.state = *std::move(state);
  return verified;
}

}  // namespace kappa::storage

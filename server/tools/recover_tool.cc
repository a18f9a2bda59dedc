#include "server/tools/recover_tool.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "kappa/storage/v1/metadata.pb.h"
#include "server/identity.h"
#include "server/metadata_rows.h"
#include "server/random_uuid.h"
#include "server/tools/metadata_salvage.h"
#include "server/tools/partition_names.h"
#include "server/tools/progress_line.h"
#include "server/tools/recovery_record.h"
#include "storage/data_directory.h"
#include "storage/directory_rebuild.h"
#include "storage/directory_view.h"
#include "storage/file_findings.h"
#include "storage/known_damage.h"
#include "storage/open_verification.h"
#include "storage/set_aside.h"

namespace kappa::server {
namespace {

namespace fs = std::filesystem;
using storage::DirectoryView;

ExitCode CannotRun(const absl::Status& why) {
  std::fprintf(stderr, "kappad recover: %s\n",
               std::string(why.message()).c_str());
  return kCannotRun;
}

absl::Status FileError(std::string_view what, const std::string& path) {
  return absl::UnavailableError(
      absl::StrCat(std::string(what), " ", path, ": ", std::strerror(errno)));
}

// Why kappad refuses the directory, and what else is damaged in it.
std::vector<std::string> ReasonsOf(const DirectoryView& view) {
  std::vector<std::string> reasons;
  const auto add = [&reasons](const absl::Status& status) {
    if (!status.ok()) reasons.emplace_back(status.message());
  };
  add(view.directory().format_status());
  add(storage::KnownDamage::Load(view.path() + "/damage").status());
  for (const storage::Finding& finding :
       storage::CheckWatermarkFile(view.path())) {
    if (finding.severity == storage::Severity::kRefusal) {
      reasons.push_back(finding.where + ": " + finding.what);
    }
  }
  add(view.database_status());
  for (const absl::Status& broken : view.BrokenPromises()) add(broken);
  if (!reasons.empty()) {
    const std::string files = storage::DescribeRecordFileDamage(view.path());
    if (!files.empty()) reasons.push_back(files);
  }
  const auto identity = ReadIdentity(view.path());
  if (!identity.ok()) add(identity.status());
  if (identity.ok() && !identity->has_value()) {
    reasons.push_back("identity is missing");
  }
  return reasons;
}

// The applied index must not lie above the log: what the rows say beyond it is
// kept, and the next command gets the next index. Epochs as MetadataSalvage.
std::string RewriteMetadataRow(const storage::RebuiltLog& log,
                               uint64_t epoch_min, std::string_view key,
                               std::string_view value) {
  storage::v1::AppliedRow applied;
  if (key.starts_with(kProducerPrefix)) return RaiseEpoch(value, epoch_min);
  if (key != kAppliedKey ||
      !applied.ParseFromArray(value.data(), static_cast<int>(value.size())) ||
      applied.index() <= log.last.value()) {
    return std::string(value);
  }
  applied.set_index(log.last.value());
  return applied.SerializeAsString();
}

// The directory's identity, or, when that is damaged, what the metadata says of
// the only node there is.
absl::StatusOr<Identity> IdentityOf(const DirectoryView& view) {
  const auto read = ReadIdentity(view.path());
  if (read.ok() && read->has_value()) return **read;
  std::optional<Identity> found;
  const absl::Status scanned = view.ScanSideRows(
      storage::SideTable::kMetadata, kClusterKey,
      [&found](std::string_view, std::string_view value) {
        storage::v1::ClusterRow row;
        if (row.ParseFromArray(value.data(), static_cast<int>(value.size())) &&
            row.nodes_size() == 1) {
          found = Identity{.cluster_id = UuidOf(row.cluster_id()),
                           .node_id = NodeId(row.nodes(0).node_id()),
                           .disk_id = UuidOf(row.nodes(0).disk_id()),
                           .formed = true};
        }
        return false;
      });
  if (found.has_value()) return *found;
  return absl::DataLossError(
      absl::StrCat(view.path(),
                   "/identity cannot be read, and neither can the metadata "
                   "that would say the same"));
}

absl::Status WriteSynced(const std::string& path, const std::string& text) {
  const int file =
      open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (file < 0) return FileError("create", path);
  const bool whole = write(file, text.data(), text.size()) ==
                         static_cast<ssize_t>(text.size()) &&
                     fsync(file) == 0;
  const absl::Status status =
      whole ? absl::OkStatus() : FileError("write", path);
  close(file);
  return status;
}

// Records of earlier recoveries.
absl::Status CopyOldRecords(const std::string& from, const std::string& to) {
  std::error_code error;
  for (const auto& at : fs::directory_iterator(from, error)) {
    const std::string name = at.path().filename().string();
    if (!name.starts_with("given-up-")) continue;
    std::ifstream in(at.path(), std::ios::binary);
    const std::string text(std::istreambuf_iterator<char>(in), {});
    const absl::Status status = WriteSynced(to + "/" + name, text);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

// The new directory takes the place of the old one in one step; then the old
// one gets its name.
absl::Status Exchange(const std::string& directory, const std::string& fresh,
                      const std::string& old) {
  if (renameat2(AT_FDCWD, fresh.c_str(), AT_FDCWD, directory.c_str(),
                RENAME_EXCHANGE) != 0) {
    return absl::UnavailableError(absl::StrCat(
        "cannot exchange ", fresh, " and ", directory, ": ",
        std::strerror(errno), "; the new directory is complete in ", fresh,
        ": put it in place yourself, and keep the old one"));
  }
  if (rename(fresh.c_str(), old.c_str()) != 0) {
    return absl::UnavailableError(absl::StrCat(
        directory, " is the new directory, but the old one is still called ",
        fresh, ": ", std::strerror(errno)));
  }
  return storage::SyncDirectory(fs::absolute(directory).parent_path().string());
}

bool IsMountPoint(const std::string& directory) {
  struct stat own, parent;
  return stat(directory.c_str(), &own) == 0 &&
         stat((directory + "/..").c_str(), &parent) == 0 &&
         own.st_dev != parent.st_dev;
}

bool HasHole(const DirectoryView& view) {
  return !storage::VerifyCycleRows(view.state()).ok();
}

// `cycles_lost`: acknowledged cycles are missing, at the end or before it.
absl::StatusOr<storage::RebuildReport> Rebuild(const DirectoryView& view,
                                               const Identity& identity,
                                               bool cycles_lost,
                                               const std::string& fresh) {
  // Opened less than once a microsecond, no producer had this epoch yet.
  const auto epoch_min = static_cast<uint64_t>(absl::ToUnixMicros(absl::Now()));
  std::optional<MetadataSalvage> metadata;
  if (HasHole(view) && !view.state().positions.empty()) {
    auto loaded = MetadataSalvage::Load(view, identity, epoch_min);
    if (!loaded.ok()) return loaded.status();
    metadata = *std::move(loaded);
  }
  ProgressLine progress("recover");
  uint64_t total = 0;
  std::error_code ignored;
  for (const auto& at :
       fs::recursive_directory_iterator(view.path(), ignored)) {
    if (at.is_regular_file(ignored)) total += at.file_size(ignored);
  }
  storage::DirectoryRebuild::Options options;
  options.to = fresh;
  options.metadata_group = GroupId(0);
  options.rewrite_metadata_row = [cycles_lost, epoch_min](
                                     const storage::RebuiltLog& log,
                                     std::string_view key,
                                     std::string_view value) {
    const bool commands_lost = cycles_lost || log.shortened();
    return RewriteMetadataRow(log, commands_lost ? epoch_min : 0, key, value);
  };
  if (cycles_lost && !metadata.has_value()) {
    // A producer whose opening stands in the log and in no row yet.
    const auto logged = MetadataSalvage::Load(view, identity, epoch_min);
    if (logged.ok()) options.further_metadata_rows = logged->ProducerRows();
  }
  if (metadata.has_value()) {
    options.sound_metadata = metadata->sound();
    options.group_of_chain = [&metadata](const Digest& chain_start) {
      return metadata->GroupOfChain(chain_start);
    };
  }
  options.progress = [&progress, total](uint64_t bytes) {
    progress.Update(bytes, total);
  };
  options.on_fatal = [](const absl::Status& status) {
    CannotRun(status);
    _exit(kWriteFailed);
  };
  return storage::DirectoryRebuild(&view, std::move(options)).Run();
}

bool HoldsMetadata(const storage::RebuildReport& rebuilt) {
  for (const storage::RebuiltLog& log : rebuilt.logs) {
    if (log.group == GroupId(0)) return log.last > LogIndex(0);
  }
  return false;
}

bool NothingLost(const RecoveryRecord& record) {
  for (const storage::RebuiltLog& log : record.rebuilt.logs) {
    if (log.shortened()) return false;
  }
  return record.reasons.empty();
}

// The time as it stands in names; numbered where a recovery of the same second
// has left them.
std::string TimeOfRecovery(const std::string& directory) {
  const std::string now =
      absl::FormatTime("%Y%m%dT%H%M%SZ", absl::Now(), absl::UTCTimeZone());
  std::string time = now;
  std::error_code error;
  for (int n = 2;
       fs::exists(absl::StrCat(directory, ".damaged-", time), error) ||
       fs::exists(absl::StrCat(directory, "/given-up-", time, ".json"), error);
       ++n) {
    time = absl::StrCat(now, "-", n);
  }
  return time;
}

ExitCode Recover(const DirectoryView& view, const std::string& directory) {
  const std::string fresh = directory + ".recovering";
  std::error_code error;
  if (fs::exists(fresh, error)) {
    return CannotRun(absl::FailedPreconditionError(absl::StrCat(
        fresh, " is there: left by a recovery that did not end; remove it")));
  }
  const PartitionNames names = PartitionNames::Load(view);
  RecoveryRecord record;
  record.time = TimeOfRecovery(directory);
  record.old_directory = absl::StrCat(directory, ".damaged-", record.time);
  record.reasons = ReasonsOf(view);
  if (view.watermark().ok() && view.watermark()->newest().has_value()) {
    record.watermark_cycle = view.watermark()->newest()->cycle;
  }
  record.recovered_cycle = view.state().last_cycle().number;
  absl::StatusOr<Identity> identity = IdentityOf(view);
  if (!identity.ok()) return CannotRun(identity.status());
  absl::StatusOr<storage::RebuildReport> rebuilt =
      Rebuild(view, *identity, record.lost_cycles() || HasHole(view), fresh);
  if (!rebuilt.ok()) {
    fs::remove_all(fresh, error);
    return CannotRun(rebuilt.status());
  }
  record.rebuilt = *std::move(rebuilt);
  if (NothingLost(record)) {
    fs::remove_all(fresh, error);
    std::fprintf(stdout, "%s: nothing is damaged, and nothing was changed\n",
                 directory.c_str());
    return kDone;
  }
  // Without its metadata the directory belongs to a cluster that has to be
  // formed anew, under the same id.
  identity->formed = HoldsMetadata(record.rebuilt);
  absl::Status status = WriteIdentity(fresh, *identity);
  if (status.ok()) status = CopyOldRecords(directory, fresh);
  if (status.ok()) {
    status =
        WriteSynced(absl::StrCat(fresh, "/given-up-", record.time, ".json"),
                    RecoveryRecordJson(record, names));
  }
  if (status.ok()) status = storage::SyncDirectory(fresh);
  if (!status.ok()) {
    fs::remove_all(fresh, error);
    return CannotRun(status);
  }
  status = Exchange(directory, fresh, record.old_directory);
  if (!status.ok()) return CannotRun(status);
  std::fprintf(stdout,
               "%sthe old directory is %s, unchanged; what was given up is "
               "recorded in %s/given-up-%s.json\n",
               RecoverySummary(record, names).c_str(),
               record.old_directory.c_str(), directory.c_str(),
               record.time.c_str());
  return kDone;
}

}  // namespace

ExitCode RunRecover(const RecoverOptions& options) {
  std::string directory = options.directory;
  while (directory.size() > 1 && directory.back() == '/') directory.pop_back();
  if (!options.accept_loss) {
    std::fprintf(stderr,
                 "kappad recover gives up for ever what cannot be kept; see "
                 "first what that is:\n  kappad check %s\nthen:\n  kappad "
                 "recover %s --accept-loss\n",
                 directory.c_str(), directory.c_str());
    return kWrongUsage;
  }
  auto view = DirectoryView::Open(directory);
  if (!view.ok()) return CannotRun(view.status());
  // Not a link to it, nor ".": the directory itself is exchanged.
  std::error_code error;
  directory = fs::canonical(directory, error).string();
  if (error) {
    return CannotRun(absl::UnavailableError(
        absl::StrCat("cannot find out where ", options.directory,
                     " is: ", error.message())));
  }
  const auto forgotten = storage::ReasonForgotten(directory);
  if (!forgotten.ok()) return CannotRun(forgotten.status());
  if (forgotten->has_value()) {
    // What is lost is not in it; and whoever remembers it would say so again.
    return CannotRun(absl::FailedPreconditionError(absl::StrCat(
        **forgotten,
        "; nothing was changed: start kappad as a node of its cluster, which "
        "sets the directory aside, and the other nodes rebuild it")));
  }
  if (IsMountPoint(directory)) {
    return CannotRun(absl::FailedPreconditionError(absl::StrCat(
        directory,
        " is a mount point, which cannot be exchanged for a new "
        "directory; mount the file system elsewhere and name a folder in it")));
  }
  if (!(*view)->readable()) {
    return CannotRun(absl::DataLossError(absl::StrCat(
        "the database cannot be read at all, so nothing says what the files "
        "under ",
        directory, "/sealed hold; nothing was changed: ",
        (*view)->database_status().message())));
  }
  // What cannot be read now is not lost.
  for (const absl::Status& broken : (*view)->BrokenPromises()) {
    if (!absl::IsDataLoss(broken)) return CannotRun(broken);
  }
  return Recover(**view, directory);
}

}  // namespace kappa::server

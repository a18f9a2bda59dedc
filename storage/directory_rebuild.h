// DirectoryRebuild: writes what can be kept of a damaged data directory into a
// new one (RELIABILITY.md S4: `kappad recover`).
#ifndef KAPPA_STORAGE_DIRECTORY_REBUILD_H_
#define KAPPA_STORAGE_DIRECTORY_REBUILD_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/wire/types.h"
#include "storage/directory_view.h"
#include "storage/log_audit.h"
#include "storage/log_store.h"
#include "storage/rocks_log_store.h"

namespace kappa::storage {

// What became of one replica's log. A log has no holes, so everything behind
// the first entry that cannot be read is given up with it.
struct RebuiltLog {
  ReplicaNumber replica;
  std::optional<GroupId> group;  // absent: nothing says which
  LogIndex last;                 // of the new log
  Offset end_offset;             // of the new log
  // As the old group row said; absent: that row is lost, and nothing says how
  // far the log went.
  std::optional<LogIndex> old_last;
  std::optional<Offset> old_end_offset;
  uint64_t damaged_entries = 0;  // given up and not readable
  uint64_t whole_entries = 0;    // given up and readable in the old directory
  std::string why;               // something is given up; else empty
  // The new directory has no such replica.
  bool left_out = false;
  // Whether anything of it is given up.
  bool shortened() const {
    return left_out || !old_last.has_value() || last < *old_last;
  }
};

// What the log of the metadata group has led to, as far as it is whole.
struct SoundMetadata {
  std::vector<SideRow> rows;  // all of them, oldest first
  std::set<GroupId> groups;   // that the rows name
};

struct RebuildReport {
  std::vector<RebuiltLog> logs;  // by replica
  uint64_t entries = 0;          // kept
  uint64_t payload_bytes = 0;
  // Why rows were not taken over, but made from the logs: cycles are missing
  // before the last one, and what they wrote is missing in any row. Empty: none
  // are.
  std::string hole;
  // The metadata table was not taken over: it is made anew from its log.
  bool metadata_from_log = false;
  // Replicas whose producer rows were left out: they are folded from the log.
  std::vector<ReplicaNumber> producers_from_log;
};

// The old directory is only read. Replicas keep their numbers, logs their
// terms, votes, offsets, times and chain digests.
//
// Thread safety: thread-compatible.
class DirectoryRebuild {
 public:
  struct Options {
    // Where to: a directory that does not exist yet, or is empty.
    std::string to;
    // Of the metadata group: its log is the source of the metadata table.
    GroupId metadata_group;
    // May change a row of the metadata table, given the log it belongs to.
    std::function<std::string(const RebuiltLog& metadata, std::string_view key,
                              std::string_view value)>
        rewrite_metadata_row;
    // Rows of the metadata table that are written where it has none of their
    // keys, of commands that it was not brought up to yet. Without a hole.
    std::vector<SideRow> further_metadata_rows;
    // After a hole in the cycles: what the metadata log alone says. Its rows
    // are written instead of those found, and a log whose group they do not
    // name is left out, so that its group's id can be given again. Absent: no
    // row is written, and every log is kept.
    std::optional<SoundMetadata> sound_metadata;
    // Which group's log begins with this chain digest: for replicas whose row
    // is lost. Absent: nobody knows, and they are left out.
    std::function<std::optional<GroupId>(const Digest& chain_start)>
        group_of_chain;
    // Told how many payload bytes were written.
    std::function<void(uint64_t bytes)> progress;
    // As RocksLogStoreOptions::on_fatal.
    std::function<void(const absl::Status&)> on_fatal;
  };

  // Borrows the view.
  // Requires: view->readable().
  DirectoryRebuild(const DirectoryView* view, Options options)
      : view_(view), options_(std::move(options)) {}

  // Durable on return.
  // Errors: FAILED_PRECONDITION: a group has other voters, which must rebuild
  // this replica; DATA_LOSS: neither the metadata table nor its log is whole,
  // or rows must be made from a log that no longer begins at its first entry;
  // those of the new store. The new directory is then unfinished.
  absl::StatusOr<RebuildReport> Run();

 private:
  // Fills replicas_, and reports those that nothing identifies.
  void FindReplicas();
  absl::Status CheckAlone() const;
  absl::Status CreateReplicas();
  bool LeftOut(const ViewedReplica& replica) const;
  absl::Status RebuildLog(const ViewedReplica& replica);
  absl::Status BeginLog(const ViewedReplica& replica);
  absl::Status RebuildMetadataTable();
  absl::Status RebuildProducerTable();
  // Rows of a log can be made from it: nothing of its beginning was trimmed.
  absl::Status CheckFromFirst(const RebuiltLog& log) const;
  absl::Status PutSideRows(ReplicaNumber replica, std::vector<SideRow> rows);

  const DirectoryView* const view_;
  const Options options_;
  std::vector<ViewedReplica> replicas_;  // by number
  std::unique_ptr<RocksLogStore> store_;
  RebuildReport report_;
};

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_DIRECTORY_REBUILD_H_

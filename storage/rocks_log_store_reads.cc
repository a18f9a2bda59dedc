// RocksLogStore: what is read of it.
#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "rocksdb/db.h"
#include "storage/rocks_log_store_state.h"
#include "storage/rocks_status.h"

namespace kappa::storage {
namespace {

absl::Status NoReplica(ReplicaNumber replica) {
  return absl::NotFoundError(
      absl::StrCat("replica ", replica.value(), " is not in this directory"));
}

}  // namespace

template <typename Result, typename Reading>
absl::StatusOr<Result> RocksLogStore::State::ReadStable(ReplicaNumber replica,
                                                        Reading read) const {
  while (true) {
    const std::optional<VisibleLog> log = replicas.Visible(replica);
    if (!log.has_value()) return NoReplica(replica);
    absl::StatusOr<Result> result = read(*log);
    const std::optional<VisibleLog> now = replicas.Visible(replica);
    if (!now.has_value()) return NoReplica(replica);
    if (now->epoch == log->epoch) return result;
  }
}

template <typename Before>
absl::StatusOr<LogIndex> RocksLogStore::State::Search(ReplicaNumber replica,
                                                      IndexBounds bounds,
                                                      const VisibleLog& log,
                                                      Before before) const {
  LogIndex low = std::max(bounds.first, log.base.Next());
  LogIndex high = std::min(bounds.last, log.last.Next());
  while (low < high) {
    const LogIndex middle = low + (high - low) / 2;
    absl::StatusOr<EntryHeader> header = entries->ReadHeader(replica, middle);
    if (!header.ok()) return header.status();
    if (before(*header)) {
      low = middle.Next();
    } else {
      high = middle;
    }
  }
  return low;
}

std::vector<ReplicaInfo> RocksLogStore::Replicas() const {
  return state_->replicas.List();
}

absl::StatusOr<ReplicaPosition> RocksLogStore::Position(
    ReplicaNumber replica) const {
  std::optional<ReplicaPosition> position = state_->replicas.Position(replica);
  if (!position.has_value()) return NoReplica(replica);
  return *std::move(position);
}

absl::StatusOr<std::vector<StoredEntry>> RocksLogStore::Read(
    ReplicaNumber replica, LogIndex from, LogIndex last, size_t bytes_max,
    ReadClass read_class) const {
  using Entries = std::vector<StoredEntry>;
  return state_->ReadStable<Entries>(
      replica, [&](const VisibleLog& log) -> absl::StatusOr<Entries> {
        if (from <= log.base) {
          return absl::OutOfRangeError(absl::StrCat(
              "read of replica ", replica.value(), " from index ", from.value(),
              ": its log begins after ", log.base.value()));
        }
        const LogIndex end = std::min(last, log.last);
        if (from > end) return Entries();
        return state_->entries->Read(replica, from, end, bytes_max, read_class,
                                     log.epoch);
      });
}

absl::StatusOr<EntryHeader> RocksLogStore::ReadHeader(ReplicaNumber replica,
                                                      LogIndex index) const {
  return state_->ReadStable<EntryHeader>(
      replica, [&](const VisibleLog& log) -> absl::StatusOr<EntryHeader> {
        if (index <= log.base || index > log.last) {
          return absl::OutOfRangeError(
              absl::StrCat("index ", index.value(), " of replica ",
                           replica.value(), " is not in its log, which holds (",
                           log.base.value(), ", ", log.last.value(), "]"));
        }
        return state_->entries->ReadHeader(replica, index);
      });
}

absl::StatusOr<LogIndex> RocksLogStore::FindOffset(ReplicaNumber replica,
                                                   Offset offset) const {
  return state_->ReadStable<LogIndex>(
      replica, [&](const VisibleLog& log) -> absl::StatusOr<LogIndex> {
        if (offset < log.base_offset) {
          return absl::OutOfRangeError(absl::StrCat(
              "offset ", offset.value(), " of replica ", replica.value(),
              ": its log begins at offset ", log.base_offset.value()));
        }
        return state_->Search(replica,
                              state_->segments.BoundsOfOffset(replica, offset),
                              log, [&](const EntryHeader& header) {
                                return header.next_offset() <= offset;
                              });
      });
}

absl::StatusOr<LogIndex> RocksLogStore::FindTime(ReplicaNumber replica,
                                                 int64_t time_us) const {
  return state_->ReadStable<LogIndex>(
      replica, [&](const VisibleLog& log) -> absl::StatusOr<LogIndex> {
        return state_->Search(replica,
                              state_->segments.BoundsOfTime(replica, time_us),
                              log, [&](const EntryHeader& header) {
                                return header.append_time_us < time_us;
                              });
      });
}

absl::StatusOr<std::vector<raft::EntryId>> RocksLogStore::TermStarts(
    ReplicaNumber replica) const {
  using Starts = std::vector<raft::EntryId>;
  return state_->ReadStable<Starts>(
      replica, [&](const VisibleLog& log) -> absl::StatusOr<Starts> {
        Starts starts;
        LogIndex next = log.base.Next();
        while (next <= log.last) {
          absl::StatusOr<EntryHeader> header =
              state_->entries->ReadHeader(replica, next);
          if (!header.ok()) return header.status();
          const Term term = header->term;
          starts.push_back({term, next});
          // Mostly there is one term; it takes two reads, not a search.
          header = state_->entries->ReadHeader(replica, log.last);
          if (!header.ok()) return header.status();
          if (header->term == term) break;
          const absl::StatusOr<LogIndex> end = state_->Search(
              replica, {next.Next(), log.last.Next()}, log,
              [&](const EntryHeader& at) { return at.term == term; });
          if (!end.ok()) return end.status();
          next = *end;
        }
        return starts;
      });
}

absl::StatusOr<std::optional<std::string>> RocksLogStore::GetSideRow(
    SideTable table, std::string_view key) const {
  std::string value;
  const rocksdb::Status status = state_->database->db()->Get(
      rocksdb::ReadOptions(), state_->database->side(table),
      rocksdb::Slice(key.data(), key.size()), &value);
  if (status.IsNotFound()) return std::optional<std::string>();
  if (!status.ok()) return FromRocksRead(status, "read side row");
  return std::optional<std::string>(std::move(value));
}

absl::Status RocksLogStore::ScanSideRows(
    SideTable table, std::string_view prefix,
    const std::function<bool(std::string_view key, std::string_view value)>&
        visit) const {
  return state_->database->ScanSideRows(rocksdb::ReadOptions(), table, prefix,
                                        visit);
}

}  // namespace kappa::storage

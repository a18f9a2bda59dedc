#include "storage/directory_rebuild.h"

#include <algorithm>
#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "proto/wire/check.h"
#include "storage/configuration_rows.h"
#include "storage/open_verification.h"
#include "storage/producer_record.h"
#include "storage/term_rows.h"

namespace kappa::storage {
namespace {

constexpr size_t kRowsPerWrite = 1000;

bool HasOthers(const raft::Configuration& configuration) {
  return configuration.voters.size() > 1 ||
         !configuration.outgoing_voters.empty();
}

// The base of a log that was never trimmed.
GroupBase FirstBase(const ReplicaSpec& spec) {
  GroupBase base;
  base.chain = spec.chain_start;
  base.configuration = spec.configuration;
  return base;
}

// Splits a log at its first entry that is not whole.
class PrefixWriter {
 public:
  PrefixWriter(RocksLogStore* store, ReplicaNumber replica, LogIndex next)
      : store_(store), replica_(replica), next_(next) {}

  // Writes the entries that continue what was written; counts the others.
  void Take(std::vector<StoredEntry> entries) {
    GroupWrite write;
    write.replica = replica_;
    for (StoredEntry& entry : entries) {
      if (entry.header.index != next_) {
        ++behind_;
        continue;
      }
      next_ = next_.Next();
      end_offset_ = entry.header.next_offset();
      bytes_ += entry.payload.bytes();
      NoteConfiguration(entry);
      write.entries.push_back(
          {std::move(entry.header), std::move(entry.payload)});
    }
    if (write.entries.empty() || !status_.ok()) return;
    entries_ += write.entries.size();
    status_ = store_->Commit({&write, 1});
  }

  const absl::Status& status() const { return status_; }
  LogIndex last() const { return next_.Previous(); }
  std::optional<Offset> end_offset() const { return end_offset_; }
  uint64_t entries() const { return entries_; }
  uint64_t bytes() const { return bytes_; }
  uint64_t behind() const { return behind_; }
  // The newest two of what was written, ascending.
  const std::vector<raft::ConfigurationAt>& configurations() const {
    return configurations_;
  }

 private:
  void NoteConfiguration(const StoredEntry& entry) {
    if (entry.header.kind != raft::EntryKind::kConfiguration) return;
    auto configuration = DecodeConfiguration(entry.payload.ToString());
    if (!configuration.ok()) {
      status_ = configuration.status();
      return;
    }
    if (configurations_.size() == 2) {
      configurations_.erase(configurations_.begin());
    }
    configurations_.push_back({entry.header.index, *std::move(configuration)});
  }

  RocksLogStore* const store_;
  const ReplicaNumber replica_;
  LogIndex next_;
  std::optional<Offset> end_offset_;
  uint64_t entries_ = 0;
  uint64_t bytes_ = 0;
  uint64_t behind_ = 0;
  std::vector<raft::ConfigurationAt> configurations_;
  absl::Status status_;
};

}  // namespace

absl::StatusOr<RebuildReport> DirectoryRebuild::Run() {
  KAPPA_CHECK(view_->readable(), "nothing can be read");
  report_.hole = std::string(VerifyCycleRows(view_->state()).message());
  FindReplicas();
  absl::Status status = CheckAlone();
  if (!status.ok()) return status;
  RocksLogStoreOptions store_options;
  store_options.directory = options_.to;
  store_options.on_fatal = options_.on_fatal;
  absl::StatusOr<std::unique_ptr<RocksLogStore>> store =
      RocksLogStore::Open(std::move(store_options));
  if (!store.ok()) return store.status();
  store_ = *std::move(store);
  status = CreateReplicas();
  for (const ViewedReplica& replica : replicas_) {
    if (status.ok()) status = RebuildLog(replica);
  }
  std::sort(report_.logs.begin(), report_.logs.end(),
            [](const RebuiltLog& a, const RebuiltLog& b) {
              return a.replica < b.replica;
            });
  if (status.ok()) status = RebuildMetadataTable();
  if (status.ok()) status = RebuildProducerTable();
  if (!status.ok()) return status;
  store_.reset();
  return std::move(report_);
}

void DirectoryRebuild::FindReplicas() {
  replicas_ = view_->Replicas();
  const auto known = [this](GroupId group) {
    return std::any_of(
        replicas_.begin(), replicas_.end(),
        [group](const ViewedReplica& at) { return at.spec.group == group; });
  };
  for (const auto& [number, position] : view_->state().positions) {
    if (view_->state().replicas.contains(number)) continue;
    // Its row is lost. What stood in it is in its base, but for the group.
    const GroupBase& base = position.base;
    std::optional<GroupId> group;
    if (base.id.index == LogIndex(0) && options_.group_of_chain) {
      group = options_.group_of_chain(base.chain);
    }
    if (group.has_value() && !known(*group) &&
        !base.configuration.voters.empty()) {
      const ReplicaSpec spec{*group, base.configuration,
                             base.configuration.voters.front(), base.chain};
      replicas_.push_back({number, spec, position});
      continue;
    }
    RebuiltLog log;
    log.replica = number;
    log.group = group;
    log.end_offset = base.offset;
    log.last = base.id.index;
    log.old_last = position.last.index;
    log.old_end_offset = position.end_offset;
    log.left_out = true;
    log.why = "its replica row is lost, and nothing else says whose log it is";
    report_.logs.push_back(std::move(log));
  }
  std::sort(replicas_.begin(), replicas_.end(),
            [](const ViewedReplica& a, const ViewedReplica& b) {
              return a.number < b.number;
            });
}

absl::Status DirectoryRebuild::CheckAlone() const {
  for (const ViewedReplica& replica : replicas_) {
    const bool others = HasOthers(replica.spec.configuration) ||
                        (replica.position.has_value() &&
                         HasOthers(replica.position->base.configuration));
    if (!others) continue;
    return absl::FailedPreconditionError(absl::StrCat(
        "group ", replica.spec.group.value(),
        " has other voters: they hold what this directory lost, and rebuild "
        "its replicas; nothing may be given up here"));
  }
  return absl::OkStatus();
}

absl::Status DirectoryRebuild::CreateReplicas() {
  // Numbers are given in order: every one is created, and those that are no
  // replica (any more) are dropped again.
  ReplicaNumber highest(0);
  for (const auto& [number, row] : view_->state().replicas) {
    highest = std::max(highest, number);
  }
  for (const auto& [number, position] : view_->state().positions) {
    highest = std::max(highest, number);
  }
  std::vector<ReplicaSpec> specs(highest.value());
  std::set<ReplicaNumber> dropped;
  for (ReplicaNumber number(1); number <= highest; ++number) {
    dropped.insert(number);
  }
  for (const ViewedReplica& replica : replicas_) {
    specs[replica.number.value() - 1] = replica.spec;
    if (!LeftOut(replica)) dropped.erase(replica.number);
  }
  absl::StatusOr<std::vector<ReplicaNumber>> numbers =
      store_->CreateReplicas(specs);
  if (!numbers.ok()) return numbers.status();
  KAPPA_CHECK(numbers->empty() || numbers->back() == highest,
              "a new store numbers replicas from 1");
  return store_->DropReplicas(
      std::vector<ReplicaNumber>(dropped.begin(), dropped.end()));
}

bool DirectoryRebuild::LeftOut(const ViewedReplica& replica) const {
  return !report_.hole.empty() && options_.sound_metadata.has_value() &&
         replica.spec.group != options_.metadata_group &&
         !options_.sound_metadata->groups.contains(replica.spec.group);
}

absl::Status DirectoryRebuild::BeginLog(const ViewedReplica& replica) {
  GroupWrite write;
  write.replica = replica.number;
  write.hard_state = replica.position->hard_state;
  if (replica.position->base != FirstBase(replica.spec)) {
    write.install_base = replica.position->base;
  }
  return store_->Commit({&write, 1});
}

absl::Status DirectoryRebuild::RebuildLog(const ViewedReplica& replica) {
  RebuiltLog log;
  log.replica = replica.number;
  log.group = replica.spec.group;
  log.left_out = LeftOut(replica);
  if (!replica.position.has_value()) {
    log.why = "its group row is lost";
    report_.logs.push_back(std::move(log));
    return absl::OkStatus();
  }
  const ReplicaPosition& position = *replica.position;
  absl::Status status;
  if (!log.left_out) status = BeginLog(replica);
  if (!status.ok()) return status;
  LogWalk walk{position.base.id.index.Next(), position.last.index,
               LogAudit(position.base)};
  // What is left out is read all the same: the record says what was whole.
  PrefixWriter writer(store_.get(), replica.number,
                      log.left_out ? LogIndex(0) : walk.from);
  absl::StatusOr<std::vector<DamagedRange>> damage = walk.Run(
      [&](LogIndex from, LogIndex last) {
        return view_->Read(replica.number, from, last);
      },
      [&](std::vector<StoredEntry> entries) {
        writer.Take(std::move(entries));
        if (options_.progress) {
          options_.progress(report_.payload_bytes + writer.bytes());
        }
        return writer.status().ok();
      });
  if (!damage.ok()) return damage.status();
  if (!writer.status().ok()) return writer.status();
  if (!writer.configurations().empty()) {
    status = PutSideRows(
        replica.number,
        {ConfigurationRow(replica.number, writer.configurations())});
    if (!status.ok()) return status;
  }
  log.last = log.left_out ? position.base.id.index : writer.last();
  log.end_offset = writer.end_offset().value_or(position.base.offset);
  log.old_last = position.last.index;
  log.old_end_offset = position.end_offset;
  for (const DamagedRange& range : *damage) {
    log.damaged_entries += range.last - range.first + 1;
  }
  log.whole_entries = writer.behind();
  if (log.left_out) {
    log.why = "no topic is left that names its group";
  } else if (!damage->empty()) {
    log.why = std::string(damage->front().status.message());
  }
  report_.entries += writer.entries();
  report_.payload_bytes += writer.bytes();
  report_.logs.push_back(std::move(log));
  return absl::OkStatus();
}

absl::Status DirectoryRebuild::PutSideRows(ReplicaNumber replica,
                                           std::vector<SideRow> rows) {
  for (size_t at = 0; at < rows.size(); at += kRowsPerWrite) {
    GroupWrite write;
    write.replica = replica;
    const size_t end = std::min(rows.size(), at + kRowsPerWrite);
    write.side_rows.assign(
        std::make_move_iterator(rows.begin() + static_cast<ptrdiff_t>(at)),
        std::make_move_iterator(rows.begin() + static_cast<ptrdiff_t>(end)));
    const absl::Status status = store_->Commit({&write, 1});
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status DirectoryRebuild::CheckFromFirst(const RebuiltLog& log) const {
  const auto position = view_->state().positions.find(log.replica);
  if (position == view_->state().positions.end() ||
      position->second.base.id.index == LogIndex(0)) {
    return absl::OkStatus();
  }
  return absl::DataLossError(absl::StrCat(
      "rows of group ", log.group->value(),
      " are lost, and its log, which they could be made from, begins at entry ",
      position->second.base.id.index.value() + 1));
}

absl::Status DirectoryRebuild::RebuildMetadataTable() {
  const auto log = std::find_if(report_.logs.begin(), report_.logs.end(),
                                [this](const RebuiltLog& at) {
                                  return at.group == options_.metadata_group;
                                });
  if (log == report_.logs.end()) return absl::OkStatus();
  if (!report_.hole.empty()) {
    report_.metadata_from_log = true;
    const absl::Status whole = CheckFromFirst(*log);
    if (!whole.ok() || !options_.sound_metadata.has_value()) return whole;
    return PutSideRows(log->replica, options_.sound_metadata->rows);
  }
  std::vector<SideRow> rows;
  std::set<std::string, std::less<>> keys;
  const absl::Status scanned = view_->ScanSideRows(
      SideTable::kMetadata, "",
      [&](std::string_view key, std::string_view value) {
        keys.emplace(key);
        std::string kept(value);
        if (options_.rewrite_metadata_row) {
          kept = options_.rewrite_metadata_row(*log, key, value);
        }
        rows.push_back(
            {SideTable::kMetadata, std::string(key), std::move(kept)});
        return true;
      });
  for (const SideRow& row : options_.further_metadata_rows) {
    if (!keys.contains(row.key)) rows.push_back(row);
  }
  if (scanned.ok()) return PutSideRows(log->replica, std::move(rows));
  // The rows are what the log has led to: a whole log leads there again.
  report_.metadata_from_log = true;
  if (!log->shortened()) return CheckFromFirst(*log);
  return absl::DataLossError(absl::StrCat(
      "the metadata table is damaged (", scanned.message(),
      "), and so is the log it could be made from (", log->why, ")"));
}

absl::Status DirectoryRebuild::RebuildProducerTable() {
  for (const RebuiltLog& log : report_.logs) {
    if (log.left_out) continue;
    std::vector<SideRow> rows;
    bool usable = report_.hole.empty();
    const std::string checkpoint_key = ProducerCheckpointKey(log.replica);
    const std::string configuration_key = ConfigurationKey(log.replica);
    const std::string terms_prefix = TermRowsPrefix(log.replica);
    const absl::Status scanned = view_->ScanSideRows(
        SideTable::kProducers, ProducerRowsPrefix(log.replica),
        [&](std::string_view key, std::string_view value) {
          // Made from the log, as far as that is kept.
          if (key == configuration_key) return true;
          // Written anew when the next term begins.
          if (key.substr(0, terms_prefix.size()) == terms_prefix) return true;
          if (usable && key == checkpoint_key) {
            const auto checkpoint = DecodeProducerCheckpoint(value);
            usable = checkpoint.ok() && checkpoint->index <= log.last;
          }
          rows.push_back(
              {SideTable::kProducers, std::string(key), std::string(value)});
          return usable;
        });
    if (!scanned.ok() || !usable) {
      report_.producers_from_log.push_back(log.replica);
      const absl::Status whole = CheckFromFirst(log);
      if (!whole.ok()) return whole;
      continue;
    }
    const absl::Status put = PutSideRows(log.replica, std::move(rows));
    if (!put.ok()) return put;
  }
  return absl::OkStatus();
}

}  // namespace kappa::storage

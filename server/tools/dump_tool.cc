#include "server/tools/dump_tool.h"

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "server/tools/partition_names.h"
#include "server/tools/record_line.h"
#include "server/tools/standard_output.h"
#include "storage/directory_view.h"
#include "storage/log_audit.h"

namespace kappa::server {
namespace {

using storage::DirectoryView;
using storage::StoredEntry;
using storage::ViewedReplica;

ExitCode CannotRun(const std::string& why) {
  std::fprintf(stderr, "kappad dump: %s\n", why.c_str());
  return kCannotRun;
}

std::optional<ViewedReplica> FindReplica(const DirectoryView& view,
                                         GroupId group) {
  for (ViewedReplica& replica : view.Replicas()) {
    if (replica.spec.group == group && replica.position.has_value()) {
      return std::move(replica);
    }
  }
  return std::nullopt;
}

// Prints what lies in the range; remembers whether all of it could be.
class RecordPrinter {
 public:
  RecordPrinter(const DumpOptions& options, StandardOutput* output)
      : options_(options), output_(output) {}

  // False behind the end of the range.
  bool Print(const StoredEntry& entry) {
    if (options_.to.has_value() &&
        entry.header.base_offset.value() >= *options_.to) {
      return false;
    }
    next_offset_ = entry.header.next_offset().value();
    if (entry.header.next_offset().value() <= options_.from) {
      before_ = entry.header.index;
      return true;
    }
    if (!raft::UsesOffsets(entry.header.kind)) return true;
    const absl::Status status = PrintRecords(entry);
    if (!status.ok()) Miss(std::string(status.message()));
    return writing_;
  }
  void Miss(const std::string& what) {
    whole_ = false;
    std::fprintf(stderr, "kappad dump: %s\n", what.c_str());
  }
  bool whole() const { return whole_; }
  // The last entry seen that lies before the range.
  LogIndex before() const { return before_; }
  // Whether the log goes on, or may have, within the range.
  bool wants_more() const {
    return writing_ &&
           (!options_.to.has_value() || next_offset_ < *options_.to);
  }

 private:
  absl::Status PrintRecords(const StoredEntry& entry) {
    return VisitRecords(entry, [&](Offset offset, const RecordView& record) {
      if (offset.value() < options_.from) return;
      if (options_.to.has_value() && offset.value() >= *options_.to) return;
      if (!writing_) return;
      writing_ =
          output_->Write(RecordLine(options_.partition, offset,
                                    entry.header.append_time_us, record) +
                         "\n");
    });
  }

  const DumpOptions& options_;
  StandardOutput* const output_;
  bool writing_ = true;
  LogIndex before_;
  uint64_t next_offset_ = 0;  // after the last entry seen
  bool whole_ = true;
};

// Why the directory may have held more than it shows; "" if it did not.
std::string LostAtEnd(const DirectoryView& view) {
  if (!view.database_status().ok()) {
    return std::string(view.database_status().message());
  }
  if (!view.watermark().ok() || !view.watermark()->newest().has_value()) {
    return "the watermark is unreadable, so nothing says what was acknowledged";
  }
  for (const absl::Status& broken : view.BrokenPromises()) {
    return std::string(broken.message());
  }
  if (view.LastCycleIsCopied()) {
    return absl::StrCat(
        "cycle ", view.watermark()->newest()->cycle,
        " stands in the watermark only, and is not shown: start "
        "kappad once, which puts it into the log");
  }
  return "";
}

ExitCode Dump(const DirectoryView& view, const ViewedReplica& replica,
              const DumpOptions& options) {
  const storage::ReplicaPosition& position = *replica.position;
  storage::LogWalk walk{position.base.id.index.Next(), position.last.index,
                        storage::LogAudit(position.base)};
  StandardOutput output;
  RecordPrinter printer(options, &output);
  const auto damage = walk.Run(
      [&](LogIndex from, LogIndex last) {
        return view.Read(replica.number, from, last);
      },
      [&printer](std::vector<StoredEntry> entries) {
        for (const StoredEntry& entry : entries) {
          if (!printer.Print(entry)) return false;
        }
        return true;
      });
  if (!damage.ok()) return CannotRun(std::string(damage.status().message()));
  for (const storage::DamagedRange& range : *damage) {
    if (range.last <= printer.before()) continue;
    printer.Miss(absl::StrCat("passed over entries ", range.first.value(),
                              " to ", range.last.value(), ": ",
                              range.status.message()));
  }
  if (printer.wants_more()) {
    const std::string lost = LostAtEnd(view);
    if (!lost.empty()) {
      printer.Miss("the end of the partition may be lost: " + lost);
      return output.Finish("dump", kForgot);
    }
  }
  return output.Finish("dump", printer.whole() ? kDone : kDamaged);
}

}  // namespace

ExitCode RunDump(const DumpOptions& options) {
  auto view = DirectoryView::Open(options.directory);
  if (!view.ok()) return CannotRun(std::string(view.status().message()));
  if (!(*view)->readable()) {
    return CannotRun(std::string((*view)->database_status().message()));
  }
  const PartitionNames names = PartitionNames::Load(**view);
  const std::optional<GroupId> group =
      names.Find(options.topic, options.partition);
  if (!group.has_value()) {
    return CannotRun(absl::StrCat(options.directory, " knows no partition ",
                                  options.partition, " of topic ",
                                  options.topic));
  }
  const std::optional<ViewedReplica> replica = FindReplica(**view, *group);
  if (!replica.has_value()) {
    return CannotRun(absl::StrCat(options.directory, " holds no replica of ",
                                  names.NameOf(*group)));
  }
  return Dump(**view, *replica, options);
}

}  // namespace kappa::server
